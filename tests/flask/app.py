"""A Flask application that serves the sample site, to compare Sluice with; and the command `fire`.

    /usr/bin/python3 -m flask --app tests/flask/app run        serves the site
    /usr/bin/python3 -m flask --app tests/flask/app fire URL   sends requests to any server here
    /usr/bin/python3 tests/flask/compare.py                    compares the two (in make test)

SLUICE_SITE names another site than sample-site/. The application is ordinary Flask, not a copy of
Sluice: differences.py gives the reason for each difference.
"""

from __future__ import annotations

import mimetypes
import os
import posixpath
from pathlib import Path
from urllib.parse import quote

import click
from flask import Flask, Response, abort, current_app, redirect, request, send_from_directory
from werkzeug.security import safe_join

import firing
import mixes

TOP = Path(__file__).resolve().parents[2]
# Python's own table, so that the machine's /etc/mime.types does not matter.
TYPES = mimetypes.MimeTypes()


def hidden(name: str) -> bool:
    """Whether a segment begins with a dot, and is not .well-known at the root (RFC 8615)."""
    segments = posixpath.normpath("/" + name).split("/")[1:]
    return any(segment.startswith(".") for segment in segments[segments[0] == ".well-known" :])


def serve(name: str = "") -> Response:
    """A file, or index.html for a directory; Werkzeug handles conditional requests."""
    site = current_app.config["SITE"]
    local = safe_join(site, name)
    if local is None or hidden(name):
        abort(404)
    if os.path.isdir(local):
        if name and not name.endswith("/"):
            query = "?" + request.query_string.decode("latin-1") if request.query_string else ""
            return redirect(f"/{quote(name)}/{query}", 301)
        name = posixpath.join(name, "index.html")
    elif name.endswith("/"):
        abort(404)
    kind = TYPES.guess_type(name)[0] or "application/octet-stream"
    return send_from_directory(site, name, mimetype=kind, conditional=True)


@click.command("fire")
@click.argument("url", required=False)
@click.option("--mix", "name", default="site", show_default=True, help="Which requests; --list shows the names.")
@click.option(
    "--count",
    type=click.IntRange(1, firing.COUNT_MAX),
    help="How many requests, the mix over and over.  [default: each one once]",
)
@click.option(
    "--pipeline",
    type=click.IntRange(1, firing.PIPELINE_MAX),
    default=1,
    show_default=True,
    help="How many are sent before the first answer is read.",
)
@click.option("--list", "list_only", is_flag=True, help="List the mixes; with --mix, its requests too.")
@click.pass_context
def fire(
    context: click.Context, url: str | None, name: str, count: int | None, pipeline: int, list_only: bool
) -> None:
    """Send a mix of requests to the server at URL (on this machine), and show its answers.

    Exit status 1 if an answer is not framed as HTTP requires; any well-formed status is fine."""
    site = Path(current_app.config["SITE"])
    if name != "all" and name not in mixes.MIXES:
        raise click.BadParameter(f"no mix {name!r}; there are {', '.join([*mixes.MIXES, 'all'])}", param_hint="--mix")
    if list_only:
        given = context.get_parameter_source("name") is not click.core.ParameterSource.DEFAULT
        click.echo("\n".join(firing.listing(site, name if given else None)))
        return
    if url is None:
        raise click.UsageError("URL is missing: where does the server listen? (http://127.0.0.1:8080/)")
    try:
        origin = firing.origin_of(url)
        report = firing.fire(origin, mixes.mix(name, site), count, pipeline)
    except firing.Refused as refused:
        raise click.ClickException(str(refused)) from None
    click.echo("\n".join(firing.table(report)))
    if report.broken:
        context.exit(1)


def create_app(site: Path | None = None) -> Flask:
    """The application for SITE (default: SLUICE_SITE, or sample-site/). Flask's CLI calls it by its
    name."""
    app = Flask(__name__, static_folder=None)
    app.config["SITE"] = str((site or Path(os.environ.get("SLUICE_SITE", TOP / "sample-site"))).resolve())
    app.add_url_rule("/", view_func=serve)
    app.add_url_rule("/<path:name>", view_func=serve)
    app.cli.add_command(fire)
    return app

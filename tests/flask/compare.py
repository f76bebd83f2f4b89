"""Compares Sluice's three programs with a Flask application that serves the same site.

    /usr/bin/python3 tests/flask/compare.py         (make test runs it)

The four servers get the same requests of mixes.py, byte by byte. Status, body and the fields with a
meaning must be equal, except for the differences that differences.py lists and justifies; each of
those must be exactly as listed. The test also uses the connection again, to see whether it really
goes on. SLUICE_BUILD names the directory of the programs (default: build).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import textwrap
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

sys.dont_write_bytecode = True
try:
    import flask
    import werkzeug
except ImportError:
    sys.exit("compare: Flask is missing; install python3-flask, and run this with /usr/bin/python3")

import mixes
import programs
from app import TOP, create_app
from differences import DIFFERENCES, NO_ANSWER, Case, Difference, find
from mixes import Request
from wire import Broken, Connection, Origin, Response

COMPARED = frozenset(
    "allow connection content-length content-range content-type date etag last-modified location server transfer-encoding".split()
)
DATE_SECONDS = 20  # the greatest distance of Date from our clock
LONG_AGO = 1_600_000_000  # the date of the files that only this test has

View = dict[str, object]


# --- the site ------------------------------------------------------------------------------------


def make_site(sample: Path, where: Path) -> Path:
    """Copies the sample site below WHERE, with links and special files added; gives its
    directory."""
    site = where / "site"
    shutil.copytree(sample, site)
    (where / "outside.txt").write_text("outside of ROOT\n")
    odd = {
        "two words.txt": b"a space in the name\n",
        "na\u00efve.txt": "UTF-8 in the name: na\u00efve\n".encode(),
        "100%.txt": b"a percent sign in the name\n",
        "a+b;c=d&e.txt": b"signs in the name\n",
        "empty.txt": b"",
        "no-extension": b"of no type that a name tells\n",
        "large.bin": bytes(range(256)) * 4096 + b"end",
        "two words/index.html": b"<!doctype html><title>two words</title>\n",
        "bare/file.txt": b"in a directory without an index\n",
        ".hidden.txt": b"not to be seen\n",
        ".hidden/file.txt": b"not to be seen\n",
        "bare/.hidden.txt": b"not to be seen\n",
        "bare/.well-known/file.txt": b"well-known at the root only\n",
        ".well-known/security.txt": b"Contact: mailto:nobody@example.org\n",
        ".well-known/.hidden.txt": b"not to be seen\n",
    }
    for name, data in odd.items():
        path = site / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (LONG_AGO, LONG_AGO))
    links = {
        "link-in.txt": "two words.txt",
        "bare/link-up.txt": "../empty.txt",
        "link-out.txt": "../outside.txt",
        "link-absolute.txt": str(site / "empty.txt"),
        "link-to-nothing.txt": "no-such-file",
        "link-to-itself.txt": "link-to-itself.txt",
        "link-to-directory": "two words",
    }
    for name, target in links.items():
        (site / name).symlink_to(target)
    os.mkfifo(site / "pipe")
    return site


def odd_requests() -> list[Request]:
    """Requests for the targets that a walk through the site doesn't find."""
    targets = (
        "/.hidden.txt", "/.hidden/file.txt", "/bare/.hidden.txt", "/bare/.well-known/file.txt",
        "/.well-known/security.txt", "/.well-known/.hidden.txt", "/bare/../.hidden.txt", "/%2ehidden.txt",
        "/link-in.txt", "/bare/link-up.txt", "/link-out.txt", "/link-absolute.txt", "/link-to-nothing.txt",
        "/link-to-itself.txt", "/link-to-directory", "/link-to-directory/", "/pipe", "/pipe/",
        "/two%20words?a=b&c", "/bare?", "/bare/file.txt/", "/a+b%3Bc%3Dd%26e.txt", "/a+b;c=d&e.txt", "/100%25.txt",
    )  # fmt: skip
    return [Request(f"GET {target}", target=target) for target in targets]


# --- one answer ----------------------------------------------------------------------------------


class Client:
    """Sends requests to one server, each on a connection of its own, and remembers validators."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.known: dict[str, dict[str, str]] = {}

    def ask(self, request: Request) -> View:
        """The parsed answer; one that is not HTTP has only a status and the problem."""
        try:
            if request.conditional and request.target not in self.known:
                self._learn(request)
            response, stays = self._exchange(request)
        except Broken as broken:
            return {"status": NO_ANSWER, "broken": str(broken)}
        except OSError as error:
            return {"status": NO_ANSWER, "broken": f"{error.strerror or error}"}
        return view(self.origin, request, response, stays)

    def _learn(self, request: Request) -> None:
        """Gets the date and the entity tag of the target."""
        response, _ = self._exchange(request.plain())
        date, etag = response.field("Last-Modified"), response.field("ETag")
        if not date or not etag:
            raise Broken(f"GET {request.target} has no Last-Modified and ETag")
        self.known[request.target] = mixes.validators(date, etag)

    def _exchange(self, request: Request) -> tuple[Response, bool]:
        """Sends REQUEST; gives the response and whether the connection went on, which must be as
        announced."""
        with Connection(self.origin) as connection:
            connection.send(request.wire(self.origin.authority, self.known.get(request.target)))
            response = connection.response(request.method)
            if not response.keeps():
                connection.end()
                return response, False
            last = Request("the next one", target="/index.html", fields=(("Connection", "close"),))
            connection.send(last.wire(self.origin.authority))
            following = connection.response("GET")
            if following.status != 200:
                raise Broken(f"the next request on the connection was answered {following.status}")
            connection.end()
            return response, True


def view(origin: Origin, request: Request, response: Response, stays: bool) -> View:
    """The compared properties of an answer, by name."""
    allow = response.field("Allow")
    return {
        "version": response.version,
        "status": response.status,
        "body": response.body,
        "type": _normal_type(response.field("Content-Type")),
        "length": response.field("Content-Length"),
        "range": response.field("Content-Range"),
        "modified": response.field("Last-Modified"),
        "location": _meaning(origin, request, response.field("Location")),
        "allow": frozenset(part.strip() for part in allow.split(",")) if allow is not None else None,
        "connection": "stays" if stays else "closes",
        "etag": _presence(response.field("ETag")),
        "date": _nearness(response.field("Date")),
        "server": response.field("Server"),
        "others": frozenset(name.lower() for name, _ in response.fields) - COMPARED,
    }


def _normal_type(value: str | None) -> str | None:
    """A media type with one space before each parameter."""
    return "; ".join(part.strip() for part in value.split(";")) if value is not None else None


def _meaning(origin: Origin, request: Request, location: str | None) -> str | None:
    """The target of a Location: resolved, escapes in one form, without our own scheme and
    authority."""
    if location is None:
        return None
    base = f"http://{origin.authority}"
    target = urlsplit(urljoin(base + request.target, location))
    leads = quote(unquote(target.path)) + (f"?{target.query}" if target.query else "")
    return leads if target.netloc == origin.authority else f"{target.scheme}://{target.netloc}{leads}"


def _presence(etag: str | None) -> str:
    """Entity tags may differ; only whether there is a strong one is compared."""
    if etag is None:
        return "absent"
    return "strong" if len(etag) > 2 and etag[0] == etag[-1] == '"' and '"' not in etag[1:-1] else f"odd: {etag}"


def _nearness(date: str | None) -> str:
    """Dates may differ by a second; only whether it is the current time is compared."""
    if date is None:
        return "absent"
    return "now" if abs(parsedate_to_datetime(date).timestamp() - time.time()) < DATE_SECONDS else date


# --- comparing -----------------------------------------------------------------------------------


@dataclass
class Tally:
    """The results so far."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)  # listed differences, by name

    def check(self, what: str, complaints: list[str]) -> None:
        """Counts one check."""
        if complaints:
            self.failures.append(f"FAIL {what}\n" + "\n".join(textwrap.indent(each, "     ") for each in complaints))
            print(self.failures[-1], flush=True)
        else:
            self.passed += 1


def compare(reference: Client, case: Case, flask_view: View, sluice_view: View, tally: Tally) -> list[str]:
    """The problems with Sluice's answer to a case, given Flask's."""
    complaints = alone(case, sluice_view)
    status = find(case, "status")
    if not status:
        if flask_view["status"] == NO_ANSWER:
            return complaints + [f"Flask: {flask_view['broken']}"]
        if flask_view["status"] != sluice_view["status"]:
            return complaints + [f"status: Flask {flask_view['status']}, Sluice {sluice_view['status']}"]
        return complaints + compare_fields(case, flask_view, sluice_view, tally)
    tally.seen[status.name] += 1
    if not status.holds(flask_view["status"], sluice_view["status"]):
        return complaints + [_not_as_listed(status, flask_view["status"], sluice_view["status"])]
    if status.same_as is None:
        return complaints
    request = replace(case.request, label=f"GET {status.same_as}", target=status.same_as, raw=None)
    model = reference.ask(request)
    if isinstance(model["status"], int):
        case = Case(request, case.program, model["status"])
    return complaints + compare_fields(case, model, sluice_view, tally)


def compare_fields(case: Case, flask_view: View, sluice_view: View, tally: Tally) -> list[str]:
    """Compares field by field: equal, or as listed."""
    complaints = []
    for name in flask_view.keys() | sluice_view.keys():
        from_flask, from_sluice = flask_view.get(name), sluice_view.get(name)
        listed = find(case, name)
        if listed:
            tally.seen[listed.name] += 1
            if not listed.holds(from_flask, from_sluice):
                complaints.append(_not_as_listed(listed, from_flask, from_sluice))
        elif from_flask != from_sluice:
            complaints.append(f"{name}: {_unequal(from_flask, from_sluice)}")
    return sorted(complaints)


def alone(case: Case, answer: View) -> list[str]:
    """The problems with an answer of Sluice that do not depend on Flask's."""
    status = answer["status"]
    if status == NO_ANSWER:
        return [f"Sluice: {answer['broken']}"]
    assert isinstance(status, int)
    complaints = []
    if status >= 400 and answer["type"] != "text/html; charset=utf-8":
        complaints.append(f"an error page of type {_short(answer['type'])}")
    if status not in (204, 304) and answer["length"] is None:
        complaints.append("no Content-Length")
    if status in (204, 304) and (answer["length"], answer["type"]) != (None, None):
        complaints.append(f"a {status} with Content-Type or Content-Length")
    if (status in (204, 405)) != (answer["allow"] == frozenset({"GET", "HEAD", "OPTIONS"})):
        complaints.append(f"Allow: {_short(answer['allow'])} in a {status}")
    if (answer["server"], answer["date"]) != ("Sluice", "now"):
        complaints.append(f"Server: {_short(answer['server'])}, Date: {_short(answer['date'])}")
    if (case.request.closes or status == 400 or case.program == "simple-server") and answer["connection"] != "closes":
        complaints.append("the connection stays open")
    return complaints


def _not_as_listed(listed: Difference, from_flask: object, from_sluice: object) -> str:
    flask_words, sluice_words = listed.in_words()
    return (
        f"{listed.field}: Flask {_short(from_flask)}, Sluice {_short(from_sluice)}"
        f" (differences.py, {listed.name!r}: Flask {flask_words}, Sluice {sluice_words})"
    )


def _unequal(from_flask: object, from_sluice: object) -> str:
    """Both values; of long bodies, the first difference."""
    both = f"Flask {_short(from_flask)}, Sluice {_short(from_sluice)}"
    if not isinstance(from_flask, bytes) or not isinstance(from_sluice, bytes):
        return both
    return f"{both}; equal up to byte {len(os.path.commonprefix([from_flask, from_sluice]))}"


def _short(value: object) -> str:
    """A value on a line of its own."""
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(value)) + "}"
    text = repr(value)
    return text if len(text) <= 70 else f"{text[:67]}... ({len(value)} bytes)" if isinstance(value, bytes) else text


# --- the whole -----------------------------------------------------------------------------------


def run(build: Path, sample: Path, tally: Tally) -> int:
    """Starts the servers and compares; gives the number of requests."""
    with ExitStack() as stack:
        site = make_site(sample, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-flask-"))))
        requests = list({each.label: each for each in mixes.mix("all", site) + odd_requests()}.values())
        reference = Client(stack.enter_context(programs.flask_server(create_app(site))))
        answers = [reference.ask(request) for request in requests]
        for name in programs.NAMES:
            program = programs.Program(build, name, site)
            client = Client(program.origin)
            try:
                for request, answer in zip(requests, answers):
                    status = answer["status"]
                    assert isinstance(status, (int, str))
                    complaints = compare(reference, Case(request, name, status), answer, client.ask(request), tally)
                    tally.check(f"{name}: {request.label}", complaints)
            finally:
                complaints = program.stop()
            tally.check(f"{name}: it ends well", complaints)
    return len(requests)


def show_differences(tally: Tally) -> None:
    """The accepted differences that occurred."""
    print("\nAccepted differences (answers, what differs: Flask's | Sluice's)")
    for why, group in groupby(DIFFERENCES, lambda each: each.why):
        for each in group:
            flask_words, sluice_words = each.in_words()
            like = f", as Flask's for {each.same_as}" if each.same_as else ""
            print(f"{tally.seen[each.name]:5}  {each.name}: {flask_words} | {sluice_words}{like}")
        print(textwrap.fill(why, 110, initial_indent=" " * 11, subsequent_indent=" " * 11))


def main() -> int:
    """Exit status 0 if all is equal or as listed."""
    build = TOP / os.environ.get("SLUICE_BUILD", "build")
    sample = Path(os.environ.get("SLUICE_SITE", TOP / "sample-site"))
    missing = [name for name in programs.NAMES if not os.access(build / name, os.X_OK)]
    if missing:
        sys.exit(f"compare: no {', '.join(missing)} in {build}; run make first")
    if not (sample / "index.html").is_file():
        sys.exit(f"compare: {sample} has no index.html; SLUICE_SITE names the site")
    tally = Tally()
    try:
        count = run(build, sample, tally)
    except programs.Failed as failed:
        sys.exit(f"compare: {failed}")
    for each in DIFFERENCES:
        occurs = [] if tally.seen[each.name] else ["it is listed in differences.py, but never occurs"]
        tally.check(f"difference {each.name!r}", occurs)
    show_differences(tally)
    versions = f"Flask {flask.__version__} with Werkzeug {werkzeug.__version__}"
    print(f"\n{count} requests to {versions} and to each of {', '.join(programs.NAMES)}")
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Gets the peers: Debian's packages, unpacked below build/bench/peers. Nothing is installed, no
daemon starts, and packages that are installed already are unpacked as well: only libraries are
used from the system."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from .place import PEERS, Failed

PACKAGES = (
    "nginx",
    "libnginx-mod-http-brotli-static",
    "lighttpd",
    "lighttpd-mod-deflate",
    "lighttpd-mod-openssl",
    "h2o",
    "apache2",
    "caddy",
)
SECONDS = 300


def _run(command: list[str], where: Path | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=where,
            capture_output=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except FileNotFoundError:
        raise Failed(f"{command[0]} is missing here") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} took more than {SECONDS} s") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise Failed(f"{' '.join(command[:3])}: {said}") from None
    return done.stdout.decode("utf-8", "replace")


def needed(simulation: str, package: str, siblings: Sequence[str]) -> list[str]:
    """PACKAGE, its SIBLINGS, and those that apt-get -s would install or renew along with it."""
    names = re.findall(r"^Inst (\S+) ", simulation, re.M)
    return list(dict.fromkeys([package, *siblings, *names]))


def siblings_of(package: str, show: Callable[[str], str]) -> list[str]:
    """The packages from the source of PACKAGE that it depends on, directly or through each other.

    A peer's programs and configuration are spread over them (nginx-common, apache2-bin), and where
    they are installed apt-get does not name them. SHOW gives a package's description as `apt-cache
    show` does, or nothing."""
    source, found, ahead = _source(show(package), package), [], [package]
    while ahead:
        depends = "".join(re.findall(r"^(?:Pre-)?Depends: (.*\n)", show(ahead.pop()), re.M))
        for name in re.findall(r"(?:^|[,|\n])\s*([a-z0-9][a-z0-9+.-]*)", depends):
            text = "" if name in (package, *found) else show(name)
            if text and _source(text, name) == source:
                found.append(name)
                ahead.append(name)
    return found


def _source(description: str, package: str) -> str:
    """The source package of PACKAGE: its own name, unless its DESCRIPTION names another."""
    named = re.search(r"^Source: (\S+)", description, re.M)
    return named[1] if named else package


@functools.cache
def _show(package: str) -> str:
    """Debian's description of PACKAGE; nothing for a virtual one."""
    try:
        return _run(["apt-cache", "show", "--no-all-versions", package])
    except Failed:
        return ""


def fetch(again: bool = False) -> dict[str, str]:
    """Unpacks each peer that can be downloaded; gives the problems with the others, by package.
    Keeps what was there before if nothing can be downloaded."""
    stamp = PEERS / "fetched.json"
    if stamp.exists() and not again:
        return json.loads(stamp.read_text())["trouble"]
    fresh = PEERS.with_name(PEERS.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "root").mkdir(parents=True)
    trouble = _download(fresh)
    names = sorted(archive.name for archive in fresh.glob("*.deb"))
    for name in names:
        _run(["dpkg", "-x", str(fresh / name), str(fresh / "root")])
        (fresh / name).unlink()
    if names:
        (fresh / stamp.name).write_text(json.dumps({"trouble": trouble, "archives": names}))
        shutil.rmtree(PEERS, ignore_errors=True)
        fresh.rename(PEERS)
    return trouble


def _download(where: Path) -> dict[str, str]:
    """Downloads the peers and their dependencies into WHERE; gives the problems, by package."""
    trouble = {}
    for package in PACKAGES:
        try:
            plan = _run(["apt-get", "-s", "--no-install-recommends", "install", package])
            names = needed(plan, package, siblings_of(package, _show))
            _run(["apt-get", "download", *names], where)
        except Failed as failed:
            trouble[package] = str(failed)
    return trouble


def archives() -> list[str]:
    """The names of the packages that were unpacked, versions included."""
    stamp = PEERS / "fetched.json"
    return json.loads(stamp.read_text())["archives"] if stamp.exists() else []

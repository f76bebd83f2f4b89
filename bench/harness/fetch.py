"""Gets the peers: Debian's packages, unpacked below build/bench/peers. Nothing is installed, no
daemon starts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

from .place import PEERS, Failed

PACKAGES = (
    "nginx",
    "libnginx-mod-http-brotli-static",
    "lighttpd",
    "lighttpd-mod-deflate",
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


def needed(simulation: str, package: str) -> list[str]:
    """PACKAGE, and those that apt-get -s would install or renew along with it."""
    names = re.findall(r"^Inst (\S+) ", simulation, re.M)
    return list(dict.fromkeys([package, *names]))


def fetch(again: bool = False) -> dict[str, str]:
    """Unpacks each peer that can be had; gives what is wrong with the others, by package. What was
    there before stays if nothing can be had."""
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
    """The packages of the peers and what they need, into WHERE; gives what is wrong, by package."""
    trouble = {}
    for package in PACKAGES:
        try:
            plan = _run(["apt-get", "-s", "--no-install-recommends", "install", package])
            _run(["apt-get", "download", *needed(plan, package)], where)
        except Failed as failed:
            trouble[package] = str(failed)
    return trouble


def archives() -> list[str]:
    """The names of the packages that were unpacked, versions included."""
    stamp = PEERS / "fetched.json"
    return json.loads(stamp.read_text())["archives"] if stamp.exists() else []

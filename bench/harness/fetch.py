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
    """Unpacks each peer that can be had; gives what is wrong with the others, by package."""
    stamp = PEERS / "fetched.json"
    if stamp.exists() and not again:
        return json.loads(stamp.read_text())["trouble"]
    root, archives = PEERS / "root", PEERS / "archives"
    shutil.rmtree(PEERS, ignore_errors=True)
    root.mkdir(parents=True)
    archives.mkdir()
    trouble: dict[str, str] = {}
    for package in PACKAGES:
        try:
            plan = _run(["apt-get", "-s", "--no-install-recommends", "install", package])
            _run(["apt-get", "download", *needed(plan, package)], archives)
        except Failed as failed:
            trouble[package] = str(failed)
    names = sorted(archive.name for archive in archives.glob("*.deb"))
    for name in names:
        _run(["dpkg", "-x", str(archives / name), str(root)])
    shutil.rmtree(archives)
    if any(root.iterdir()):
        stamp.write_text(json.dumps({"trouble": trouble, "archives": names}))
    return trouble


def archives() -> list[str]:
    """The names of the packages that were unpacked, versions included."""
    stamp = PEERS / "fetched.json"
    return json.loads(stamp.read_text())["archives"] if stamp.exists() else []

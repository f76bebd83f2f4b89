"""Results: a CSV file with one row for a workload, server and round, and the machine's facts
beside it."""

from __future__ import annotations

import csv
import datetime
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from . import fetch, place, servers


@dataclass
class Row:
    """One measurement. A column that doesn't apply is None, and empty in the file."""

    kind: str  # wrk, calls, memory, rate, mixed, httperf
    workload: str
    server: str
    round: int
    connections: int | None = None
    offered: float | None = None  # requests a second that were to be made; of httperf, connections
    requests: int | None = None
    seconds: float | None = None
    rps: float | None = None
    bytes: int | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    mean_us: float | None = None
    cpu_ns: int | None = None  # of all the server's threads
    cost_ns: float | None = None  # CPU time for one `unit`
    unit: str | None = None  # request or MiB
    server_share: float | None = None  # of its processor
    client_share: float | None = None
    calls: float | None = None  # system calls for a request
    memory_bytes: float | None = None  # for one idle connection
    errors: int = 0
    note: str = ""

    @property
    def client_bound(self) -> bool:
        """Whether the client had no CPU time left while the server had some, or no descriptors."""
        if "fd-unavail" in self.note:
            return True
        if self.client_share is None or self.server_share is None:
            return False
        return self.client_share >= 0.95 and self.server_share < 0.90


COLUMNS = tuple(field.name for field in fields(Row))
TEXTS = ("kind", "workload", "server", "unit", "note")
COUNTS = ("round", "connections", "requests", "bytes", "cpu_ns", "errors")


def written(row: Row) -> dict[str, str]:
    """ROW as the file has it, numbers no longer than they are worth."""
    values = {}
    for name, value in asdict(row).items():
        values[name] = (
            "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
        )
    return values


def as_read(values: dict[str, str]) -> Row:
    """A row of the file."""
    row: dict[str, object] = {}
    for name in COLUMNS:
        text = values.get(name, "")
        if name in TEXTS:
            row[name] = text
        elif text == "":
            row[name] = 0 if name == "errors" else None
        else:
            row[name] = int(text) if name in COUNTS else float(text)
    return Row(**row)  # type: ignore[arg-type]


class Sheet:
    """The file, written row by row, so that no measurement is lost."""

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh or not path.exists():
            with path.open("w", newline="") as file:
                csv.DictWriter(file, COLUMNS, lineterminator="\n").writeheader()
            facts_path(path).write_text(json.dumps(facts(), indent=2) + "\n")

    def add(self, row: Row) -> Row:
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(written(row))
        return row


def read(path: Path) -> list[Row]:
    """All rows of the file."""
    try:
        with path.open(newline="") as file:
            return [as_read(values) for values in csv.DictReader(file)]
    except OSError as error:
        raise place.Failed(f"{path}: {error.strerror}") from None


def facts_path(path: Path) -> Path:
    """Where the facts of the results in PATH are."""
    return path.with_suffix(".json")


# --- the machine ---------------------------------------------------------------------------------


def _said(*command: str) -> str:
    """The first line that COMMAND says, or nothing."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip().partition("\n")[0]


def _found(pattern: str, path: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.M)
    except OSError:
        return ""
    return found[1].strip() if found else ""


def _package(name: str) -> str:
    return _said("dpkg-query", "-W", "-f", "${Version}", name)


def facts() -> dict[str, object]:
    """The facts about the machine that a reader needs to judge the figures."""
    commit = _said("git", "-C", str(place.TOP), "rev-parse", "--short", "HEAD")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "cpu": _found(r"^model name\s*: (.*)$", "/proc/cpuinfo") or platform.processor(),
        "cores": os.cpu_count(),
        "cores_used": {"server": place.SERVER_CPU, "client": place.CLIENT_CPU},
        "memory_mib": int(_found(r"^MemTotal:\s+(\d+)", "/proc/meminfo") or 0) >> 10,
        "virtual": "yes" if " hypervisor " in Path("/proc/cpuinfo").read_text() else "no",
        "kernel": platform.release(),
        "system": _found(r'^PRETTY_NAME="?([^"\n]*)', "/etc/os-release"),
        "compiler": _said(os.environ.get("CC", "cc"), "--version"),
        "congestion_control": _found(r"^(\S+)$", "/proc/sys/net/ipv4/tcp_congestion_control"),
        "files_limit": place.raise_files_limit(),
        "load_before": os.getloadavg()[0],
        "commit": commit,
        "servers": {
            kind.name: servers.version(kind) for kind in servers.KINDS.values() if kind.version
        },
        "peers_packages": fetch.archives(),
        "clients": {
            "wrk": _package("wrk"),
            "h2load": _package("nghttp2-client"),
            "httperf": _package("httperf"),
        },
    }


def kinds(rows: Iterable[Row], kind: str) -> list[Row]:
    """Those of one kind."""
    return [row for row in rows if row.kind == kind]

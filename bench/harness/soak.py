"""`make soak`: honest, slow and hostile clients together for minutes, against a build with
sanitizers, on one engine after the other. Memory, descriptors and the honest client's latency must
stay flat.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import hostile, parse, stats, verdict
from .hostile import MIB, Target
from .parse import Sample
from .place import Failed

RATE = 40  # of the honest client, requests a second
SETTLE_SECONDS = 25  # until caches, timeouts and the sanitizer's quarantine are in their rhythm
END_SECONDS = 60  # for the server's end, which searches for leaks
REPORT = re.compile(r"Sanitizer|runtime error:")
# The quarantine of freed memory grows up to its limit, which would look like a leak.
ASAN = "detect_leaks=1:halt_on_error=1:exitcode=99:quarantine_size_mb=4"
UBSAN = "halt_on_error=1:exitcode=99:print_stacktrace=1"

# Short timeouts, so that everything happens many times; few slots, so that they are full at times;
# a small cache, so that it is full early: what it takes is bounded, and would look like a leak.
OPTIONS = (
    "--idle-timeout=4s", "--header-timeout=3s", "--max-connections=800", "--cache-bytes=1M"
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One of the attackers that run together: traffic, connections, new connections a second."""

    traffic: str
    connections: int
    rate: int


PARTS = (
    Part("idle", 150, 50),
    Part("silent", 50, 50),
    Part("slow-head", 150, 50),
    Part("slow-body", 80, 50),
    Part("slow-read", 80, 50),
    Part("unread", 20, 5),
    Part("half-head", 200, 100),
    Part("flood", 20, 100),
    Part("ranges", 2, 5),
    Part("endless-head", 2, 10),
    Part("endless-extension", 2, 10),
    Part("endless-trailer", 2, 10),
    Part("tiny-chunks", 2, 10),
    Part("missing", 1, 5),
    Part("long-paths", 1, 5),
    Part("queries", 1, 5),
)


@dataclass(frozen=True)
class Second:
    """The figures of one second."""

    at: float  # since the start
    memory: int  # VmRSS
    descriptors: int
    p99_ms: float | None


@dataclass(frozen=True)
class Trend:
    """A figure in the first and in the last quarter of a soak: medians."""

    name: str
    first: float
    last: float
    allowed: float  # for the last

    @property
    def flat(self) -> bool:
        return self.last <= self.allowed


@dataclass
class Soak:
    """One engine's soak."""

    engine: str
    seconds: list[Second]
    requests: int
    errors: int
    status: int
    report: str  # a sanitizer's, or ""

    @property
    def died(self) -> bool:
        return bool(self.status or self.report)


# --- arithmetic ----------------------------------------------------------------------------------


def with_latency(seconds: Sequence[Second], samples: Iterable[Sample], began: float) -> list[Second]:
    """SECONDS with the honest client's p99 of each; BEGAN is the moment that `at` counts from."""
    by_second: dict[int, list[float]] = {}
    for sample in samples:
        if sample.good:
            by_second.setdefault(int(sample.began - began), []).append(sample.seconds * 1000)
    return [
        Second(
            second.at,
            second.memory,
            second.descriptors,
            stats.percentile(by_second[int(second.at)], 99) if int(second.at) in by_second else None,
        )
        for second in seconds
    ]


def trends(seconds: Sequence[Second]) -> list[Trend]:
    """First and last quarter of SECONDS, without the time until all is in its rhythm."""
    if not seconds:
        raise Failed("the soak was too short to say anything")
    settled = [second for second in seconds if second.at >= SETTLE_SECONDS] or list(seconds)
    quarter = max(1, len(settled) // 4)
    first, last = settled[:quarter], settled[-quarter:]

    def trend(name: str, column: str, factor: float, more: float) -> Trend:
        values = [
            statistics.median(v for one in part if (v := getattr(one, column)) is not None)
            if any(getattr(one, column) is not None for one in part)
            else float("nan")
            for part in (first, last)
        ]
        return Trend(name, values[0], values[1], values[0] * factor + more)

    return [
        trend("memory MiB", "memory", 1, 4 * MIB),
        trend("descriptors", "descriptors", 1.1, 20),
        trend("p99 ms", "p99_ms", 1.5, 2),
    ]


# --- one soak ------------------------------------------------------------------------------------


def _sampled(target: Target, began: float, seconds: float) -> list[Second]:
    """The server's figures, once a second for SECONDS; fewer if it ends before."""
    found = []
    while (at := time.monotonic() - began) < seconds:
        try:
            memory = hostile.status_bytes(target.pid, "VmRSS")
            found.append(Second(at, memory, hostile.descriptors(target.pid), None))
        except Failed:
            break
        time.sleep(max(0.0, began + int(at) + 1 - time.monotonic()))
    return found


def set_sanitizers() -> None:
    """Has the sanitizers of servers find leaks, and end them at the first report."""
    os.environ.setdefault("ASAN_OPTIONS", ASAN)
    os.environ.setdefault("UBSAN_OPTIONS", UBSAN)


def soak(engine: str, seconds: float) -> Soak:
    """Runs all clients for SECONDS against a server on ENGINE."""
    set_sanitizers()
    with Target(engine, OPTIONS) as target, contextlib.ExitStack() as clients:
        began = time.monotonic()
        honest = clients.enter_context(hostile.Honest(target.port, seconds, RATE))
        for number, part in enumerate(PARTS):
            clients.enter_context(
                hostile.attacker(
                    part.traffic, target.port, seconds, part.connections, part.rate, number + 2
                )
            )
        figures = _sampled(target, began, seconds)
        try:
            samples = honest.finish()
        except Failed:
            samples = parse.honest(honest.said())
        clients.close()
        status, said = target.finish(END_SECONDS)
    return Soak(
        engine,
        with_latency(figures, samples, began),
        len(samples),
        sum(1 for sample in samples if not sample.good),
        status,
        said if REPORT.search(said) else "",
    )


# --- the results ---------------------------------------------------------------------------------

HEADINGS = ("engine", "figure", "first quarter", "last quarter", "growth", "verdict")


def _size(trend: Trend, value: float) -> str:
    return f"{value / MIB:.1f}" if trend.name.endswith("MiB") else f"{value:.1f}"


def rows(one: Soak) -> list[tuple[str, ...]]:
    """The lines of ONE soak."""
    lines = [
        (
            one.engine,
            trend.name,
            _size(trend, trend.first),
            _size(trend, trend.last),
            _size(trend, trend.last - trend.first),
            "flat" if trend.flat else "GROWS",
        )
        for trend in trends(one.seconds)
    ]
    end = "a sanitizer reported" if one.report else f"exit status {one.status}"
    errors = f"{one.errors} errors in {one.requests:,} requests"
    lines.append((one.engine, "end", "", "", errors, f"DIED: {end}" if one.died else "alive, no report"))
    return lines


def table(soaks: Iterable[Soak]) -> str:
    """The table for the screen."""
    return verdict.plain(HEADINGS, [line for one in soaks for line in rows(one)])


def write(path: Path, soaks: Iterable[Soak]) -> None:
    """The CSV file: a row for each second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        sheet = csv.writer(file, lineterminator="\n")
        sheet.writerow(("engine", "second", "memory", "descriptors", "p99_ms"))
        for one in soaks:
            for second in one.seconds:
                p99 = "" if second.p99_ms is None else f"{second.p99_ms:.3f}"
                sheet.writerow(
                    (one.engine, f"{second.at:.1f}", second.memory, second.descriptors, p99)
                )

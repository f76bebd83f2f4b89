"""The table of the benchmark: every server's cost over the limit's, Sluice's targets, and
whether it reaches them.

A row counts only if Sluice made no errors, served at least 0.95 times the best peer's requests a
second, with a p99 of at most 1.1 times its. The best peer of a row is the one with the lowest cost.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from . import stats
from .results import Row
from .servers import PEER_NAMES
from .workloads import (
    MEMORY_COUNTS,
    MEMORY_TARGET_BYTES,
    TABLE,
    TLS_MEMORY_COUNT,
    TLS_MEMORY_TARGET_BYTES,
    TLS_TABLE,
    Workload,
)

RPS_LEAST = 0.95
P99_MOST = 1.1
LIMIT, AGAIN, SLUICE = "limit", "limit-2", "sluice"


class Figures:
    """Questions to a set of results. Rows with errors answer none of them but `errors`."""

    def __init__(self, rows: Iterable[Row]) -> None:
        # A repeated measurement replaces the earlier one.
        self.rows = list(
            {(r.kind, r.workload, r.server, r.round, r.offered): r for r in rows}.values()
        )
        self.found: dict[tuple[str, str, str], list[Row]] = {}
        for row in self.rows:
            self.found.setdefault((row.kind, row.workload, row.server), []).append(row)

    def of(self, kind: str, workload: str, server: str) -> list[Row]:
        """The rows, with and without errors."""
        return self.found.get((kind, workload, server), [])

    def rounds(
        self, workload: str, server: str, column: str, kind: str = "wrk"
    ) -> dict[int, float]:
        """The values of COLUMN, by round."""
        values = {
            row.round: getattr(row, column)
            for row in self.of(kind, workload, server)
            if not row.errors
        }
        return {round_: value for round_, value in values.items() if value is not None}

    def median(self, workload: str, server: str, column: str, kind: str = "wrk") -> float | None:
        """The median of COLUMN."""
        values = self.rounds(workload, server, column, kind)
        return statistics.median(values.values()) if values else None

    def against(
        self, workload: str, server: str, other: str, column: str = "cost_ns", kind: str = "wrk"
    ) -> stats.Interval | None:
        """SERVER's COLUMN ÷ OTHER's, round by round."""
        found = stats.ratios(
            self.rounds(workload, server, column, kind), self.rounds(workload, other, column, kind)
        )
        return stats.interval(found) if found else None

    def ratio(self, workload: str, server: str) -> stats.Interval | None:
        """SERVER's cost ÷ the limit's."""
        return self.against(workload, server, LIMIT)

    def best(self, workload: str) -> str | None:
        """The peer with the lowest cost."""
        costs = {name: self.ratio(workload, name) for name in PEER_NAMES}
        there = {name: found.median for name, found in costs.items() if found}
        return min(there, key=there.__getitem__) if there else None

    def errors(self, workload: str, server: str, kind: str = "wrk") -> int:
        """How many errors there were in all rounds."""
        return sum(row.errors for row in self.of(kind, workload, server))

    def client_bound(self, workload: str, server: str) -> bool:
        """Whether the client was the bottleneck in more than half of the rounds."""
        rows = self.of("wrk", workload, server)
        return 2 * sum(row.client_bound for row in rows) > len(rows)

    def left_out(self) -> list[str]:
        """What couldn't be measured, a line each."""
        lines = [
            f"{row.server}, {row.workload}: {row.note.removeprefix('left out: ')}"
            for row in self.rows
            if row.note.startswith("left out: ")
        ]
        return list(dict.fromkeys(lines))


@dataclass(frozen=True)
class Line:
    """One row of the table, as text; `reached` is None where it can't be said."""

    title: str
    best: str
    nginx: str
    sluice: str
    target: str
    noise: str
    rps: str
    p99: str
    verdict: str
    reached: bool | None


def judge(ratio: stats.Interval, target: float, noise: float | None) -> tuple[bool, str]:
    """Whether RATIO reaches TARGET: by its median, or where the NOISE is wider than the gap, by its
    interval."""
    if ratio.median <= target:
        return True, "yes"
    if noise is not None and noise >= (ratio.median - target) / target and ratio.low <= target:
        return True, "yes, within the noise"
    return False, "no"


def conditions(errors: int, rps: float | None, p99: float | None) -> list[str]:
    """What keeps a row from counting: RPS and P99 are relative to the best peer's."""
    against = []
    if errors:
        against.append(f"{errors} errors")
    if rps is not None and rps < RPS_LEAST:
        against.append(f"{rps:.2f} of its requests/s")
    if p99 is not None and p99 > P99_MOST:
        against.append(f"{p99:.2f} times its p99")
    return against


def _text(ratio: stats.Interval | None) -> str:
    return f"{ratio.median:.2f}" if ratio else "-"


def line(figures: Figures, workload: Workload) -> Line:
    """The row of WORKLOAD."""
    name = workload.name
    best = figures.best(name)
    sluice, again = figures.ratio(name, SLUICE), figures.ratio(name, AGAIN)
    rps = figures.against(name, SLUICE, best, "rps") if best else None
    p99 = figures.against(name, SLUICE, best, "p99_us") if best else None
    errors = figures.errors(name, SLUICE)
    reached, verdict = None, "not measured"
    target = workload.target
    if workload.best_is_target and best:
        target = figures.ratio(name, best).median  # type: ignore[union-attr]
    if sluice and target:
        reached, verdict = judge(sluice, target, again.deviation if again else None)
        against = conditions(errors, rps.median if rps else None, p99.median if p99 else None)
        if against:
            reached, verdict = False, "no: " + ", ".join(against)
    elif errors:
        reached, verdict = False, "no: " + (
            figures.of("wrk", name, SLUICE)[0].note or f"{errors} errors"
        )
    mark = " (client-bound)" if figures.client_bound(name, SLUICE) else ""
    return Line(
        workload.title + mark,
        f"{best} {_text(figures.ratio(name, best))}" if best else "-",
        _text(figures.ratio(name, "nginx")),
        f"{sluice.median:.2f} ({sluice.low:.2f}-{sluice.high:.2f})" if sluice else "-",
        f"<= {target:.2f}" if target else "",
        f"{again.deviation:.2f}" if again else "-",
        _text(rps),
        _text(p99),
        verdict,
        reached,
    )


def memory_line(
    figures: Figures, count: int, secure: bool = False, target: int = MEMORY_TARGET_BYTES
) -> Line | None:
    """The row of the memory that idle connections take; None if that wasn't measured."""
    name = f"{'tls-' if secure else ''}idle-{count}"
    bytes_of = {
        server: figures.median(name, server, "memory_bytes", "memory")
        for server in (*PEER_NAMES, SLUICE)
    }
    there = {server: value for server, value in bytes_of.items() if value is not None}
    if not there:
        return None
    sluice = there.pop(SLUICE, None)
    best = min(there, key=there.__getitem__) if there else None
    reached = None if sluice is None else sluice <= target
    return Line(
        f"{'HTTPS: ' if secure else ''}own memory per idle connection, {count:,} held",
        f"{best} {there[best]:.0f} B" if best else "-",
        f"{there['nginx']:.0f} B" if "nginx" in there else "-",
        "-" if sluice is None else f"{sluice:.0f} B",
        f"<= {target} B",
        "",
        "",
        "",
        {None: "not measured", True: "yes", False: "no"}[reached],
        reached,
    )


def handshakes_line(figures: Figures) -> Line | None:
    """The row of the latency beside handshakes; None if that wasn't measured."""
    name, kind = "tls-beside-handshakes", "handshakes"
    p99 = {
        server: figures.median(name, server, "p99_us", kind) for server in (*PEER_NAMES, SLUICE)
    }
    there = {server: value for server, value in p99.items() if value is not None}
    if not there:
        return None
    sluice = there.pop(SLUICE, None)
    best = min(there, key=there.__getitem__) if there else None
    reached = None if sluice is None or not best else sluice <= there[best]
    return Line(
        "HTTPS: p99 of established connections beside a flood of handshakes",
        f"{best} {there[best]:.0f} us" if best else "-",
        f"{there['nginx']:.0f} us" if "nginx" in there else "-",
        "-" if sluice is None else f"{sluice:.0f} us",
        "the lowest",
        "",
        "",
        "",
        {None: "not measured", True: "yes", False: "no"}[reached],
        reached,
    )


def tls_lines(figures: Figures) -> list[Line]:
    """The rows over TLS that were measured."""
    there = {row.workload for row in figures.rows}
    rows = [line(figures, workload) for workload in TLS_TABLE if workload.name in there]
    memory = memory_line(figures, TLS_MEMORY_COUNT, True, TLS_MEMORY_TARGET_BYTES)
    return rows + [row for row in (memory, handshakes_line(figures)) if row]


def plain_lines(figures: Figures) -> list[Line]:
    """The rows without TLS."""
    rows = [line(figures, workload) for workload in TABLE]
    return rows + [row for count in MEMORY_COUNTS if (row := memory_line(figures, count))]


def lines(figures: Figures) -> list[Line]:
    """The whole table."""
    return plain_lines(figures) + tls_lines(figures)


HEADINGS = (
    "workload",
    "best peer / limit",
    "nginx / limit",
    "Sluice / limit",
    "target",
    "noise",
    "requests/s",
    "p99",
    "reached",
)


def cells(row: Line) -> tuple[str, ...]:
    """ROW under HEADINGS; requests/s and p99 are relative to the best peer's."""
    return (
        row.title, row.best, row.nginx, row.sluice, row.target, row.noise, row.rps, row.p99, row.verdict
    )  # fmt: skip


def plain(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table for the screen."""
    table = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    return "\n".join(
        "  ".join(cell.ljust(widths[k]) for k, cell in enumerate(row)).rstrip() for row in table
    )


def markdown(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table for a page."""
    headings = list(headings)
    table = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in table)

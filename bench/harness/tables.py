"""The report's tables, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import verdict
from .extras import BESIDE_HANDSHAKES, RATES, SHAPES
from .servers import KINDS, PEER_NAMES
from .verdict import Figures
from .workloads import MEMORY_COUNTS, TABLE, TLS_MEMORY_COUNT, TLS_TABLE, Workload

Facts = dict[str, object]
STAGES = ("simple", "persistent", "sluice")
REAL = ("sluice", "uring", *PEER_NAMES)


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _title(name: str) -> str:
    return KINDS[name].title


def targets(figures: Figures, _: Facts) -> str:
    """The table that make bench prints, without HTTPS."""
    return verdict.markdown(verdict.HEADINGS, map(verdict.cells, verdict.plain_lines(figures)))


def https_targets(figures: Figures, _: Facts) -> str:
    """The table's rows of HTTPS."""
    return verdict.markdown(verdict.HEADINGS, map(verdict.cells, verdict.tls_lines(figures)))


def _ratios(workloads: Sequence[Workload]) -> Callable[[Figures, Facts], str]:
    """Every server's cost ÷ the limit's; a star marks those where the client was the bottleneck."""

    def table(figures: Figures, _: Facts) -> str:
        rows = []
        for workload in workloads:
            row = [workload.title]
            for name in REAL:
                found = figures.ratio(workload.name, name)
                star = "\\*" if found and figures.client_bound(workload.name, name) else ""
                row.append(f"{found.median:.2f}{star}" if found else "-")
            rows.append(row)
        return verdict.markdown(["workload", *map(_title, REAL)], rows)

    return table


def https_idle(figures: Figures, _: Facts) -> str:
    """Memory of an idle connection over TLS, and latency beside handshakes."""
    rows = []
    for name in ("limit", *REAL):
        held = figures.median(f"tls-idle-{TLS_MEMORY_COUNT}", name, "memory_bytes", "memory")
        p50, p99 = (
            figures.median(BESIDE_HANDSHAKES, name, column, "handshakes")
            for column in ("p50_us", "p99_us")
        )
        rows.append([_title(name), _cell(held, ",.0f"), _cell(p50, ",.0f"), _cell(p99, ",.0f")])
    return verdict.markdown(
        ["", f"bytes a connection, {TLS_MEMORY_COUNT:,} held", "p50 us", "p99 us"], rows
    )


def _by_workload(
    column: str, form: str, scale: float, kind: str
) -> Callable[[Figures, Facts], str]:
    def table(figures: Figures, _: Facts) -> str:
        names = ("limit", *REAL)
        rows = []
        for workload in TABLE:
            values = [figures.median(workload.name, name, column, kind) for name in names]
            unit = f" (a {workload.unit})" if workload.per_mib and kind == "calls" else ""
            cells = [_cell(None if v is None else v / scale, form) for v in values]
            rows.append([workload.title + unit, *cells])
        return verdict.markdown(["workload", *map(_title, names)], rows)

    return table


def stages(figures: Figures, _: Facts) -> str:
    """The three programs and Apache where all of them can be compared."""
    names = (*STAGES, "apache", "nginx")
    rows = []
    for workload in TABLE:
        if workload.name not in (KINDS["simple"].only or ()):
            continue
        for what, column, scale, form, kind in (
            ("CPU, us a request", "cost_ns", 1000, ".1f", "wrk"),
            ("requests/s", "rps", 1, ",.0f", "wrk"),
            ("system calls a request", "calls", 1, ".2f", "calls"),
        ):
            values = [figures.median(workload.name, name, column, kind) for name in names]
            cells = [_cell(None if v is None else v / scale, form) for v in values]
            rows.append([workload.title, what, *cells])
    return verdict.markdown(["workload", "", *map(_title, names)], rows)


def kept_calls(figures: Figures, _: Facts) -> str:
    """Which system calls a request takes."""
    rows = []
    for workload in TABLE:
        for name in ("limit", "sluice", "uring", "nginx"):
            for row in figures.of("calls", workload.name, name):
                if row.calls is not None:
                    frequent = row.note.partition(": ")[2]
                    rows.append([workload.title, _title(name), f"{row.calls:.2f}", frequent])
    return verdict.markdown(["workload", "server", "all", "most frequent"], rows)


def memory(figures: Figures, _: Facts) -> str:
    """The server's own memory for an idle connection."""
    rows = []
    for name in REAL:
        values = [
            figures.median(f"idle-{count}", name, "memory_bytes", "memory")
            for count in MEMORY_COUNTS
        ]
        rows.append([_title(name), *(_cell(value, ",.0f") for value in values)])
    return verdict.markdown(["bytes a connection", *(f"{c:,} held" for c in MEMORY_COUNTS)], rows)


def rates(figures: Figures, _: Facts) -> str:
    """Latency and cost at fixed rates."""
    rows = []
    for name in ("limit", *REAL):
        row = [_title(name)]
        for offered in RATES:
            p99 = figures.median(f"rate-{offered}", name, "p99_us", "rate")
            cost = figures.median(f"rate-{offered}", name, "cost_ns", "rate")
            row.append("-" if p99 is None or cost is None else f"{p99:,.0f} / {cost / 1000:.1f}")
        rows.append(row)
    return verdict.markdown(["p99 us / CPU us", *(f"{offered:,}/s" for offered in RATES)], rows)


def mixed(figures: Figures, _: Facts) -> str:
    """Small files beside 50 large downloads."""
    rows = []
    for name in REAL:
        values = [
            figures.median("beside-50", name, column, "mixed")
            for column in ("p50_us", "p99_us", "rps")
        ]
        large = figures.of("mixed", "beside-50", name)
        rate = large[0].note.removeprefix("downloads ") if large else "-"
        rows.append([_title(name), *(_cell(value, ",.0f") for value in values), rate])
    return verdict.markdown(["", "p50 us", "p99 us", "requests/s", "downloads (first round)"], rows)


def httperf(figures: Figures, _: Facts) -> str:
    """The highest rate of replies that httperf saw, in each shape."""
    rows = []
    for name in (*STAGES, *PEER_NAMES):
        row = [_title(name)]
        for shape in SHAPES:
            found = [one for one in figures.of("httperf", shape.name, name) if one.rps is not None]
            top = max(found, key=lambda one: one.rps or 0, default=None)
            row.append(
                f"{top.rps:,.0f}{' (client-bound)' if top.client_bound else ''}" if top else "-"
            )
        rows.append(row)
    return verdict.markdown(["replies/s", *(shape.title for shape in SHAPES)], rows)


def _measured_later(facts: Facts) -> list[list[str]]:
    """A part of the results that is from another day, or none."""
    https: dict[str, str] | None = facts.get("https")  # type: ignore[assignment]
    return [["date, commit of HTTPS", f"{https['date']}, {https['commit']}"]] if https else []


def environment(_: Figures, facts: Facts) -> str:
    """The machine and the versions of everything."""
    servers: dict[str, str] = facts["servers"]  # type: ignore[assignment]
    clients: dict[str, str] = facts["clients"]  # type: ignore[assignment]
    rows = [
        ["processor", f"{facts['cpu']}, {facts['cores']} cores"],
        ["virtual machine", str(facts["virtual"])],
        ["memory", f"{facts['memory_mib']} MiB"],
        ["kernel", f"{facts['kernel']}, TCP {facts['congestion_control']}"],
        ["system", str(facts["system"])],
        ["compiler", str(facts["compiler"])],
        ["date, commit", f"{facts['date']}, {facts['commit']}"],
        *_measured_later(facts),
        *([_title(name), said or "not there"] for name, said in servers.items()),
        *([name, said or "not there"] for name, said in clients.items()),
    ]
    return verdict.markdown(["", ""], rows)


def left_out(figures: Figures, _: Facts) -> str:
    """What could not be measured, and why."""
    return "\n".join(f"- {line}" for line in figures.left_out()) or "Nothing was left out."


TABLES: dict[str, Callable[[Figures, Facts], str]] = {
    "targets": targets,
    "ratios": _ratios(TABLE),
    "https-targets": https_targets,
    "https-ratios": _ratios(TLS_TABLE),
    "https-idle": https_idle,
    "costs": _by_workload("cost_ns", ".1f", 1000, "wrk"),
    "throughput": _by_workload("rps", ",.0f", 1, "wrk"),
    "calls": _by_workload("calls", ".2f", 1, "calls"),
    "which-calls": kept_calls,
    "stages": stages,
    "memory": memory,
    "rates": rates,
    "mixed": mixed,
    "httperf": httperf,
    "environment": environment,
    "left-out": left_out,
}

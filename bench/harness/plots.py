"""The report's plots: results as data blocks of a gnuplot script, drawn as SVG."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .content import SIZES
from .extras import RATES, SHAPES
from .place import Failed
from .servers import KINDS, PEER_NAMES
from .verdict import Figures
from .workloads import CONNECTION_COUNTS, DEPTHS, MEMORY_COUNTS, TABLE, TLS_TABLE, Workload

SECONDS = 60
COLOURS = {
    "limit": "#888888",
    "sluice": "#1f6fb4",
    "uring": "#12b5cb",
    "persistent": "#7fb2dd",
    "simple": "#b9d4ec",
    "nginx": "#2f9e44",
    "lighttpd": "#e8890c",
    "h2o": "#9c36b5",
    "apache": "#c92a2a",
    "caddy": "#0b7285",
}
MARKS = {
    "limit": 1, "sluice": 7, "uring": 6, "persistent": 5, "simple": 4,
    "nginx": 9, "lighttpd": 8, "h2o": 11, "apache": 13, "caddy": 2,
}  # fmt: skip
REAL = ("sluice", "uring", *PEER_NAMES)
BASE = 1.0  # bars begin here: of ratios, at the limit
LABEL_COLUMNS = 13  # of a line in a bar's label
Point = tuple[float, ...]  # x and y; of a bar also the ends of its interval


@dataclass(frozen=True)
class Plot:
    """One picture. `lines` gives each server's points; where there are `labels` they are bars, and
    their x are places in `labels`."""

    title: str
    x: str
    y: str
    lines: Callable[[Figures], dict[str, list[Point]]]
    log: str = ""
    labels: Sequence[str] = ()


def _swept(
    names: Sequence[str], at: Sequence[int], prefix: str, column: str = "", kind: str = "wrk"
):
    """Points over AT: COLUMN's median, or where it is empty the cost ÷ the limit's."""

    def lines(figures: Figures) -> dict[str, list[Point]]:
        found: dict[str, list[Point]] = {}
        for name in names:
            for x in at:
                workload = f"{prefix}-{x}"
                if column:
                    y = figures.median(workload, name, column, kind)
                else:
                    ratio = figures.ratio(workload, name)
                    y = ratio.median if ratio else None
                if y:
                    found.setdefault(name, []).append((x, y / 1000 if column == "cost_ns" else y))
        return found

    return lines


def _rows(workloads: Sequence[Workload]) -> Callable[[Figures], dict[str, list[Point]]]:
    """Cost ÷ the limit's of each of WORKLOADS."""

    def lines(figures: Figures) -> dict[str, list[Point]]:
        found: dict[str, list[Point]] = {}
        for name in REAL:
            for place, workload in enumerate(workloads):
                ratio = figures.ratio(workload.name, name)
                if ratio:
                    found.setdefault(name, []).append((place, ratio.median, ratio.low, ratio.high))
        return found

    return lines


def _memory(figures: Figures) -> dict[str, list[Point]]:
    found: dict[str, list[Point]] = {}
    for name in REAL:
        for place, count in enumerate(MEMORY_COUNTS):
            value = figures.median(f"idle-{count}", name, "memory_bytes", "memory")
            if value and value > 0:
                found.setdefault(name, []).append((place, value, value, value))
    return found


def _httperf(shape: str, calls: int) -> Callable[[Figures], dict[str, list[Point]]]:
    def lines(figures: Figures) -> dict[str, list[Point]]:
        found: dict[str, list[Point]] = {}
        for name in ("simple", "persistent", *REAL):
            for row in figures.of("httperf", shape, name):
                if row.offered and row.rps:
                    found.setdefault(name, []).append((row.offered * calls, row.rps))
        return {name: sorted(points) for name, points in found.items()}

    return lines


PLOTS = {
    "ratios": Plot(
        "CPU time over the limit's", "", "times the limit", _rows(TABLE), "y",
        labels=[workload.title for workload in TABLE],
    ),
    "https": Plot(
        "HTTPS: CPU time over the limit's", "", "times the limit", _rows(TLS_TABLE), "y",
        labels=[workload.title.removeprefix("HTTPS: ") for workload in TLS_TABLE],
    ),
    "sizes": Plot(
        "CPU time over the limit's, by size of the body", "bytes", "times the limit",
        _swept(REAL, SIZES, "size"), "xy",
    ),
    "depths": Plot(
        "CPU time of a request, by pipeline depth", "requests sent at once", "us",
        _swept(("limit", *REAL), DEPTHS, "depth", "cost_ns"), "xy",
    ),
    "connections": Plot(
        "CPU time of a request, by connections", "connections", "us",
        _swept(("limit", *REAL), CONNECTION_COUNTS, "connections", "cost_ns"), "xy",
    ),
    "rates": Plot(
        "p99 at a fixed rate", "requests a second", "us",
        _swept(("limit", *REAL), RATES, "rate", "p99_us", "rate"), "y",
    ),
    "memory": Plot(
        "Memory of an idle connection", "", "bytes", _memory, "y",
        labels=[f"{count:,} held" for count in MEMORY_COUNTS],
    ),
    **{
        f"httperf-{shape.name}": Plot(
            f"httperf: {shape.title}", "calls a second, offered", "replies a second",
            _httperf(shape.name, shape.calls), "x",
        )
        for shape in SHAPES
    },
}  # fmt: skip


def _quoted(text: str) -> str:
    """TEXT as a string of gnuplot, in which an apostrophe is doubled."""
    return "'" + text.replace("'", "''") + "'"


def _lines_of(title: str) -> list[str]:
    return textwrap.wrap(title, LABEL_COLUMNS, break_long_words=False)


def _label(title: str) -> str:
    """TITLE as a string of gnuplot of several short lines."""
    return '"' + "\\n".join(_lines_of(title)) + '"'


def _bar(name: str, block: str, width: float) -> str:
    """Boxes from BASE to the median, and a line from end to end of the interval."""
    half, colour = width / 2, COLOURS[name]
    box = f"($1-{half:.4f}):($1+{half:.4f}):($2<{BASE}?$2:{BASE}):($2>{BASE}?$2:{BASE})"
    return (
        f"{block} using 1:2:{box} with boxxyerror title '{KINDS[name].title}' lc rgb '{colour}', "
        f"{block} using 1:3:(0):($4-$3) notitle with vectors nohead lc rgb '#222222' lw 1.2"
    )


def _line(name: str, block: str, place: int, count: int) -> str:
    """Where lines coincide the later ones are thinner, so that all of them can be seen."""
    width = 1.2 + 5.0 * (count - 1 - place) / max(count - 1, 1)
    return (
        f"{block} with linespoints title '{KINDS[name].title}' lc rgb '{COLOURS[name]}'"
        f" lw {width:.1f} pt {MARKS[name]} ps 0.7"
    )


def script(plot: Plot, figures: Figures, out: Path) -> str:
    """The gnuplot script that draws PLOT to OUT; without any data the picture says so."""
    lines = plot.lines(figures)
    bars = bool(plot.labels)
    name = out.stem.replace("-", "_")  # of the SVG's symbols
    size = "1200,600" if bars else "900,460"
    said = [
        f"set terminal svg size {size} noenhanced font 'sans-serif,13' background '#ffffff'"
        f" name '{name}'",
        f"set output '{out}'",
        f"set title {_quoted(plot.title)}",
        f"set xlabel {_quoted(plot.x)}",
        f"set ylabel {_quoted(plot.y)}",
        "set key outside right top",
        "set grid lc rgb '#dddddd'",
        "set style fill solid",
    ]
    if plot.log:
        said.append(f"set logscale {plot.log}")
    if "x" in plot.log:
        said.append("set format x '%.0s%c'")
    if not lines:
        said += ["set label 'not measured' at graph 0.5,0.5 center", "unset logscale"]
        return "\n".join([*said, "plot [0:1][0:1] NaN notitle", ""])
    width = 0.8 / len(lines)
    if bars:
        tics = ", ".join(f"{_label(label)} {place}" for place, label in enumerate(plot.labels))
        said.append(f"set xtics ({tics}) font ',11'")
        said.append(f"set bmargin {2 + max(len(_lines_of(label)) for label in plot.labels)}")
        said.append(f"set arrow from graph 0,first {BASE} to graph 1,first {BASE} nohead")
        said.append(f"set xrange [-0.6:{len(plot.labels) - 0.4}]")
    drawn = []
    for place, (server, points) in enumerate(lines.items()):
        shift = (place - (len(lines) - 1) / 2) * width if bars else 0
        said.append(f"$s{place} << END")
        said += [" ".join(f"{v:.6g}" for v in (x + shift, *more)) for x, *more in points]
        said.append("END")
        block = f"$s{place}"
        drawn.append(
            _bar(server, block, width) if bars else _line(server, block, place, len(lines))
        )
    return "\n".join([*said, "plot " + ", \\\n  ".join(drawn), ""])


def draw_all(figures: Figures, where: Path) -> None:
    """Draws every plot below WHERE."""
    where.mkdir(parents=True, exist_ok=True)
    for name, plot in PLOTS.items():
        text = script(plot, figures, where / f"{name}.svg")
        try:
            done = subprocess.run(
                ["gnuplot"], input=text.encode(), capture_output=True, timeout=SECONDS
            )
        except OSError:
            raise Failed("gnuplot is missing (Debian: gnuplot-nox)") from None
        if done.returncode:
            raise Failed(f"gnuplot, {name}: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")

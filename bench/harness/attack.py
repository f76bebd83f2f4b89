"""`make attack`: each attack on a fresh server, beside an honest client, on both engines.

A run has three parts: the honest client alone, the attack beside it, and some seconds after the
attack. The honest client's latency in the second part is compared with that in the first.
"""

from __future__ import annotations

import csv
import shutil
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from . import hostile, parse, place, stats, verdict
from .hostile import MIB, Target
from .parse import Sample
from .place import Failed

RATE = 80  # of the honest client, requests a second
P99_MOST = 3.0  # times that without the attack
GROWTH_MOST = 4 * MIB
SAMPLE_SECONDS = 0.2
START_SECONDS = 0.5  # of the honest client, which are not counted
END_SECONDS = 20  # for the server's end


@dataclass(frozen=True)
class Pace:
    """How many seconds each part of a run has."""

    alone: float
    attack: float
    after: float

    @property
    def all(self) -> float:
        return START_SECONDS + self.alone + self.attack + self.after


FULL = Pace(5, 10, 6)
QUICK = Pace(2, 4, 4)


@dataclass(frozen=True)
class Attack:
    """An attack and its circumstances."""

    name: str
    traffic: str = ""  # of bench/attackers/attacks.c, if it isn't named like the attack
    connections: int = 0  # 0: as many as the traffic has
    options: tuple[str, ...] = ()  # of the server
    tool: tuple[str, ...] = ()  # slowhttptest's options, instead of traffic
    once: bool = False  # connections that the server closes are not replaced


# bench/attackers/attacks.c describes each traffic (attacker -l). One processor has one worker; with
# --threads=2, slots and limits that are divided among workers show.
TABLE = (
    Attack("unread"),
    Attack("unread-expiry", "unread", 200, ("--idle-timeout=2s",), once=True),
    Attack("unread-few", "unread", 30),
    Attack("slow-read"),
    Attack("slow-read-64-slots", "slow-read", 100, ("--max-connections=64", "--threads=2")),
    Attack("unread-64-slots", "unread", 100, ("--max-connections=64", "--threads=2")),
    Attack("linger"),
    Attack("linger-64-slots", "linger", 100, ("--max-connections=64", "--threads=2")),
    Attack("idle"),
    Attack("idle-4-slots", "idle", 50, ("--max-connections=4", "--threads=2")),
    Attack("idle-64-slots", "idle", 200, ("--max-connections=64", "--threads=2")),
    Attack("silent-64-slots", "silent", 200, ("--max-connections=64", "--threads=2")),
    Attack("slow-head"),
    Attack("slow-head-64-slots", "slow-head", 100, ("--max-connections=64", "--threads=2")),
    Attack("slow-body"),
    Attack("slow-body-64-slots", "slow-body", 100, ("--max-connections=64", "--threads=2")),
    Attack("half-head"),
    Attack("ranges"),
    Attack("flood"),
    Attack("pipeline"),
    Attack("endless-head"),
    Attack("endless-extension"),
    Attack("endless-trailer"),
    Attack("tiny-chunks"),
    Attack("missing"),
    Attack("long-paths"),
    Attack("dots"),
    Attack("many-fields"),
    Attack("many-tags"),
    Attack("queries"),
    Attack("slowhttptest-H", tool=("-H", "-i", "1")),
    Attack("slowhttptest-B", tool=("-B", "-i", "1", "-s", "8192")),
    Attack("slowhttptest-R", tool=("-R", "-a", "1", "-b", "3000")),
    Attack("slowhttptest-X", tool=("-X", "-k", "3", "-w", "512", "-y", "1024", "-n", "1", "-z", "32")),
)
TOOL_CONNECTIONS, TOOL_RATE = 1000, 500
QUIET = Attack("none")  # nothing but the honest client: how far chance goes


@dataclass
class Row:
    """One run. Times are milliseconds, sizes bytes."""

    attack: str
    engine: str
    held: int | None = None  # descriptors that the server opened in the attack, at the peak
    wanted: int | None = None  # the attacker's own totals, as the next three
    opened: int | None = None
    refused: int | None = None
    closed: int | None = None  # by the server
    alone_p50_ms: float | None = None
    alone_p99_ms: float | None = None
    requests: int | None = None  # of the honest client, in the attack and after it
    errors: int | None = None
    retried: int | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    after_p99_ms: float | None = None
    memory_before: int | None = None  # VmRSS; the peak is VmHWM
    memory_peak: int | None = None
    memory_after: int | None = None
    tcp_before: int | None = None  # of all sockets of the machine
    tcp_peak: int | None = None
    tcp_end: int | None = None  # while the attackers still hold their connections
    tcp_after: int | None = None
    cpu_alone: float | None = None  # the server's share of its processor
    cpu: float | None = None
    cpu_after: float | None = None
    status: int | None = None  # of the server's exit
    note: str = ""

    @property
    def p99_ratio(self) -> float | None:
        if not self.alone_p99_ms or self.p99_ms is None:
            return None
        return self.p99_ms / self.alone_p99_ms

    @property
    def growth(self) -> int | None:
        if self.memory_after is None or self.memory_before is None:
            return None
        return self.memory_after - self.memory_before


def judge(row: Row) -> list[str]:
    """The targets that ROW misses."""
    missed = []
    if row.errors is None:
        return ["not measured"]
    if row.errors:
        missed.append("errors")
    if row.p99_ratio is None or row.p99_ratio > P99_MOST:
        missed.append("p99")
    if row.growth is None or row.growth > GROWTH_MOST:
        missed.append("memory")
    if row.status:
        missed.append(f"exit status {row.status}")
    return missed


def describe(attack: Attack) -> str:
    """ATTACK on one line."""
    if attack.tool:
        return " ".join(("slowhttptest", *attack.tool))
    count = str(attack.connections) if attack.connections else ""
    return " ".join(filter(None, (attack.traffic or attack.name, count, *attack.options)))


# --- one run -------------------------------------------------------------------------------------


class Watch:
    """The server's figures over a time: peaks, and CPU time."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.tcp_peak = self.descriptors_peak = 0

    def over(self, seconds: float) -> float:
        """Watches for SECONDS; gives the share of a processor that the server used."""
        began, cpu = time.monotonic(), self.target.cpu_ns()
        while (left := began + seconds - time.monotonic()) > 0:
            time.sleep(min(left, SAMPLE_SECONDS))
            self.tcp_peak = max(self.tcp_peak, hostile.tcp_bytes())
            self.descriptors_peak = max(
                self.descriptors_peak, hostile.descriptors(self.target.pid)
            )
        return (self.target.cpu_ns() - cpu) / 1e9 / (time.monotonic() - began)


def client_for(attack: Attack, port: int, seconds: float, scale: float) -> hostile.Client:
    """Starts ATTACK."""
    if attack.tool:
        words = ["-c", str(max(1, round(TOOL_CONNECTIONS * scale))), "-r", str(TOOL_RATE)]
        words += ["-l", str(round(seconds)), "-u", f"http://127.0.0.1:{port}/1m.bin"]
        return hostile.Client([*hostile.PRIORITY.last, "slowhttptest", *attack.tool, *words])
    traffic = attack.traffic or attack.name
    if attack.connections:
        return hostile.attacker(traffic, port, seconds, attack.connections, once=attack.once)
    return hostile.attacker(traffic, port, seconds, scale=scale)


def _fill_attackers(row: Row, client: hostile.Client, attack: Attack) -> None:
    """The attacker's totals, after its end."""
    if attack.tool:
        return
    totals = parse.attacker(client.said())
    row.wanted, row.opened = totals["wanted"], totals["opened"]
    row.refused, row.closed = totals["refused"], totals["closed"]
    row.note = client.complained().replace("\n", "; ")


def _milliseconds(samples: Iterable[Sample], percent: float) -> float | None:
    values = [sample.seconds * 1000 for sample in samples if sample.good]
    return stats.percentile(values, percent) if values else None


def fill_latency(row: Row, samples: Sequence[Sample], begins: float, ends: float) -> None:
    """The honest client's figures; the attack lasted from BEGINS to ENDS."""
    alone = [sample for sample in samples if sample.began < begins]
    during = [sample for sample in samples if begins <= sample.began < ends]
    after = [sample for sample in samples if ends <= sample.began]
    row.alone_p50_ms, row.alone_p99_ms = _milliseconds(alone, 50), _milliseconds(alone, 99)
    row.p50_ms, row.p99_ms = _milliseconds(during, 50), _milliseconds(during, 99)
    row.max_ms, row.after_p99_ms = _milliseconds(during, 100), _milliseconds(after, 99)
    row.requests = len(during) + len(after)
    bad = [sample.outcome for sample in samples if not sample.good]
    row.errors = len(bad)
    row.retried = sum(1 for sample in samples if sample.outcome == "retried")
    kinds = [f"{bad.count(kind)} {kind}" for kind in dict.fromkeys(bad)]
    row.note = ", ".join([*kinds, *([row.note] if row.note else [])])


def measure(attack: Attack, engine: str, pace: Pace, scale: float) -> Row:
    """One run of ATTACK."""
    row = Row(attack.name, engine)
    with Target(engine, attack.options) as target:
        watch = Watch(target)
        with hostile.Honest(target.port, pace.all, RATE) as honest:
            watch.over(START_SECONDS)
            counted = time.monotonic()
            row.cpu_alone = watch.over(pace.alone)
            row.memory_before = hostile.status_bytes(target.pid, "VmRSS")
            row.tcp_before = hostile.tcp_bytes()
            descriptors = hostile.descriptors(target.pid)
            hostile.forget_peak(target.pid)
            watch.tcp_peak = watch.descriptors_peak = 0
            begins = time.monotonic()
            if attack is QUIET:
                row.cpu = watch.over(pace.attack)
            else:
                with client_for(attack, target.port, pace.attack, scale) as client:
                    row.cpu = watch.over(pace.attack)
                    row.tcp_end = hostile.tcp_bytes()
                    place.signal_to(client.process, 15)
                    place.ended_within(client.process, 5)
                    _fill_attackers(row, client, attack)
            ends = time.monotonic()
            row.memory_peak = hostile.status_bytes(target.pid, "VmHWM")
            row.held, row.tcp_peak = watch.descriptors_peak - descriptors, watch.tcp_peak
            row.cpu_after = watch.over(pace.after)
            row.memory_after = hostile.status_bytes(target.pid, "VmRSS")
            row.tcp_after = hostile.tcp_bytes()
            samples = [sample for sample in honest.finish() if sample.began >= counted]
        fill_latency(row, samples, begins, ends)
        row.status = target.finish(END_SECONDS)[0]
    return row


def runs(
    attacks: Sequence[Attack], engines: Sequence[str], pace: Pace, scale: float
) -> Iterator[Row]:
    """Every attack on every engine; a run that fails gives a row with the reason."""
    for attack in attacks:
        if attack.tool and not shutil.which("slowhttptest"):
            print(f"{attack.name} is left out: slowhttptest is not installed", flush=True)
            continue
        for engine in engines:
            try:
                yield measure(attack, engine, pace, scale)
            except (Failed, parse.Unreadable) as reason:
                yield Row(attack.name, engine, note=f"failed: {reason}")


# --- the results ---------------------------------------------------------------------------------

HEADINGS = (
    "attack", "engine", "held", "p50 ms", "p99 ms", "max ms", "errors", "p99 x", "memory MiB",
    "TCP MiB", "CPU %", "misses",
)  # fmt: skip


def _number(value: float | None, form: str, scale: float = 1) -> str:
    return "-" if value is None else format(value / scale, form)


def _parts(values: Iterable[float | None], scale: float) -> str:
    return " ".join(_number(value, ".0f" if scale < 1 else ".1f", scale) for value in values)


def cells(row: Row) -> tuple[str, ...]:
    """ROW under HEADINGS."""
    return (
        row.attack,
        row.engine,
        _number(row.held, ".0f"),
        _number(row.p50_ms, ".2f"),
        _number(row.p99_ms, ".2f"),
        _number(row.max_ms, ".1f"),
        _number(row.errors, ".0f"),
        _number(row.p99_ratio, ".1f"),
        _parts((row.memory_before, row.memory_peak, row.memory_after), MIB),
        _parts((row.tcp_before, row.tcp_peak, row.tcp_end, row.tcp_after), MIB),
        _parts((row.cpu_alone, row.cpu, row.cpu_after), 0.01),
        (", ".join(judge(row)) or "nothing") + (f" ({row.note})" if row.note else ""),
    )


def explanation(rows: Sequence[Row]) -> str:
    """The lines below the table."""
    reached = sum(1 for row in rows if not judge(row))
    quiet = [row.p99_ratio for row in rows if row.attack == QUIET.name and row.p99_ratio]
    chance = f" Without an attack p99 changed by {statistics.median(quiet):.1f}." if quiet else ""
    return (
        f"{reached} of {len(rows)} runs reach every target: no error of the honest client, its p99 at most\n"
        f"{P99_MOST:.0f} times that before the attack, memory back to within {GROWTH_MOST // MIB} MiB."
        f"{chance}\n"
        "held: connections (descriptors) that the server had more than before. Memory: VmRSS before the\n"
        "attack, at the peak, some seconds after. TCP: the kernel's memory for all sockets of the machine\n"
        "before, at the peak, at the attack's end, after. CPU: the server's share of its processor before,\n"
        "in, and after the attack."
    )


def write(path: Path, rows: Sequence[Row]) -> None:
    """The CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        names = [field.name for field in fields(Row)] + ["p99_ratio", "misses"]
        sheet = csv.DictWriter(file, names, lineterminator="\n")
        sheet.writeheader()
        for row in rows:
            values = {**asdict(row), "p99_ratio": row.p99_ratio, "misses": ", ".join(judge(row))}
            sheet.writerow(
                {
                    name: f"{value:.6g}" if isinstance(value, float) else value
                    for name, value in values.items()
                }
            )


def table(rows: Iterable[Row]) -> str:
    """The table for the screen."""
    return verdict.plain(HEADINGS, map(cells, rows))

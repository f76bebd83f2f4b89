"""What the load generators and counters print, taken apart. No processes here: text in, numbers
out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import stats

HTTPERF_ERRORS = (
    "client-timo",
    "socket-timo",
    "connrefused",
    "connreset",
    "addrunavail",
    "ftab-full",
    "other",
)


@dataclass(frozen=True)
class Load:
    """What one run of a load generator has done."""

    requests: int
    seconds: float
    bytes: int
    errors: int
    p50_us: float | None = None
    p99_us: float | None = None
    clients_fault: int = 0  # of httperf: it had no descriptor left (fd-unavail)

    @property
    def rps(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


class Unreadable(Exception):
    """Output that its program would not print."""


def wrk(output: str) -> Load:
    """The line that bench/wrk.lua prints at the end."""
    line = re.search(r"^BENCH (.*)$", output, re.M)
    if not line:
        raise Unreadable("wrk's output has no line of results")
    value = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", line[1])}
    errors = sum(value[name] for name in ("connect", "read", "write", "status", "timeout", "wrong"))
    return Load(
        value["requests"],
        value["duration_us"] / 1e6,
        value["bytes"],
        errors,
        value["p50_us"],
        value["p99_us"],
    )


def h2load(output: str, log: str) -> Load:
    """h2load's summary, and its log of requests: start, status, duration in microseconds."""
    finished = re.search(r"^finished in ([\d.]+)(us|ms|s), ", output, re.M)
    requests = re.search(
        r"^requests: .*?(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
        output,
        re.M,
    )
    traffic = re.search(r"^traffic: .*?\((\d+)\) total", output, re.M)
    if not (finished and requests and traffic):
        raise Unreadable("h2load's output has no summary")
    scale = {"us": 1e-6, "ms": 1e-3, "s": 1.0}[finished[2]]
    done, succeeded = int(requests[1]), int(requests[2])
    errors = done - succeeded + int(requests[4]) + int(requests[5])
    rows = [line.split() for line in log.splitlines()]
    errors += sum(1 for row in rows if len(row) == 3 and not row[1].startswith("2"))
    durations = [float(row[2]) for row in rows if len(row) == 3]
    return Load(
        done,
        float(finished[1]) * scale,
        int(traffic[1]),
        errors,
        stats.percentile(durations, 50) if durations else None,
        stats.percentile(durations, 99) if durations else None,
    )


def tls_load(output: str) -> Load:
    """The line of bench/tls_load.c."""
    found = re.search(r"^connections=(\d+) seconds=([\d.]+) errors=(\d+) resumed=(\d+)$", output, re.M)
    if not found:
        raise Unreadable("tls_load's output has no totals")
    return Load(int(found[1]), float(found[2]), 0, int(found[3]), None, None)


def httperf(output: str) -> Load:
    """httperf's report; a reply that is not 2xx is an error."""
    total = re.search(
        r"^Total: connections (\d+) requests (\d+) replies (\d+) test-duration ([\d.]+) s",
        output,
        re.M,
    )
    statuses = re.search(
        r"^Reply status: 1xx=(\d+) 2xx=(\d+) 3xx=(\d+) 4xx=(\d+) 5xx=(\d+)", output, re.M
    )
    size = re.search(r"^Net I/O: ([\d.]+) KB/s", output, re.M)
    if not (total and statuses and size):
        raise Unreadable("httperf's output has no report")
    named = {
        name: int(number)
        for name, number in re.findall(r"\b([a-z]+-?[a-z]+) (\d+)", _error_lines(output))
    }
    replies, seconds = int(total[3]), float(total[4])
    errors = sum(named.get(name, 0) for name in HTTPERF_ERRORS)
    errors += sum(int(statuses[k]) for k in (1, 3, 4, 5))
    time_ms = re.search(r"^Reply time \[ms\]: response ([\d.]+) transfer ([\d.]+)", output, re.M)
    mean_us = (float(time_ms[1]) + float(time_ms[2])) * 1000 if time_ms else None
    return Load(
        replies,
        seconds,
        round(float(size[1]) * 1024 * seconds),
        errors,
        mean_us,  # httperf tells the mean, no percentile
        None,
        named.get("fd-unavail", 0),
    )


def _error_lines(output: str) -> str:
    lines = re.findall(r"^Errors: (.*)$", output, re.M)
    return (
        " ".join(line for line in lines if not line.startswith("total"))
        + " "
        + " ".join(line.partition(" ")[2] for line in lines if line.startswith("total"))
    )


def perf_calls(output: str) -> dict[str, int]:
    """perf stat -x, of tracepoints: calls by name, and their `total`."""
    counts = {}
    for line in output.splitlines():
        fields = line.split(",")
        if len(fields) < 3 or not fields[0].isdigit():
            continue
        name = fields[2].rpartition(":")[2].removeprefix("sys_enter_")
        counts["total" if name == "sys_enter" else name] = int(fields[0])
    return counts


def strace_calls(output: str) -> dict[str, int]:
    """strace -c: calls by name, and their `total`."""
    counts = {}
    for line in output.splitlines():
        fields = line.split()
        # % time, seconds, usecs/call, calls, (errors), name; the last line is the total, some
        # without usecs/call.
        if len(fields) < 4 or not re.fullmatch(r"[\d.]+", fields[0]):
            continue
        numbers = [field for field in fields[2:-1] if field.isdigit()]
        if fields[-1] == "total":
            counts["total"] = (
                int(fields[3]) if len(fields) > 4 and fields[3].isdigit() else int(fields[2])
            )
        elif len(numbers) >= 2:
            counts[fields[-1]] = int(numbers[1])
    if "total" in counts:
        counts["total"] = sum(count for name, count in counts.items() if name != "total")
    return counts


# --- the programs of bench/attackers -------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One request of bench/attackers/honest.c."""

    began: float  # seconds of CLOCK_MONOTONIC
    seconds: float  # until the last byte of the answer
    outcome: str

    @property
    def good(self) -> bool:
        return self.outcome in ("ok", "retried")


def honest(output: str) -> list[Sample]:
    """Its lines; the last may be cut off."""
    samples = []
    for line in output.splitlines(keepends=True):
        fields = line.split()
        if line.endswith("\n") and len(fields) == 4:
            samples.append(Sample(int(fields[0]) / 1e6, int(fields[1]) / 1e6, fields[3]))
    return samples


def attacker(output: str) -> dict[str, int]:
    """The totals of bench/attackers/attacker.c, by name."""
    totals = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", output)}
    if "held_max" not in totals:
        raise Unreadable("the attacker's output has no totals")
    return totals


def status_bytes(status: str, name: str) -> int:
    """The line NAME of /proc/PID/status, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.M)
    if not found:
        raise Unreadable(f"no {name}")
    return int(found[1]) * 1024

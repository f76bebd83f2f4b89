"""Interleaved rounds: in each one every server runs every workload, and each round begins with
another server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from . import clients, probe
from .content import MIB
from .place import Failed
from .results import Row
from .servers import KINDS, Kind, Server
from .workloads import Workload

WARM_SECONDS = 0.2
TIMED_LEAST = 50  # answers, for their latency to say something
CHECKED_BYTES_MAX = 1 << 19  # wrk keeps whole bodies in memory when it checks each status


@dataclass(frozen=True)
class Pace:
    """How long and how often."""

    rounds: int
    seconds: float
    warm_seconds: float = WARM_SECONDS
    budget_seconds: float = float("inf")  # no round is begun that would end after that

    def another(self, done: int, spent_seconds: float) -> bool:
        """Whether there is time for one more round, after DONE of them."""
        if done == 0:
            return True
        return done < self.rounds and spent_seconds * (done + 1) / done <= self.budget_seconds


def rotated(names: Sequence[str], by: int) -> list[str]:
    """NAMES, beginning BY places later."""
    by %= max(len(names), 1)
    return [*names[by:], *names[:by]]


def wrong_sizes(load: clients.Load, workload: Workload, response_bytes: float) -> int:
    """How many answers too many or too few the bytes that came would make: another answer has
    another size.

    What was under way when the clock stopped is allowed for."""
    pending = (workload.connections * workload.pipeline + 1) * response_bytes
    if len(workload.paths) > 1:
        pending += 0.01 * load.bytes  # the last turn through the paths may not be whole
    off = abs(load.bytes - load.requests * response_bytes) - pending
    return max(0, round(off / response_bytes))


class Measurer:
    """Measures with wrk; remembers the answers of each server."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], probe.Expected] = {}

    def expected(self, server: Server, workload: Workload) -> probe.Expected:
        """The answers of SERVER to WORKLOAD; Failed if they are wrong. Where there are many
        files each is asked for anew, so that a cache has them all however slow the machine is."""
        key = server.kind.name, workload.name
        if key not in self.known or len(workload.paths) > 1:
            self.known[key] = probe.learn(
                server.port, workload, not server.kind.limit
            )
        return self.known[key]

    def warm(
        self, server: Server, workload: Workload, expected: probe.Expected, seconds: float
    ) -> int:
        """A first run, which checks every status; gives the number of errors."""
        if workload.handshakes:
            return self.run(server, workload, expected, seconds).load.errors
        check = expected.response_bytes <= CHECKED_BYTES_MAX
        return clients.wrk(server.port, workload, expected.headers, seconds, check).load.errors

    def run(
        self, server: Server, workload: Workload, expected: probe.Expected, seconds: float
    ) -> clients.Run:
        """The client of WORKLOAD for SECONDS."""
        if not workload.handshakes:
            return clients.wrk(server.port, workload, expected.headers, seconds)
        run = clients.tls_load(workload.handshakes, server.port, seconds)
        # It doesn't count bytes; a wrong answer is an error for it.
        return replace(run, load=replace(run.load, bytes=round(run.load.requests * expected.response_bytes)))

    def measure(self, kind: Kind, workload: Workload, round_: int, pace: Pace) -> Row:
        """One measurement, of a server that is started for it."""
        with Server(kind, workload.limit_options(), secure=workload.secure) as server:
            expected = self.expected(server, workload)
            errors = self.warm(server, workload, expected, pace.warm_seconds)
            cpu, began = server.cpu_ns(), time.monotonic()
            run = self.run(server, workload, expected, pace.seconds)
            cpu, took = server.cpu_ns() - cpu, time.monotonic() - began
        load = run.load
        errors += load.errors + wrong_sizes(load, workload, expected.response_bytes)
        units = load.bytes / MIB if workload.per_mib else load.requests
        return Row(
            "wrk",
            workload.name,
            kind.name,
            round_,
            connections=workload.connections,
            requests=load.requests,
            seconds=load.seconds,
            rps=load.bytes / expected.response_bytes / load.seconds
            if workload.per_mib
            else load.rps,
            bytes=load.bytes,
            p50_us=load.p50_us if load.requests >= TIMED_LEAST else None,
            p99_us=load.p99_us if load.requests >= TIMED_LEAST else None,
            cpu_ns=cpu,
            cost_ns=cpu / units if units else None,
            unit=workload.unit,
            server_share=cpu / 1e9 / took,
            client_share=run.client_share,
            errors=errors,
        )

    def rounds(
        self, names: Sequence[str], workloads: Sequence[Workload], pace: Pace
    ) -> Iterator[Row]:
        """All measurements. A server that fails at a workload is left out of it from then on, with
        a row that says why."""
        failed: set[tuple[str, str]] = set()
        began, done = time.monotonic(), 0
        while pace.another(done, time.monotonic() - began):
            for workload in workloads:
                for name in rotated(names, done):
                    kind = KINDS[name]
                    if (name, workload.name) in failed or not kind.given(workload.name):
                        continue
                    try:
                        yield self.measure(kind, workload, done, pace)
                    except Failed as reason:
                        failed.add((name, workload.name))
                        yield left_out("wrk", workload.name, name, done, reason)
            done += 1


def left_out(kind: str, workload: str, server: str, round_: int, reason: object) -> Row:
    """The row of a measurement that failed."""
    return Row(kind, workload, server, round_, errors=1, note=f"left out: {reason}")

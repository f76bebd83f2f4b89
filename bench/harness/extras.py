"""Measurements other than rounds of wrk: system calls, memory, fixed rates, small files beside
large, httperf."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from . import clients, content, measure, parse, place, probe
from .place import Failed
from .results import Row
from .rounds import Measurer, Pace, left_out, rotated
from .servers import KINDS, Kind, Server
from .workloads import TLS_MEMORY_COUNT, Workload

RATES = (2000, 10000, 20000, 30000)
RATE_CONNECTIONS = 64
BESIDE = 50  # large downloads that small files are asked for beside
BESIDE_CONNECTIONS = 8
BESIDE_DOWNLOADS = "beside-50"
BESIDE_HANDSHAKES = "tls-beside-handshakes"
HANDSHAKES_RATE = 400  # requests a second on established connections
CALLS_SECONDS = 0.5
FIRST_HELD = 20  # connections before the first measurement of memory


# --- system calls --------------------------------------------------------------------------------


def calls(names: Sequence[str], workloads: Sequence[Workload]) -> Iterator[Row]:
    """System calls for a request (for a MiB from 1 MiB on), in a run of its own: counting costs
    time."""
    measurer = Measurer()
    for workload, name in itertools.product(workloads, names):
        kind = KINDS[name]
        if not kind.given(workload.name):
            continue
        try:
            yield _count(measurer, kind, workload)
        except Failed as reason:
            yield left_out("calls", workload.name, name, 0, reason)


def _count(measurer: Measurer, kind: Kind, workload: Workload) -> Row:
    with Server(kind, workload.limit_options()) as server:
        expected = measurer.expected(server, workload)
        measurer.warm(server, workload, expected, 0.2)
        with measure.Calls(server.pids()) as counter:
            run = clients.wrk(server.port, workload, expected.headers, CALLS_SECONDS)
    load = run.load
    units = load.bytes / content.MIB if workload.per_mib else load.requests
    if not units or "total" not in counter.counts:
        raise Failed("nothing was counted")
    frequent = sorted(counter.counts.items(), key=lambda item: -item[1])
    shares = [f"{name} {count / units:.3g}" for name, count in frequent if name != "total"]
    return Row(
        "calls",
        workload.name,
        kind.name,
        0,
        connections=workload.connections,
        requests=load.requests,
        calls=counter.counts["total"] / units,
        unit=workload.unit,
        errors=load.errors,
        note=f"{counter.tool}: " + (", ".join(shares[:6]) or "not counted by name"),
    )


# --- memory --------------------------------------------------------------------------------------


def _hold(
    port: int, count: int, held: list[socket.socket], secure: bool = False
) -> None:
    """Opens connections until COUNT are held, each with one request answered."""
    while len(held) < count:
        with probe.Asker(port, secure) as asker:
            answer = asker.get("/612.html", {})
            if not answer.keeps or not asker.socket:
                raise Failed("it doesn't keep connections")
            held.append(asker.socket)
            asker.socket = None  # ours now


def memory(
    names: Sequence[str], counts: Sequence[int], round_: int = 0, secure: bool = False
) -> Iterator[Row]:
    """The server's own memory for each idle kept-alive connection, from its growth (Pss)."""
    for count, name in itertools.product(counts, names):
        workload = f"{'tls-' if secure else ''}idle-{count}"
        held: list[socket.socket] = []
        try:
            with Server(KINDS[name], ["{port}", "612"], secure=secure) as server:
                _hold(server.port, FIRST_HELD, held, secure)
                time.sleep(0.2)
                before = measure.memory_bytes(server.pids())
                _hold(server.port, count, held, secure)
                time.sleep(0.5)
                grown = measure.memory_bytes(server.pids()) - before
                alive = sum(1 for connection in held if _is_open(connection))
            yield Row(
                "memory",
                workload,
                name,
                round_,
                connections=count,
                memory_bytes=grown / (count - FIRST_HELD),
                errors=len(held) - alive,
            )
        except (Failed, OSError) as reason:
            yield left_out("memory", workload, name, round_, reason)
        finally:
            for connection in held:
                connection.close()


def tls_memory(names: Sequence[str], round_: int = 0) -> Iterator[Row]:
    """memory() over TLS."""
    return memory(names, (TLS_MEMORY_COUNT,), round_, secure=True)


def _is_open(connection: socket.socket) -> bool:
    """Whether the server still holds its end."""
    connection.setblocking(False)
    try:
        peek = 0 if isinstance(connection, ssl.SSLSocket) else socket.MSG_PEEK
        return bool(connection.recv(1, peek))
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False


# --- latency -------------------------------------------------------------------------------------


def _each(
    kind: str,
    workload: str,
    names: Sequence[str],
    rounds: Iterable[int],
    take: Callable[[Kind, int], Row],
) -> Iterator[Row]:
    """The rows that TAKE makes of each server in each round; those of its failures are left out."""
    for round_ in rounds:
        for name in rotated(names, round_):
            try:
                yield take(KINDS[name], round_)
            except Failed as reason:
                yield left_out(kind, workload, name, round_, reason)


def _latency_row(kind: str, workload: str, server: Kind, round_: int, load: clients.Load) -> Row:
    """What each of these rows has."""
    return Row(
        kind,
        workload,
        server.name,
        round_,
        requests=load.requests,
        seconds=load.seconds,
        rps=load.rps,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
        errors=load.errors,
    )


def rate(names: Sequence[str], pace: Pace, rates: Sequence[float] = RATES) -> Iterator[Row]:
    """Latency at fixed rates, by h2load."""
    for round_, offered in itertools.product(range(pace.rounds), rates):
        take = functools.partial(_at_rate, offered, pace.seconds)
        yield from _each("rate", f"rate-{offered}", names, [round_], take)


def _at_rate(offered: float, seconds: float, kind: Kind, round_: int) -> Row:
    with Server(kind, ["{port}", "612"]) as server:
        clients.h2load(server.port, "/612.html", RATE_CONNECTIONS, offered, 0.2)
        cpu, began = server.cpu_ns(), time.monotonic()
        run = clients.h2load(server.port, "/612.html", RATE_CONNECTIONS, offered, seconds)
        cpu, took = server.cpu_ns() - cpu, time.monotonic() - began
    load = run.load
    return dataclasses.replace(
        _latency_row("rate", f"rate-{offered}", kind, round_, load),
        connections=RATE_CONNECTIONS,
        offered=offered,
        bytes=load.bytes,
        cpu_ns=cpu,
        cost_ns=cpu / load.requests if load.requests else None,
        unit="request",
        server_share=cpu / 1e9 / took,
        client_share=run.client_share,
    )


def mixed(names: Sequence[str], pace: Pace) -> Iterator[Row]:
    """The latency of small files while 50 large downloads go on."""
    many = [name for name in names if not KINDS[name].limit]  # it has one answer only
    take = functools.partial(_beside_downloads, pace.seconds)
    return _each("mixed", BESIDE_DOWNLOADS, many, range(pace.rounds), take)


def _beside_downloads(seconds: float, kind: Kind, round_: int) -> Row:
    large = Workload("large", "", (f"/sizes/{256 * content.MIB}.bin",), BESIDE, per_mib=True)
    small = Workload(BESIDE_DOWNLOADS, "", ("/612.html",), BESIDE_CONNECTIONS)
    with Server(kind) as server:
        download = clients.Wrk(server.port, large, {}, seconds + 10, False)
        try:
            time.sleep(0.3)  # the downloads get under way
            run = clients.wrk(server.port, small, {}, seconds)
            beside = download.stop()
        finally:
            place.end(download.running.process)
    return dataclasses.replace(
        _latency_row("mixed", BESIDE_DOWNLOADS, kind, round_, run.load),
        connections=BESIDE_CONNECTIONS,
        bytes=beside.load.bytes,
        note=f"downloads {beside.load.bytes / content.MIB / beside.load.seconds:.0f} MiB/s",
    )


def handshakes(names: Sequence[str], pace: Pace) -> Iterator[Row]:
    """The latency of established connections while handshakes saturate the server."""
    take = functools.partial(_beside_handshakes, pace.seconds)
    return _each("handshakes", BESIDE_HANDSHAKES, names, range(pace.rounds), take)


def _beside_handshakes(seconds: float, kind: Kind, round_: int) -> Row:
    """h2load's connections are established before the flood begins to matter: it outlasts them."""
    with Server(kind, ["{port}", "612"], secure=True) as server:
        command = [str(clients.TLS_LOAD), "hello", str(server.port), f"{seconds + 1.5}"]
        flood = clients.Running(command)
        try:
            run = clients.h2load(
                server.port,
                "/612.html",
                BESIDE_CONNECTIONS,
                HANDSHAKES_RATE,
                seconds,
                secure=True,
            )
            said, _ = flood.finish(seconds + clients.SPARE_SECONDS)
        finally:
            place.end(flood.process)
    begun = parse.tls_load(said)
    return dataclasses.replace(
        _latency_row("handshakes", BESIDE_HANDSHAKES, kind, round_, run.load),
        connections=BESIDE_CONNECTIONS,
        offered=HANDSHAKES_RATE,
        note=f"{begun.requests / begun.seconds:.0f} handshakes/s begun",
    )


# --- httperf -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Shape:
    """One of the classic ways to use httperf; rates are of connections (or sessions) a second."""

    name: str
    title: str
    calls: int  # on a connection
    first_rate: int
    burst: int = 1

    def options(self, offered: int, seconds: float) -> list[str]:
        """httperf's, for OFFERED connections a second."""
        count = max(1, round(offered * seconds))
        if self.burst > 1:
            return [
                f"--rate={offered}",
                f"--wsess={count},{self.calls},0",
                f"--burst-length={self.burst}",
            ]
        close = [] if self.calls > 1 else ["--add-header=Connection: close\\n"]
        return [f"--rate={offered}", f"--num-conns={count}", f"--num-calls={self.calls}", *close]


SHAPES = (
    Shape("one-call", "a call a connection", 1, 1000),
    Shape("many-calls", "50 calls a connection", 50, 50),
    Shape("bursts", "sessions of 10 bursts of 5 calls", 50, 50, burst=5),
)
STEPS_MAX = 10
SATURATED = 0.9  # of the offered rate


def httperf(names: Sequence[str], pace: Pace, shapes: Sequence[Shape] = SHAPES) -> Iterator[Row]:
    """Offered rate, doubled until a server no longer keeps up."""
    for shape, round_ in itertools.product(shapes, range(pace.rounds)):
        for name in rotated(names, round_):
            if name == "simple" and shape.calls > 1:
                continue
            try:
                yield from _saturate(KINDS[name], shape, round_, pace)
            except Failed as reason:
                yield left_out("httperf", shape.name, name, round_, reason)


def _saturate(kind: Kind, shape: Shape, round_: int, pace: Pace) -> Iterator[Row]:
    """Rates until KIND has twice not kept up (once might be chance) or httperf can't."""
    offered, late = shape.first_rate, 0
    for _ in range(STEPS_MAX):
        with Server(kind, ["-c"] * (shape.calls == 1) + ["{port}", "612"]) as server:
            clients.httperf(server.port, "/612.html", shape.options(shape.first_rate, 0.2), 0.2)
            cpu = server.cpu_ns()
            options = shape.options(offered, pace.seconds)
            run = clients.httperf(server.port, "/612.html", options, pace.seconds + 10)
            cpu = server.cpu_ns() - cpu
        load = run.load
        yield Row(
            "httperf",
            shape.name,
            kind.name,
            round_,
            offered=offered,
            requests=load.requests,
            seconds=load.seconds,
            rps=load.rps,
            bytes=load.bytes,
            mean_us=load.p50_us,
            cpu_ns=cpu,
            cost_ns=cpu / load.requests if load.requests else None,
            unit="request",
            server_share=cpu / 1e9 / load.seconds if load.seconds else None,
            client_share=run.client_share,
            errors=load.errors,
            note=f"fd-unavail {load.clients_fault}" if load.clients_fault else "",
        )
        late += load.rps < SATURATED * offered * shape.calls or load.errors > 0
        if late == 2 or load.clients_fault:
            return
        offered *= 2

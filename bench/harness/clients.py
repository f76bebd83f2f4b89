"""The load generators: one run each, on the client's processor, bounded in time."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import parse, place
from .parse import Load
from .place import BENCH, HOME, Failed
from .workloads import Workload

TLS_LOAD = HOME / "tls_load"
SPARE_SECONDS = 20  # beyond the time that a run is given
ANSWER_SECONDS = 10  # wrk calls a request that takes longer an error


@dataclass(frozen=True)
class Run:
    """A client's results, and the share of its processor that it used."""

    load: Load
    client_share: float


class Running:
    """A running load generator."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self.name = command[0]
        self.out = tempfile.TemporaryFile()
        self.began = time.monotonic()
        self.process = place.start(command, place.CLIENT_CPU, self.out, subprocess.STDOUT, env)

    def finish(self, seconds: float) -> tuple[str, float]:
        """Waits for at most SECONDS; gives its output, and its share of the processor."""
        try:
            if not place.ended_within(self.process, seconds):
                raise Failed(f"{self.name} did not end within {seconds:.0f} s")
            took = time.monotonic() - self.began
            _, status, usage = os.wait4(self.process.pid, 0)
            self.process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            place.end(self.process)
        self.out.seek(0)
        said = self.out.read().decode("utf-8", "replace")
        self.out.close()
        if self.process.returncode:
            last = said.strip().rpartition("\n")[2]
            raise Failed(f"{self.name} ended with status {self.process.returncode}: {last}")
        return said, (usage.ru_utime + usage.ru_stime) / took


class Wrk:
    """wrk, which requests a workload until it is stopped: by itself it runs whole seconds only."""

    def __init__(
        self, port: int, workload: Workload, headers: Mapping[str, str], longest: float, check: bool
    ) -> None:
        self.longest = longest
        scheme = "https" if workload.secure else "http"
        url = f"{scheme}://127.0.0.1:{port}{workload.paths[0]}"
        command = ["wrk", "-t1", f"-c{workload.connections}", f"-d{int(longest) + 2}s"]
        command += [f"--timeout={ANSWER_SECONDS}s", "-s", str(BENCH / "wrk.lua")]
        for name, value in headers.items():
            command += ["-H", f"{name}: {value}"]
        env = {"BENCH_PIPELINE": str(workload.pipeline)}
        self.paths = None
        if len(workload.paths) > 1:
            self.paths = tempfile.NamedTemporaryFile("w", suffix=".paths")
            self.paths.write("\n".join(workload.paths) + "\n")
            self.paths.flush()
            env["BENCH_PATHS"] = self.paths.name
        if check:
            env["BENCH_STATUS"] = str(workload.status)
        self.running = Running([*command, url], env)

    def stop(self) -> Run:
        """Ends it; gives its results."""
        place.signal_to(self.running.process, signal.SIGINT)
        said, share = self.running.finish(SPARE_SECONDS)
        if self.paths:
            self.paths.close()
        return Run(_parsed(parse.wrk, said), share)


def _parsed(parser: object, *texts: str) -> Load:
    try:
        return parser(*texts)  # type: ignore[operator]
    except parse.Unreadable as unreadable:
        raise Failed(f"{unreadable}: {texts[0].strip()[:200]}") from None


def wrk(
    port: int, workload: Workload, headers: Mapping[str, str], seconds: float, check: bool = False
) -> Run:
    """wrk for SECONDS."""
    client = Wrk(port, workload, headers, seconds, check)
    try:
        place.ended_within(client.running.process, seconds)
    except BaseException:
        place.end(client.running.process)
        raise
    return client.stop()


def tls_load(mode: str, port: int, seconds: float) -> Run:
    """bench/tls_load, whose requests are connections; their sizes are not known."""
    running = Running([str(TLS_LOAD), mode, str(port), str(seconds)])
    said, share = running.finish(seconds + SPARE_SECONDS)
    return Run(_parsed(parse.tls_load, said), share)


def h2load(
    port: int, path: str, connections: int, rate: float, seconds: float, secure: bool = False
) -> Run:
    """h2load over HTTP/1.1 at a fixed rate of requests a second over all connections."""
    with tempfile.TemporaryDirectory() as where:
        log = Path(where, "log")
        command = ["h2load", "--h1", "-t1", f"-c{connections}", f"-n{round(rate * seconds)}"]
        command += [f"--rps={rate / connections:.3f}", f"--log-file={log}"]
        scheme = "https" if secure else "http"
        running = Running([*command, f"{scheme}://127.0.0.1:{port}{path}"])
        said, share = running.finish(seconds + SPARE_SECONDS)
        return Run(_parsed(parse.h2load, said, log.read_text()), share)


def httperf(port: int, path: str, options: Sequence[str], seconds: float) -> Run:
    """httperf with OPTIONS, which must not take it much longer than SECONDS. Without --hog: with it
    httperf searches for free ports itself, without an end where old connections hold them all."""
    command = ["httperf", "--server=127.0.0.1", f"--port={port}", f"--uri={path}"]
    running = Running([*command, "--timeout=5", *options])
    said, share = running.finish(seconds + SPARE_SECONDS)
    return Run(_parsed(parse.httperf, said), share)

"""Where things are, which processor is whose, and child processes that do not outlive the
benchmark."""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SLUICE_BUILD", TOP / "build")).resolve()
HOME = Path(
    os.environ.get("SLUICE_BENCH", BUILD / "bench")
).resolve()  # everything that a benchmark makes
SITE = HOME / "site"
PEERS = HOME / "peers"
BENCH = TOP / "bench"

CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = CPUS[0], CPUS[-1]

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """What keeps one measurement, or all of it, from being made; one line."""


def raise_files_limit() -> int:
    """As many descriptors as the hard limit allows, here and in every child; gives the number."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pinned(cpu: int) -> Callable[[], None]:
    """What a child does before exec: it keeps to CPU, and ends when this process ends, however it
    ends."""

    def prepare() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        os.sched_setaffinity(0, {cpu})

    return prepare


def start(
    command: Sequence[str | Path],
    cpu: int,
    out: IO[bytes] | int = subprocess.DEVNULL,
    err: IO[bytes] | int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """COMMAND on CPU, in a session of its own: its children are found, and ended, by it."""
    try:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(env or {})},
            preexec_fn=pinned(cpu),
            start_new_session=True,
        )
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None


def end(process: subprocess.Popen[bytes], seconds: float = 5.0) -> None:
    """Ends PROCESS and whatever it has started in its session: politely, then not."""
    if process.returncode is not None:
        return
    signal_to(process, signal.SIGTERM)
    if not ended_within(process, seconds):
        signal_to(process, signal.SIGKILL)
        ended_within(process, seconds)
    # The dead leader still holds the number, so no other group can have it.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def signal_to(process: subprocess.Popen[bytes], number: int) -> None:
    """Sends a signal to PROCESS, which has not been waited for; Popen's own way would bury it if
    it is dead."""
    os.kill(process.pid, number)


def ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Waits until PROCESS has ended, without burying it; whether it has."""
    pidfd = os.pidfd_open(process.pid)
    try:
        waiting = select.poll()  # select() knows no descriptor above 1,023
        waiting.register(pidfd, select.POLLIN)
        return bool(waiting.poll(seconds * 1000))
    finally:
        os.close(pidfd)

"""What /proc and perf say of a server's processes: CPU time, memory, system calls."""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from . import parse, place

# The calls that are counted by name; the others are in the total.
CALLS = (
    "accept4 close connect epoll_ctl epoll_wait fcntl fstat futex getsockname io_uring_enter ioctl madvise mmap munmap "
    "newfstatat open openat openat2 poll pread64 preadv2 read readv recvfrom recvmsg sendfile64 sendmsg "
    "sendto setsockopt shutdown write writev"
).split()

NAMED_THREADS_MAX = 100


def session(leader: int) -> list[int]:
    """The processes of the session that LEADER leads."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[3]) == leader:
            pids.append(int(stat.parent.name))
    return sorted(pids)


def cpu_ns(pids: Iterable[int]) -> int:
    """The CPU time of all threads of PIDS (schedstat's first number;
    Documentation/scheduler/sched-stats)."""
    total = 0
    for pid in pids:
        for schedstat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(schedstat.read_text().split()[0])
            except OSError:
                continue
    return total


def memory_bytes(pids: Iterable[int]) -> int:
    """The memory of PIDS, pages that several share counted once (Pss of smaps_rollup, proc(5))."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1]) * 1024  # type: ignore[index]
    return total


class Calls:
    """Counts the system calls of PIDS while it is open: by perf's tracepoints, else by strace,
    which slows them. Of a server with very many threads it counts only the total."""

    def __init__(self, pids: list[int]) -> None:
        self.counts: dict[str, int] = {}
        self.tool = "perf" if _perf_counts() else "strace"
        self.out = tempfile.NamedTemporaryFile("r", suffix=".calls")
        threads = sum(1 for pid in pids for _ in Path(f"/proc/{pid}/task").iterdir())
        named = known() if threads <= NAMED_THREADS_MAX else []
        self.process = place.start(
            self._command(pids, named), place.CLIENT_CPU, err=self.out.fileno()
        )
        # Both need a moment to attach, longer with more threads, and neither reports that it has.
        time.sleep(0.3 + 0.0005 * threads * (1 + len(named)))

    def _command(self, pids: list[int], named: list[str]) -> list[str]:
        if self.tool == "perf":
            events = ["raw_syscalls:sys_enter", *(f"syscalls:sys_enter_{call}" for call in named)]
            words = ["perf", "stat", "-x", ",", "-p", ",".join(map(str, pids))]
            return words + [word for event in events for word in ("-e", event)]
        return ["strace", "-c", "-f", *(word for pid in pids for word in ("-p", str(pid)))]

    def __enter__(self) -> Calls:
        return self

    def __exit__(self, *_: object) -> None:
        place.signal_to(self.process, signal.SIGINT)
        place.ended_within(self.process, 5)
        place.end(self.process)
        said = Path(self.out.name).read_text()
        self.counts = parse.perf_calls(said) if self.tool == "perf" else parse.strace_calls(said)
        self.out.close()


def _perf_counts() -> bool:
    """Whether perf may count system calls here."""
    try:
        command = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "true"]
        tried = subprocess.run(command, capture_output=True, timeout=20, check=False)
    except OSError:
        return False
    return tried.returncode == 0 and bool(parse.perf_calls(tried.stderr.decode()).get("total"))


def known() -> list[str]:
    """Those of CALLS that this kernel has a tracepoint for."""
    for events in (
        "/sys/kernel/tracing/events/syscalls",
        "/sys/kernel/debug/tracing/events/syscalls",
    ):
        if Path(events).is_dir():
            return [call for call in CALLS if Path(events, f"sys_enter_{call}").is_dir()]
    return []

"""Parts that `make attack` and `make soak` share: the site, a server with options, attackers, the
honest client, and what the kernel says of the server's process and of TCP's memory."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from . import content, parse, place
from .parse import Sample
from .place import HOME, Failed
from .servers import KINDS, Server

SITE = HOME / "attack-site"
ATTACKER = HOME / "attacker"
HONEST = HOME / "honest"
MIB = content.MIB
SIZES = {"index.html": 612, "612.html": 612, "page.html": 8192, "64k.bin": 65536, "1m.bin": MIB}
# The honest client asks for these in turn.
ASKED = ("612.html", "page.html", "612.html", "page.html", "612.html", "64k.bin")
ENGINES = {"epoll": "sluice", "io_uring": "uring"}
HONEST_SPARE_SECONDS = 8  # beyond the client's deadline
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def make_site() -> Path:
    """The few files that attackers and the honest client ask for."""
    SITE.mkdir(parents=True, exist_ok=True)
    for name, size in SIZES.items():
        path = SITE / name
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(content.text(name, size))
            os.utime(path, (content.LONG_AGO, content.LONG_AGO))
    return SITE


@dataclasses.dataclass
class Priority:
    """The prefixes of commands that decide which program goes first.

    Attackers share a processor with the honest client, and other programs may share both
    processors. As root, the server and the honest client go before others."""

    first: tuple[str, ...] = ("nice", "-n", "-10") if os.geteuid() == 0 else ()
    last: tuple[str, ...] = ("nice", "-n", "15")

    def make_realtime(self) -> None:
        """Has the server and the honest client never wait for other programs (sched(7),
        SCHED_FIFO); a busy machine then changes latencies little. Root only."""
        if os.geteuid() != 0:
            raise Failed("only root may use --realtime")
        self.first, self.last = ("chrt", "-f", "10"), ("nice", "-n", "-5")


PRIORITY = Priority()


# --- the kernel's figures ------------------------------------------------------------------------


def status_bytes(pid: int, name: str) -> int:
    """A line of /proc/PID/status, such as VmRSS or VmHWM."""
    try:
        return parse.status_bytes(Path(f"/proc/{pid}/status").read_text(), name)
    except (OSError, parse.Unreadable):
        raise Failed("the server has ended") from None


def forget_peak(pid: int) -> None:
    """Sets VmHWM to VmRSS (proc(5), clear_refs)."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        pass  # then the peak is that of the process's whole life


def descriptors(pid: int) -> int:
    """How many descriptors PID has open."""
    directory = f"/proc/{pid}/fd"
    try:
        return os.stat(directory).st_size or len(os.listdir(directory))  # the size: Linux 6.2
    except OSError:
        raise Failed("the server has ended") from None


def tcp_bytes() -> int:
    """The memory of all TCP sockets of this machine."""
    sockstat = Path("/proc/net/sockstat").read_text()
    return int(re.search(r"^TCP:.* mem (\d+)", sockstat, re.M)[1]) * PAGE_BYTES  # type: ignore


# --- the server ----------------------------------------------------------------------------------


class Target(Server):
    """A Sluice with ENGINE and OPTIONS on the server's processor."""

    def __init__(self, engine: str, options: Sequence[str]) -> None:
        kind = KINDS[ENGINES[engine]]
        command = [f"--backend={engine}", "--bind=127.0.0.1", *options]
        super().__init__(
            dataclasses.replace(
                kind,
                command=lambda program, words: [
                    *PRIORITY.first, program, words["port"], words["site"], *command
                ],  # fmt: skip
            ),
            site=SITE,
        )

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def finish(self, seconds: float) -> tuple[int, str]:
        """Ends it with SIGTERM within SECONDS; gives its status and its output."""
        assert self.process
        place.end(self.process, seconds)
        return self.process.returncode, (self.run / "said").read_text(errors="replace")


# --- the clients ---------------------------------------------------------------------------------


class Client:
    """A client program on the clients' processor, for a `with` statement."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self.name = str(command[0])
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process: subprocess.Popen[bytes] = place.start(
            command, place.CLIENT_CPU, self.out, self.err
        )

    def said(self) -> str:
        """Its standard output so far."""
        self.out.seek(0)
        return self.out.read().decode("utf-8", "replace")

    def complained(self) -> str:
        """Its standard error so far."""
        self.err.seek(0)
        return self.err.read().decode("utf-8", "replace").strip()

    def wait(self, seconds: float) -> None:
        """Waits for its end by itself."""
        if not place.ended_within(self.process, seconds):
            raise Failed(f"{self.name} did not end within {seconds:.0f} s")
        if self.process.wait():
            raise Failed(f"{self.name}: {self.complained() or self.process.returncode}")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        place.end(self.process)
        self.out.close()
        self.err.close()


def attacker(
    name: str,
    port: int,
    seconds: float,
    connections: int = 0,
    rate: int = 0,
    source: int = 2,
    scale: float = 1,
    once: bool = False,
) -> Client:
    """The attack NAME of bench/attackers/attacks.c, with SCALE times its connections, from
    127.0.0.SOURCE; 0 leaves a number as the table has it. ONCE: it replaces no connection."""
    command = [*PRIORITY.last, ATTACKER, "-s", str(source)]
    command += ["-p", str(round(scale * 100))]
    command += ["-1"] if once else []
    command += ["-c", str(connections)] if connections else []
    command += ["-r", str(rate)] if rate else []
    client = Client([*command, name, str(port), str(round(seconds) + 1)])
    client.name = f"attacker {name}"
    return client


class Honest(Client):
    """The client whose requests must succeed, for SECONDS at RATE requests a second."""

    def __init__(self, port: int, seconds: float, rate: int) -> None:
        self.ends = time.monotonic() + seconds + HONEST_SPARE_SECONDS
        super().__init__([*PRIORITY.first, HONEST, str(port), str(round(seconds)), str(rate), SITE, *ASKED])
        self.name = "honest client"

    def finish(self) -> list[Sample]:
        """Waits for its end; gives all its samples."""
        self.wait(max(self.ends - time.monotonic(), 1))
        return parse.honest(self.said())

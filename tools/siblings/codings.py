"""The codings, and the programs that make them, run so that all can be ended at once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


def _brotli_window(size: int) -> int:
    """Bits of the smallest window that holds all of a file, up to brotli's largest of 16 MiB."""
    return next((bits for bits in range(16, 24) if (1 << bits) - 16 >= size), 24)


@dataclass(frozen=True)
class Coding:
    """A content coding and the program that makes it, from standard input to standard output."""

    name: str  # in Content-Encoding, shortened as in --codings
    tool: str  # the program, and the Debian package that has it
    levels: dict[str, str]
    options: Callable[[int], list[str]]  # for a file of that many bytes
    decoder: list[str]

    @property
    def suffix(self) -> bytes:
        """The end of a sibling's name."""
        return b"." + self.name.encode()

    def encoder(self, level: str, size: int) -> list[str]:
        """The command that compresses SIZE bytes."""
        return [self.tool, self.levels[level], *self.options(size)]


# In the order of the servers' preference. Browsers take zstd with windows up to 8 MiB only (RFC
# 9659), the windows of level 19: --ultra is not used, and a sibling with a larger window is remade.
CODINGS = [
    Coding(
        "br", "brotli", {"fast": "--quality=5", "best": "--quality=11"},
        lambda size: ["-c", f"--lgwin={_brotli_window(size)}"], ["brotli", "-dc"],
    ),
    Coding(
        "zst", "zstd", {"fast": "-3", "best": "-19"},
        lambda size: ["-qc", "-T1", f"--stream-size={size}"], ["zstd", "-qdc", "--memory=8MB"],
    ),
    Coding("gz", "gzip", {"fast": "-6", "best": "-9"}, lambda size: ["-nc"], ["gzip", "-dc"]),
]  # fmt: skip
BY_NAME = {coding.name: coding for coding in CODINGS}


Process = subprocess.Popen[bytes]


class Stopped(Exception):
    """Compression was interrupted."""


class Tools:
    """The programs that are running, so that an interruption can end them all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: set[Process] = set()
        self.stopped = False
        # gzip takes options from a variable; zstd's variables give way to our options.
        self.environment = {name: text for name, text in os.environ.items() if name != "GZIP"}

    @contextmanager
    def run(self, command: list[str], source: int, target: int) -> Iterator[Process]:
        """COMMAND from the descriptor SOURCE to TARGET, in a process group of its own, which the
        terminal's Ctrl-C doesn't reach. It has ended at the end of the block."""
        with self.lock:
            if self.stopped:
                raise Stopped
            process = subprocess.Popen(
                command,
                stdin=source,
                stdout=target,
                stderr=subprocess.PIPE,
                env=self.environment,
                process_group=0,
            )
            self.running.add(process)
        try:
            with process:
                try:
                    yield process
                finally:
                    _kill(process)
        finally:
            with self.lock:
                self.running.remove(process)

    def stop(self) -> None:
        """Ends the running programs and starts no others."""
        with self.lock:
            self.stopped = True
            for process in self.running:
                _kill(process)


def _kill(process: Process) -> None:
    """Ends PROCESS and its group, which could hold our pipes, if it hasn't ended yet."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

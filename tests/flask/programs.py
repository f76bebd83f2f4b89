"""The servers of compare.py: Sluice's three programs as child processes, and Flask's server in a
thread."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from wire import Origin

NAMES = ("simple-server", "persistent-server", "pipelined-server")
READY_SECONDS = 20.0  # a sanitizer's build on a busy machine included
STOP_SECONDS = 20.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A program failed to start or to end; one line."""


def _die_with_parent() -> None:
    """In the child, before exec: no server outlives its test, however the test ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """One of Sluice's programs, serving SITE on a free port of 127.0.0.1."""

    def __init__(self, build: Path, name: str, site: Path) -> None:
        """Starts it and waits for its start screen."""
        self.name = name
        self.out = tempfile.TemporaryFile("w+")
        self.err = tempfile.TemporaryFile("w+")
        command = [str(build / name), "0", str(site), "--bind", "127.0.0.1", "--threads", "2"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, preexec_fn=_die_with_parent
        )
        try:
            self.origin = Origin("127.0.0.1", self._port())
        except Failed:
            self.process.kill()
            self.process.wait()
            raise

    def _port(self) -> int:
        """The port on the start screen."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", _text(self.out))
            if found:
                return int(found[1])
            if ended:
                raise Failed(f"{self.name} ended at once: {_text(self.err).strip() or self.process.returncode}")
            time.sleep(0.02)
        raise Failed(f"{self.name} didn't say where it listens within {READY_SECONDS:.0f} s")

    def stop(self) -> list[str]:
        """Makes it end; gives the problems, each in one line."""
        ended_before = self.process.poll()
        if ended_before is not None:
            return [f"it ended by itself with status {ended_before}: {_last_line(_text(self.err))}"]
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return [f"SIGTERM didn't end it within {STOP_SECONDS:.0f} s"]
        complaints = [] if status == 0 else [f"SIGTERM ended it with status {status}, not 0"]
        text = _text(self.err)
        if "Sanitizer" in text or "runtime error:" in text:
            complaints.append(f"a sanitizer's report:\n{text.rstrip()}")
        return complaints


def _text(file: object) -> str:
    """The content of FILE so far."""
    content = os.pread(file.fileno(), 1 << 20, 0)  # type: ignore[attr-defined]
    return content.decode("utf-8", "replace")


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "no message"


class _Quiet(WSGIRequestHandler):
    """Werkzeug's handler without its log."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Drops the line."""


@contextmanager
def flask_server(app: Flask) -> Iterator[Origin]:
    """APP in Werkzeug's server, with HTTP/1.1 (by threaded=True), on a free port of 127.0.0.1."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Origin("127.0.0.1", server.port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

"""Makes siblings with several threads: checks, compresses, and measures the saving."""

from __future__ import annotations

import argparse
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from siblings.codings import Coding, Stopped, Tools
from siblings.files import (
    Changed,
    Failed,
    check_unchanged,
    finish,
    is_ours,
    opened,
    refresh,
    settled,
    shown,
    sibling_state,
)

TEMPORARY = b".precompress-"  # begins a temporary file's name; the servers serve no dotfile
SAVED_BYTES_MIN = 64  # about the extra header fields of a coded response
ATTEMPTS = 3  # with a file that changes meanwhile
READ_BYTES = 1 << 16


@dataclass
class Plain:
    """A file to compress, and the results so far."""

    path: bytes
    size: int
    left: int = 0  # codings to go


@dataclass
class Outcome:
    """The result for one sibling."""

    plain: Plain
    coding: Coding
    kind: str = ""  # made, current, poor (not worth it), failed
    plain_bytes: int = 0
    bytes: int = 0
    removed: bool = False
    note: str = ""  # the error, or the line that --dry-run prints


@dataclass
class Look:
    """A plain file and its sibling, as they were when one attempt began."""

    path: bytes
    file: int  # the plain file, open
    plain: os.stat_result
    sibling: bytes
    found: os.stat_result | None

    def is_ours(self) -> bool:
        """Whether a sibling of ours exists."""
        return self.found is not None and is_ours(self.sibling, self.found)

    def foreign(self) -> Failed:
        """The message about a foreign file that the servers would send in place of another."""
        name = shown(os.path.basename(self.path))
        return Failed(
            f"{shown(self.sibling)}: would be sent for {name}, but no browser gets {name} out of"
            " it; remove or rename it"
        )


@dataclass
class Maker:
    """Makes siblings according to the options."""

    options: argparse.Namespace
    tools: Tools = field(default_factory=Tools)

    def outcome(self, plain: Plain, coding: Coding) -> Outcome:
        """Brings the sibling of PLAIN in CODING up to date."""
        path, sibling = plain.path, plain.path + coding.suffix
        try:
            for _ in range(ATTEMPTS):
                with suppress(Changed), opened(path) as file:
                    look = Look(path, file, settled(file), sibling, sibling_state(sibling))
                    return self._attempt(Outcome(plain, coding), look)
            raise Failed(f"{shown(path)}: changes all the time")
        except Failed as failed:
            return Outcome(plain, coding, "failed", note=str(failed))
        except OSError as error:
            where = error.filename if isinstance(error.filename, bytes) else sibling
            note = f"{shown(where)}: {error.strerror or error}"
            return Outcome(plain, coding, "failed", note=note)

    def pays(self, size: int, compressed: int) -> bool:
        """Whether a sibling of COMPRESSED bytes is worth having for a file of SIZE."""
        saving = max(SAVED_BYTES_MIN, size * self.options.min_saving / 100)
        return size >= self.options.min_size and size - compressed >= saving

    def _attempt(self, outcome: Outcome, look: Look) -> Outcome:
        outcome.plain_bytes = look.plain.st_size
        if not look.found:
            return self._make(outcome, look)
        if not self._is_right(outcome.coding, look):
            if look.found.st_mtime_ns > look.plain.st_mtime_ns and not look.is_ours():
                raise look.foreign()
            return self._make(outcome, look)
        outcome.kind, outcome.bytes = "current", look.found.st_size
        if self.options.clean and not self.pays(outcome.plain_bytes, outcome.bytes):
            look.found = os.lstat(look.sibling)
            if look.is_ours():
                outcome.kind = "poor"
                self._remove(outcome, look)
        return outcome

    def _is_right(self, coding: Coding, look: Look) -> bool:
        """Whether the sibling holds the plain file; if so, its times are set accordingly."""
        plain, found = look.plain, look.found
        assert found
        # Only the kernel sets ctimes: a file that changed after its sibling was made has the later
        # one, even if its mtime has been put back. In a copy of a site they may be anything;
        # there, content decides.
        if found.st_mtime_ns == plain.st_mtime_ns and found.st_ctime_ns > plain.st_ctime_ns:
            return True
        if not self._holds(coding, look):
            return False
        check_unchanged(look.path, plain)
        if not self.options.dry_run and found.st_mtime_ns <= plain.st_mtime_ns:
            refresh(look.sibling, found, plain)
        return True

    def _holds(self, coding: Coding, look: Look) -> bool:
        """Whether the sibling decompresses to the content of the plain file."""
        offset = 0
        with opened(look.sibling) as source:
            with self.tools.run(coding.decoder, source, subprocess.PIPE) as process:
                assert process.stdout
                while data := process.stdout.read(READ_BYTES):
                    if os.pread(look.file, len(data), offset) != data:
                        return False
                    offset += len(data)
                return process.wait() == 0 and not os.pread(look.file, 1, offset)

    def _make(self, outcome: Outcome, look: Look) -> Outcome:
        """Compresses the plain file, and installs the result if it saves enough."""
        with self._temporary(os.path.dirname(look.sibling)) as (target, temporary):
            message = self._compress(outcome.coding, look, target)
            check_unchanged(look.path, look.plain)
            if message is not None:
                raise Failed(f"{shown(look.path)}: {outcome.coding.tool}: {message}")
            outcome.bytes = os.fstat(target).st_size
            if not self.pays(outcome.plain_bytes, outcome.bytes):
                outcome.kind = "poor"
                return self._drop(outcome, look)
            if temporary:
                finish(target, look.plain, outcome.bytes)
                os.rename(temporary, look.sibling)
        outcome.kind = "made"
        if self.options.dry_run:
            outcome.note = f"would make {shown(look.sibling)}"
        return outcome

    def _compress(self, coding: Coding, look: Look, target: int) -> str | None:
        """Compresses the plain file to TARGET; returns the tool's message if it fails."""
        command = coding.encoder(self.options.level, look.plain.st_size)
        os.lseek(look.file, 0, os.SEEK_SET)
        with self.tools.run(command, look.file, target) as process:
            _, message = process.communicate()
        if process.returncode == 0:
            return None
        if self.tools.stopped:
            raise Stopped
        return shown(message.strip().partition(b"\n")[0]) or f"status {process.returncode}"

    @contextmanager
    def _temporary(self, directory: bytes) -> Iterator[tuple[int, bytes]]:
        """A new file in DIRECTORY and its name, for the length of the block; in a dry run, an
        unnamed file elsewhere."""
        if self.options.dry_run:
            with tempfile.TemporaryFile() as nameless:
                yield nameless.fileno(), b""
            return
        target, path = tempfile.mkstemp(prefix=TEMPORARY, dir=directory or b".")
        try:
            yield target, path
        finally:
            os.close(target)
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _drop(self, outcome: Outcome, look: Look) -> Outcome:
        """Handles a wrong sibling whose replacement would save too little."""
        if look.is_ours():
            self._remove(outcome, look)
        elif look.found and look.found.st_mtime_ns >= look.plain.st_mtime_ns:
            raise look.foreign()
        return outcome

    def _remove(self, outcome: Outcome, look: Look) -> None:
        outcome.removed = True
        if self.options.dry_run:
            outcome.note = f"would remove {shown(look.sibling)}"
        else:
            os.unlink(look.sibling)


def outcomes(maker: Maker, plains: list[Plain]) -> Generator[Outcome, None, None]:
    """The siblings of PLAINS, made by several threads, in the order of completion. Closing the
    generator ends the threads."""
    codings, jobs = maker.options.codings, maker.options.jobs
    work = ((plain, coding) for plain in plains for coding in codings)
    lock = threading.Lock()
    done: queue.SimpleQueue[Outcome | Exception] = queue.SimpleQueue()

    def labour() -> None:
        try:
            while not maker.tools.stopped:
                with lock:
                    task = next(work, None)
                if not task:
                    break
                done.put(maker.outcome(*task))
        except Stopped:
            pass
        except Exception as error:  # pylint: disable=broad-exception-caught
            done.put(error)  # a bug: the main thread shows it

    total = len(plains) * len(codings)
    threads: list[threading.Thread] = []
    try:
        for _ in range(min(jobs, total)):
            threads.append(threading.Thread(target=labour))
            threads[-1].start()
        for _ in range(total):
            outcome = done.get()
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome
    finally:
        maker.tools.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join()

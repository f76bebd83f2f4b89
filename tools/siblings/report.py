"""Output for the user: a line of progress on a terminal, and a summary at the end."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from siblings.maker import Outcome

PROGRESS_SECONDS = 0.1


def human(size: float) -> str:
    """A number of bytes in a readable unit: "310 KiB"."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    digits = 0 if units[0] == "bytes" or size >= 100 else 1
    return f"{size:.{digits}f} {units[0]}"


def number(count: int, noun: str) -> str:
    """A count with its noun: "3 files"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


class Report:
    """Counts the outcomes and prints them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.counts: Counter[str] = Counter()  # by Outcome's kind; also removed, spared
        self.sizes = {coding.name: [0, 0] for coding in options.codings}  # plain, compressed
        self.files_done = 0
        self.shows = sys.stderr.isatty() and not options.quiet
        self.shown_at = 0.0

    def say(self, line: str) -> None:
        """A line of output."""
        self.clear()
        print(line, flush=True)

    def complain(self, line: str) -> None:
        """An error message; the exit status will be 1."""
        self.counts["failed"] += 1
        self.clear()
        print(f"precompress: {line}", file=sys.stderr, flush=True)

    def take(self, outcome: Outcome, total: int) -> None:
        """Adds the outcome of one sibling, of TOTAL files."""
        outcome.plain.left -= 1
        self.files_done += outcome.plain.left == 0
        if outcome.kind == "failed":
            self.complain(outcome.note)
        else:
            self.counts[outcome.kind] += 1
            self.counts["removed"] += outcome.removed
            if outcome.note:
                self.say(outcome.note)
        if outcome.kind in ("made", "current"):
            sizes = self.sizes[outcome.coding.name]
            sizes[0] += outcome.plain_bytes
            sizes[1] += outcome.bytes
        if self.shows and time.monotonic() - self.shown_at >= PROGRESS_SECONDS:
            self.shown_at = time.monotonic()
            sys.stderr.write(f"\r\x1b[K{self.files_done} of {total} files{self._saved()}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Clears the line of progress; the next outcome prints it again."""
        if self.shown_at:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.shown_at = 0.0

    def end(self, files: int) -> None:
        """The summary."""
        made, removed = ("to make", "to remove") if self.options.dry_run else ("made", "removed")
        told = [
            f"{number(self.counts['made'], 'sibling')} {made}",
            f"{self.counts['current']} up to date",
            f"{self.counts['poor']} not worth it",
        ]
        rest = {"removed": removed, "spared": "spared (not made here)", "failed": "failed"}
        told += [f"{self.counts[kind]} {text}" for kind, text in rest.items() if self.counts[kind]]
        self.say(f"{number(files, 'file')}: {', '.join(told)}{self._saved()}")

    def _saved(self) -> str:
        """The saving of the first coding with siblings."""
        for name, (plain, compressed) in self.sizes.items():
            if plain:
                return f"; {human(plain)} → {human(compressed)} ({name})"
        return ""

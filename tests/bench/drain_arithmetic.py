"""Tests of the arithmetic of bench/drain: where an answer ends, which requests may be sent again.

    /usr/bin/python3 tests/bench/drain_arithmetic.py         (make test runs it)
"""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests")]

import totals  # noqa: E402
from harness import drain  # noqa: E402

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"


class Answers(unittest.TestCase):
    def test_ends_with_the_last_byte_of_its_body(self) -> None:
        self.assertEqual(drain.answer_bytes(HEAD + b"abc"), len(HEAD) + 3)
        self.assertIsNone(drain.answer_bytes(HEAD + b"ab"))
        self.assertIsNone(drain.answer_bytes(HEAD[:-1]))
        self.assertEqual(drain.answer_bytes(b"HTTP/1.1 204 No Content\r\n\r\n"), 27)

    def test_says_that_it_is_the_last(self) -> None:
        self.assertTrue(drain.is_last(HEAD + b"abc"))
        self.assertFalse(drain.is_last(HEAD.replace(b"close", b"keep-alive") + b"abc"))
        self.assertFalse(drain.is_last(b"HTTP/1.1 200 OK\r\n\r\n\r\nConnection: close\r\n"))


class Failures(unittest.TestCase):
    def test_only_an_unanswered_get_may_be_sent_again(self) -> None:
        counts = drain.Counts()
        drain.judge(counts, "GET", b"")
        self.assertEqual((counts.retriable, counts.lost), (1, 0))
        drain.judge(counts, "POST", b"")
        drain.judge(counts, "GET", HEAD)
        drain.judge(counts, "POST", b"H")
        self.assertEqual((counts.cut, counts.posts, counts.lost, counts.failed), (2, 1, 3, 4))

    def test_drains_are_added_up(self) -> None:
        total = drain.Counts(1, 10, 1, 0, 2, 0.5)
        total.add(drain.Counts(1, 20, 0, 3, 0, 0.25))
        self.assertEqual(total, drain.Counts(2, 30, 1, 3, 2, 0.5))


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

"""Tests of the arithmetic of bench/production: requests of wrk, ratios over rounds.

    /usr/bin/python3 tests/bench/production_arithmetic.py         (make test runs it)
"""

from __future__ import annotations

import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests")]

import totals  # noqa: E402
from harness import production  # noqa: E402
from harness.place import Failed  # noqa: E402

WRK = "  4 threads\n  123456 requests in 3.00s, 100.0MB read\nRequests/sec:  41152.00\n"


class Requests(unittest.TestCase):
    def test_are_those_that_wrk_counts(self) -> None:
        self.assertEqual(production.requests_of(WRK), 123456)

    def test_do_not_count_if_one_failed(self) -> None:
        for trouble in ("  Socket errors: connect 0, read 1\n", "  Non-2xx or 3xx responses: 1\n"):
            with self.assertRaises(Failed):
                production.requests_of(WRK + trouble)


class Scrapes(unittest.TestCase):
    def test_fail_the_measurement_if_one_fails(self) -> None:
        port = production.free_port()  # where nothing listens
        with self.assertRaises(Failed), production.scraping(port, every_seconds=0.001):
            time.sleep(0.2)

    def test_are_left_out_without_a_port(self) -> None:
        with production.scraping(0):
            pass


class Ratios(unittest.TestCase):
    def test_are_those_of_one_round(self) -> None:
        setting = production.Setting("with", base="without", bound=1.05)
        costs = {"without": [1.0, 2.0, 4.0], "with": [1.5, 2.0, 4.4]}
        row = production.ratio_row(setting, costs)
        self.assertEqual(row, ("with", "2.000 us", "1.100", "1.000", "1.500", "<= 1.05"))

    def test_every_base_is_measured(self) -> None:
        names = [setting.name for setting in production.SETTINGS]
        for setting in production.SETTINGS:
            self.assertTrue(setting.base in ("", *names), setting.base)
            self.assertEqual(setting.base == "", setting.bound == 0.0)


class Sites(unittest.TestCase):
    def test_have_a_name_and_a_root_each(self) -> None:
        with tempfile.TemporaryDirectory() as where:
            text = production.configuration(Path(where), 2).read_text()
            self.assertIn(f"[site s0.example]\nroot = {where}/site0\n[site s1.example]\n", text)
            self.assertTrue(Path(where, "site1", "index.html").exists())


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

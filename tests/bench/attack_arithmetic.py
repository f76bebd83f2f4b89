"""Tests of the arithmetic of bench/attack: parsers, latency by part of a run, verdicts, trends.

    /usr/bin/python3 tests/bench/attack_arithmetic.py         (make test runs it)

Neither servers nor attackers are needed: their output is given here as text.
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests")]

import totals  # noqa: E402
from harness import attack, parse, reloads, soak  # noqa: E402
from harness.attack import Row  # noqa: E402
from harness.hostile import MIB  # noqa: E402
from harness.parse import Sample  # noqa: E402

ATTACKS_C = (TOP / "bench/attackers/attacks.c").read_text()
TRAFFIC = re.findall(r'\.name = "([^"]+)"', ATTACKS_C)


def good_row(**changes: object) -> Row:
    """A row that reaches every target, but for CHANGES."""
    values: dict[str, object] = {
        "alone_p99_ms": 1.0, "p99_ms": 3.0, "errors": 0, "memory_before": 10 * MIB,
        "memory_after": 14 * MIB, "status": 0, **changes,
    }  # fmt: skip
    return Row("unread", "epoll", **values)  # type: ignore[arg-type]


class Parsers(unittest.TestCase):
    """harness/parse.py"""

    def test_samples_without_a_line_that_is_cut_off(self) -> None:
        said = "1000000 2500 612 ok\n2000000 300 8192 retried\n3000000 9 612 late\n4000000 12 6"
        samples = parse.honest(said)
        self.assertEqual(samples[0], Sample(1.0, 0.0025, "ok"))
        self.assertEqual([sample.good for sample in samples], [True, True, False])

    def test_totals_of_an_attacker(self) -> None:
        totals = parse.attacker("wanted=2000 held=7 held_max=1990 opened=3000 refused=1 closed=9\n")
        self.assertEqual((totals["held_max"], totals["closed"]), (1990, 9))
        with self.assertRaises(parse.Unreadable):
            parse.attacker("attacker: Too many open files")

    def test_memory_of_a_process(self) -> None:
        status = "VmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"
        self.assertEqual(parse.status_bytes(status, "VmRSS"), 1 << 20)
        with self.assertRaises(parse.Unreadable):
            parse.status_bytes("Name:\tx\n", "VmRSS")


class Runs(unittest.TestCase):
    """harness/attack.py"""

    def test_every_attack_has_its_traffic(self) -> None:
        for one in attack.TABLE:
            with self.subTest(attack=one.name):
                self.assertTrue(one.tool or (one.traffic or one.name) in TRAFFIC)

    def test_every_traffic_is_used(self) -> None:
        used = {one.traffic or one.name for one in attack.TABLE if not one.tool}
        self.assertEqual(used, set(TRAFFIC))

    def test_every_part_of_a_soak_has_its_traffic(self) -> None:
        self.assertLessEqual({part.traffic for part in soak.PARTS}, set(TRAFFIC))

    def test_latency_is_that_of_each_part(self) -> None:
        row = Row("unread", "epoll")
        samples = [Sample(k / 100, 0.001 * (1 + (k >= 100) + (k >= 200)), "ok") for k in range(300)]
        attack.fill_latency(row, samples, 1.0, 2.0)
        self.assertAlmostEqual(row.alone_p99_ms or 0, 1)
        self.assertAlmostEqual(row.p99_ms or 0, 2)
        self.assertAlmostEqual(row.after_p99_ms or 0, 3)
        self.assertEqual((row.requests, row.errors, row.note), (200, 0, ""))

    def test_errors_are_counted_by_kind_and_have_no_latency(self) -> None:
        row = Row("unread", "epoll", note="fewer connections")
        samples = [Sample(k / 10, 0.001, "ok") for k in range(20)]
        samples += [Sample(1.5, 5.0, "late"), Sample(1.6, 5.0, "late"), Sample(1.7, 0.1, "reset")]
        attack.fill_latency(row, samples, 1.0, 2.0)
        self.assertEqual(row.errors, 3)
        self.assertEqual(row.note, "2 late, 1 reset, fewer connections")
        self.assertAlmostEqual(row.max_ms or 0, 1)

    def test_without_answers_the_targets_are_missed(self) -> None:
        row = good_row(p99_ms=None)
        attack.fill_latency(row, [Sample(1.5, 5.0, "late")], 1.0, 2.0)
        self.assertIsNone(row.p99_ratio)
        self.assertEqual(attack.judge(row), ["errors", "p99"])

    def test_targets(self) -> None:
        for changes, missed in (
            ({}, []),
            ({"errors": 1}, ["errors"]),
            ({"p99_ms": 3.01}, ["p99"]),
            ({"memory_after": 14 * MIB + 1}, ["memory"]),
            ({"memory_after": 2 * MIB}, []),
            ({"status": -9}, ["exit status -9"]),
            ({"errors": None}, ["not measured"]),
        ):
            with self.subTest(changes=changes):
                self.assertEqual(attack.judge(good_row(**changes)), missed)

    def test_the_table_and_the_file_have_every_row(self) -> None:
        rows = [good_row(held=2000, note="2 late"), Row("flood", "io_uring", note="failed: x")]
        shown = attack.table(rows).splitlines()
        self.assertEqual(len(shown), 3)
        self.assertIn("2000", shown[1])
        self.assertIn("not measured (failed: x)", shown[2])
        with tempfile.TemporaryDirectory() as where:
            path = Path(where, "made", "attack.csv")
            attack.write(path, rows)
            with path.open(newline="") as file:
                read = list(csv.DictReader(file))
        self.assertEqual([row["attack"] for row in read], ["unread", "flood"])
        self.assertEqual((read[0]["held"], read[0]["p99_ratio"], read[1]["held"]), ("2000", "3", ""))


class Soaks(unittest.TestCase):
    """harness/soak.py"""

    @staticmethod
    def seconds(count: int, growth: int) -> list[soak.Second]:
        return [soak.Second(k + 0.001, 10 * MIB + k * growth, 50, 1.0) for k in range(count)]

    def test_latency_is_that_of_the_second(self) -> None:
        samples = [Sample(100.5, 0.002, "ok"), Sample(100.6, 9.0, "late"), Sample(102.1, 0.004, "ok")]
        seconds = soak.with_latency(self.seconds(3, 0), samples, 100.0)
        self.assertEqual([second.p99_ms for second in seconds], [2.0, None, 4.0])

    def test_growth_shows(self) -> None:
        flat = soak.trends(self.seconds(100, 0))
        self.assertTrue(all(trend.flat for trend in flat))
        memory = soak.trends(self.seconds(100, MIB // 4))[0]
        self.assertFalse(memory.flat)
        self.assertAlmostEqual(memory.last - memory.first, 57 * MIB / 4)

    def test_growth_before_the_rhythm_does_not_count(self) -> None:
        seconds = [
            soak.Second(second.at, 10 * MIB + min(k, 25) * MIB, 50, 1.0)
            for k, second in enumerate(self.seconds(100, 0))
        ]
        self.assertTrue(all(trend.flat for trend in soak.trends(seconds)))

    def test_a_report_is_a_death(self) -> None:
        for status, report, dead in ((0, "", False), (0, "runtime error: x", True), (-11, "", True)):
            one = soak.Soak("epoll", self.seconds(40, 0), 100, 0, status, report)
            with self.subTest(status=status, report=report):
                self.assertEqual(one.died, dead)
                self.assertEqual("DIED" in soak.table([one]), dead)


class Reloads(unittest.TestCase):
    """harness/reloads.py"""

    @staticmethod
    def run_of(growth: int = 0, **changes: int) -> reloads.Reloads:
        values = {"requests": 100, "errors": 0, "status": 0, "done": 50, "refused": 0, **changes}
        return reloads.Reloads("epoll", Soaks.seconds(60, growth), report="", **values)

    def test_any_failure_counts(self) -> None:
        self.assertFalse(self.run_of().failed)
        for change in ({"errors": 1}, {"status": 1}, {"done": 0}, {"refused": 1}, {"growth": MIB}):
            with self.subTest(change=change):
                self.assertTrue(self.run_of(**change).failed)

    def test_configurations_differ_and_keep_the_port_of_the_client(self) -> None:
        texts = [reloads.configuration(number, (1, 2, 3), Path("/run")) for number in range(100)]
        for before, after in zip(texts, texts[1:]):
            self.assertNotEqual(before, after)
        self.assertTrue(all("listen = 127.0.0.1:1\n" in text for text in texts))
        self.assertTrue(any("listen = 127.0.0.1:2\n" in text for text in texts))


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

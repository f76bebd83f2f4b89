"""Tests of the benchmark's report: the table's verdicts, statements and plots.

    /usr/bin/python3 tests/bench/report_arithmetic.py         (make test runs it)
"""

from __future__ import annotations

import ast
import re
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests")]

import totals  # noqa: E402
from harness import (  # noqa: E402
    extras, plots, report, results, servers, tables, verdict, voice, workloads
)  # fmt: skip
from harness.results import Row  # noqa: E402
from harness.stats import Interval  # noqa: E402

ALL_WORKLOADS = [
    *workloads.TABLE, *workloads.TLS_TABLE,
    *workloads.size_sweep(), *workloads.depth_sweep(), *workloads.connection_sweep(),
]  # fmt: skip


def rows_of(
    costs: dict[str, list[float]], workload: str = "keepalive-64", **more: object
) -> list[Row]:
    """Rows with COSTS of each server, round by round, and MORE in all of them."""
    return [
        Row("wrk", workload, server, round_, cost_ns=cost, **more)
        for server, values in costs.items()
        for round_, cost in enumerate(values)
    ]


class Verdicts(unittest.TestCase):
    """harness/verdict.py: what counts as reached: a row counts only with no errors,
    requests a second at least 0.95 and p99 at most 1.1 times the best peer's; where noise is
    wider than the margin, the interval must reach."""

    def test_the_best_peer_has_the_lowest_cost(self) -> None:
        figures = verdict.Figures(
            rows_of(
                {
                    "limit": [10, 20],
                    "nginx": [16, 30],
                    "h2o": [14, 28],
                    "sluice": [10, 20],
                    "caddy": [90, 90],
                }
            )
        )
        self.assertEqual(figures.best("keepalive-64"), "h2o")
        self.assertAlmostEqual(figures.ratio("keepalive-64", "nginx").median, (1.6 + 1.5) / 2)
        self.assertIsNone(figures.best("close-64"))

    def test_rounds_with_errors_do_not_count(self) -> None:
        rows = rows_of({"limit": [10, 10], "nginx": [15, 15]})
        rows += [Row("wrk", "keepalive-64", "h2o", k, cost_ns=5, errors=1) for k in (0, 1)]
        self.assertEqual(verdict.Figures(rows).best("keepalive-64"), "nginx")

    def test_what_is_measured_again_replaces(self) -> None:
        figures = verdict.Figures(
            rows_of({"limit": [10], "sluice": [30]}) + rows_of({"sluice": [11]})
        )
        self.assertAlmostEqual(figures.ratio("keepalive-64", "sluice").median, 1.1)

    def test_judge(self) -> None:
        for label, ratio, noise, reached in (
            ("below", (1.05, 1.0, 1.2), 0.0, True),
            ("just reached", (1.10, 1.0, 1.2), 0.0, True),
            ("missed, no noise", (1.12, 1.05, 1.2), 0.0, False),
            ("missed by less than the noise", (1.12, 1.05, 1.2), 0.05, True),
            ("noise, but the interval does not reach", (1.12, 1.11, 1.2), 0.05, False),
            ("interval reaches, but lacks more than noise", (1.30, 1.05, 1.4), 0.05, False),
            ("noise not known", (1.12, 1.05, 1.2), None, False),
        ):
            with self.subTest(label):
                self.assertEqual(verdict.judge(Interval(*ratio, 3), 1.10, noise)[0], reached)

    def test_conditions(self) -> None:
        for label, arguments, count in (
            ("all well", (0, 0.95, 1.1), 0),
            ("errors", (1, 1.0, 1.0), 1),
            ("slower", (0, 0.94, 1.0), 1),
            ("a longer tail", (0, 1.0, 1.11), 1),
            ("all at once", (1, 0.5, 2.0), 3),
            ("nothing to compare with", (0, None, None), 0),
        ):
            with self.subTest(label):
                self.assertEqual(len(verdict.conditions(*arguments)), count)

    def test_line(self) -> None:
        costs = {"limit": [10] * 3, "limit-2": [10] * 3, "nginx": [16] * 3, "sluice": [10.5] * 3}
        well = rows_of(costs, rps=1000.0, p99_us=100.0)
        line = verdict.line(verdict.Figures(well), workloads.named("keepalive-64"))
        self.assertEqual(
            (line.best, line.sluice, line.verdict), ("nginx 1.60", "1.05 (1.05-1.05)", "yes")
        )
        slow = [row for row in well if row.server != "sluice"]
        slow += rows_of({"sluice": [10.5] * 3}, rps=900.0, p99_us=100.0)
        line = verdict.line(verdict.Figures(slow), workloads.named("keepalive-64"))
        self.assertEqual((line.reached, line.verdict), (False, "no: 0.90 of its requests/s"))

    def test_memory_line(self) -> None:
        for own, reached in ((192.0, True), (193.0, False)):
            rows = [
                Row("memory", "idle-5000", name, 0, memory_bytes=value)
                for name, value in (("nginx", 529.0), ("h2o", 1049.0), ("sluice", own))
            ]
            line = verdict.memory_line(verdict.Figures(rows), 5000)
            self.assertEqual((line.best, line.reached), ("nginx 529 B", reached))
        self.assertIsNone(verdict.memory_line(verdict.Figures([]), 5000))

    def test_rows_over_tls_are_there_once_they_were_measured(self) -> None:
        rows = [
            Row("wrk", "tls-resumed", name, 0, cost_ns=cost)
            for name, cost in (("limit", 100.0), ("h2o", 120.0), ("nginx", 150.0), ("sluice", 119.0))
        ]
        rows += [
            Row("handshakes", "tls-beside-handshakes", name, 0, p99_us=p99)
            for name, p99 in (("nginx", 900.0), ("sluice", 901.0))
        ]
        resumed, beside = verdict.tls_lines(verdict.Figures(rows))
        self.assertEqual((resumed.target, resumed.best), ("<= 1.20", "h2o 1.20"))
        self.assertTrue(resumed.reached)
        self.assertFalse(beside.reached)
        self.assertEqual(verdict.tls_lines(verdict.Figures([])), [])

    def test_the_whole_table_of_nothing(self) -> None:
        lines = verdict.lines(verdict.Figures([]))
        self.assertEqual(len(lines), len(workloads.TABLE))
        self.assertEqual({line.reached for line in lines}, {None})
        self.assertIn("not measured", verdict.plain(verdict.HEADINGS, map(verdict.cells, lines)))


class Statements(unittest.TestCase):
    """harness/report.py, voice.py, tables.py, plots.py"""

    def setUp(self) -> None:
        self.figures = verdict.Figures(
            rows_of({"limit": [10.0] * 3, "sluice": [11.0] * 3, "nginx": [20000.0] * 3})
        )
        self.voice = voice.Voice(self.figures)

    def test_a_statement_is_true_false_or_unknown(self) -> None:
        for holds, expected in (
            ('ratio("keepalive-64") < 1.2', True),
            ('ratio("keepalive-64") < 1.05', False),
            ('best("keepalive-64") == "nginx"', True),
            ('cost_us("keepalive-64", "nginx") == 20', True),
            ('ratio("close-64") < 1.2', None),
            ("memory(5000) < 1", None),
        ):
            with self.subTest(holds):
                checked = report.check(
                    report.Statement("x", holds, 'a {ratio("keepalive-64"):.2f} b'), self.voice
                )
                self.assertIs(checked.true, expected)
                self.assertEqual("1.10" in checked.shown(), expected is not None)
                self.assertEqual(checked.shown().startswith("**["), expected is not True)

    def test_expressions_reach_nothing_else(self) -> None:
        for expression in ("open('/etc/passwd')", "__import__('os')", "value('1')"):
            with self.subTest(expression), self.assertRaises(NameError):
                self.voice.value(expression)

    def test_statements_and_template_agree(self) -> None:
        statements = report.read_statements()
        template = report.TEMPLATE.read_text()
        for name in statements:
            self.assertIn("{{statement %s}}" % name, template)
        for name in tables.TABLES:
            self.assertIn("{{table %s}}" % name, template)
        for name in plots.PLOTS:
            self.assertIn("{{plot %s}}" % name, template)

    def test_without_results_nothing_is_true(self) -> None:
        silent = voice.Voice(verdict.Figures([]))
        for statement in report.read_statements().values():
            with self.subTest(statement.name):
                self.assertIsNone(report.check(statement, silent).true)

    def test_expressions_are_of_known_words(self) -> None:
        """A name or a text that is misspelt would only ever give "not measured"."""
        words = (
            {workload.name for workload in ALL_WORKLOADS}
            | set(servers.KINDS)
            | set(results.COLUMNS)
        )
        words |= {shape.name for shape in extras.SHAPES}
        names = set(voice.PLAIN) | {"peers"} | {name for name in dir(voice.Voice) if name[0] != "_"}
        for statement in report.read_statements().values():
            for expression in [
                statement.holds,
                *re.findall(r"\{([^{}]+?)(?::[^{}:\"]+)?\}", statement.text),
            ]:
                with self.subTest(expression):
                    nodes = list(ast.walk(ast.parse(expression, mode="eval")))
                    bound = {
                        n.id
                        for n in nodes
                        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                    }
                    self.assertLessEqual(
                        {n.id for n in nodes if isinstance(n, ast.Name)} - bound, names
                    )
                    texts = {
                        n.value
                        for n in nodes
                        if isinstance(n, ast.Constant) and isinstance(n.value, str)
                    }
                    self.assertLessEqual(texts, words)

    def test_plots_have_a_block_for_each_server(self) -> None:
        text = plots.script(plots.PLOTS["ratios"], self.figures, Path("x.svg"))
        self.assertIn(" noenhanced ", text, "an underscore would make a subscript")
        self.assertIn(" 1.1 1.1 1.1\n", text, "the median and its interval")
        self.assertEqual(text.count("<< END"), 2)
        self.assertIn("limit''s", text)
        self.assertIn(
            "not measured", plots.script(plots.PLOTS["memory"], self.figures, Path("x.svg"))
        )

    def test_the_report_is_what_its_results_give(self) -> None:
        """bench/REPORT.md is the template with the reference's figures, and every statement in it
        holds."""
        if not report.REFERENCE.exists():
            self.skipTest("there is no reference yet")
        checked = report.Report(report.REFERENCE)
        self.assertEqual(checked.untrue(), [])
        text = checked.text(report.TEMPLATE.read_text())
        self.assertEqual((report.BENCH / "REPORT.md").read_text(), text, "run bench/bench render")

    def test_the_readme_has_the_figures_of_the_report(self) -> None:
        if not report.REFERENCE.exists():
            self.skipTest("there is no reference yet")
        voiced = voice.Voice(verdict.Figures(results.read(report.REFERENCE)))
        readme = " ".join((TOP / "README.md").read_text().split())
        small = [
            voiced.against(name, "uring", "sluice")
            for name in (
                "keepalive-64", "keepalive-1000", "pipelined-16", "browser", "many-files",
                "assets", "not-modified", "close-64",
            )
        ]  # fmt: skip
        for said in (
            f"costs {voiced.ratio('keepalive-64'):.2f} times the CPU time that bare sockets need",
            f"lighttpd takes {voiced.ratio('keepalive-64', 'lighttpd'):.2f} times"
            f" and nginx {voiced.ratio('keepalive-64', 'nginx'):.2f} times",
            f"an idle connection takes {voiced.memory(5000):.0f} bytes",
            f"takes {100 * (1 - max(small)):.0f} to {100 * (1 - min(small)):.0f} % less CPU time",
            f"{voiced.memory(5000, 'uring') - voiced.memory(5000):.0f} bytes more for an idle",
        ):
            with self.subTest(said):
                self.assertIn(said, readme)
        self.assertIn("a tenth more for a body of 1 MiB", readme)
        self.assertAlmostEqual(voiced.against("1m", "uring", "sluice"), 1.1, delta=0.02)


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

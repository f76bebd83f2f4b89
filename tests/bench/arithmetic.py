"""Tests of the benchmark's arithmetic: medians and intervals, parsers, the table's verdicts,
folding, the report.

    /usr/bin/python3 tests/bench/arithmetic.py         (make test runs it)

Neither servers nor load generators are needed: their output is given here as text.
"""

from __future__ import annotations

import ast
import random
import re
import statistics
import subprocess
import sys
import tempfile
import textwrap
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "bench"))

from harness import (  # noqa: E402
    content, extras, fetch, parse, plots, report, results, rounds, servers, stats, tables, verdict, voice, workloads
)  # fmt: skip
from harness.results import Row  # noqa: E402
from harness.stats import Interval  # noqa: E402

ALL_WORKLOADS = [
    *workloads.TABLE, *workloads.TLS_TABLE,
    *workloads.size_sweep(), *workloads.depth_sweep(), *workloads.connection_sweep(),
]  # fmt: skip
FLAMEGRAPH = TOP / "tools" / "flamegraph"


def rows_of(
    costs: dict[str, list[float]], workload: str = "keepalive-64", **more: object
) -> list[Row]:
    """Rows with COSTS of each server, round by round, and MORE in all of them."""
    return [
        Row("wrk", workload, server, round_, cost_ns=cost, **more)
        for server, values in costs.items()
        for round_, cost in enumerate(values)
    ]


class Stats(unittest.TestCase):
    """harness/stats.py"""

    def test_percentile_is_nearest_rank(self) -> None:
        values = list(range(1, 101))
        for percent, expected in ((0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)):
            with self.subTest(percent=percent):
                self.assertEqual(stats.percentile(values, percent), expected)
        self.assertEqual(stats.percentile([7], 99), 7)

    def test_interval_of_few_values_is_lowest_to_highest(self) -> None:
        for values in (
            [3.0],
            [3.0, 1.0],
            [1.0, 9.0, 2.0],
            [5.0, 4.0, 3.0, 2.0, 1.0],
            [float(k) for k in range(8)],
        ):
            with self.subTest(values=values):
                got = stats.interval(values)
                self.assertEqual((got.low, got.high), (min(values), max(values)))
                self.assertEqual(got.median, statistics.median(values))

    def test_interval_narrows_as_tables_of_order_statistics_say(self) -> None:
        # For a 95 % interval of the median: of 9 values the 2nd and 8th, of 15 the 4th and 12th,
        # of 20 the 6th and 15th.
        for count, first in ((9, 2), (15, 4), (20, 6)):
            with self.subTest(count=count):
                got = stats.interval([float(k) for k in range(1, count + 1)])
                self.assertEqual((got.low, got.high), (first, count + 1 - first))

    def test_interval_holds_the_median_as_often_as_it_says(self) -> None:
        chance = random.Random(5)
        held = 0
        for _ in range(2000):
            got = stats.interval([chance.expovariate(1) for _ in range(15)])
            held += got.low <= 0.6931 <= got.high  # the median of that distribution is ln 2
        self.assertGreater(held / 2000, 0.95)

    def test_confidence_is_that_of_the_chosen_pair(self) -> None:
        for count, confidence in ((1, 0.0), (2, 0.5), (5, 0.9375), (6, 0.96875), (9, 0.9609375)):
            with self.subTest(count):
                self.assertEqual(stats.interval(range(count)).confidence, confidence)

    def test_interval_of_nothing(self) -> None:
        with self.assertRaises(ValueError):
            stats.interval([])

    def test_ratios_are_taken_within_a_round(self) -> None:
        self.assertEqual(
            stats.ratios({0: 2.0, 1: 9.0, 3: 8.0}, {0: 1.0, 2: 7.0, 3: 2.0}), [2.0, 4.0]
        )
        self.assertEqual(stats.ratios({0: 2.0}, {0: 0.0}), [])

    def test_deviation_is_from_one(self) -> None:
        self.assertAlmostEqual(Interval(1.0, 0.9, 1.02, 3).deviation, 0.1)
        self.assertAlmostEqual(Interval(1.0, 1.01, 1.3, 3).deviation, 0.3)


class Parsers(unittest.TestCase):
    """harness/parse.py"""

    def test_wrk(self) -> None:
        load = parse.wrk(
            "Running 2s test @ http://127.0.0.1:1/\nRequests/sec: 12\nBENCH requests=1000 duration_us=500000 "
            "bytes=800000 connect=1 read=2 write=3 status=4 timeout=5 wrong=6 p50_us=70 p99_us=800\n"
        )
        self.assertEqual(load, parse.Load(1000, 0.5, 800000, 21, 70, 800))
        self.assertEqual(load.rps, 2000)
        with self.assertRaises(parse.Unreadable):
            parse.wrk("unable to connect")

    def test_h2load(self) -> None:
        said = textwrap.dedent(
            """\
            finished in 1.02s, 1960.78 req/s, 1.63MB/s
            requests: 2000 total, 2000 started, 2000 done, 1998 succeeded, 2 failed, 1 errored, 0 timeout
            status codes: 1998 2xx, 0 3xx, 2 4xx, 0 5xx
            traffic: 1.66MB (1740000) total, 500KB (512000) headers (space savings 0.00%), 1.17MB (1224000) data
            """
        )
        log = "".join(
            f"{1_700_000_000_000_000 + k}\t{200 if k else 404}\t{k + 1}\n" for k in range(100)
        )
        load = parse.h2load(said, log)
        self.assertEqual(
            (load.requests, load.bytes, load.p50_us, load.p99_us), (2000, 1740000, 50, 99)
        )
        self.assertAlmostEqual(load.seconds, 1.02)
        self.assertEqual(load.errors, 2 + 1 + 1)
        self.assertAlmostEqual(parse.h2load(said.replace("1.02s", "980.00ms"), log).seconds, 0.98)
        with self.assertRaises(parse.Unreadable):
            parse.h2load("", "")

    HTTPERF = textwrap.dedent(
        """\
        httperf --hog --client=0/1 --server=127.0.0.1 --port=1 --uri=/612.html --rate=100
        Maximum connect burst length: 1

        Total: connections 100 requests 5000 replies 4990 test-duration 2.000 s

        Connection rate: 50.0 conn/s (20.0 ms/conn, <=3 concurrent connections)
        Connection time [ms]: min 0.7 avg 1.0 max 9.5 median 0.5 stddev 0.8
        Request rate: 2500.0 req/s (0.4 ms/req)
        Reply rate [replies/s]: min 0.0 avg 0.0 max 0.0 stddev 0.0 (0 samples)
        Reply time [ms]: response 0.3 transfer 0.1
        Reply size [B]: header 215.0 content 612.0 footer 0.0 (total 827.0)
        Reply status: 1xx=0 2xx=4988 3xx=0 4xx=2 5xx=0

        CPU time [s]: user 0.60 system 1.40 (user 30.0% system 70.0% total 100.0%)
        Net I/O: 2000.0 KB/s (16.4*10^6 bps)

        Errors: total 21 client-timo 4 socket-timo 0 connrefused 1 connreset 3
        Errors: fd-unavail 10 addrunavail 2 ftab-full 0 other 1
        """
    )

    def test_httperf(self) -> None:
        load = parse.httperf(self.HTTPERF)
        self.assertEqual((load.requests, load.seconds, load.bytes), (4990, 2.0, 2000 * 1024 * 2))
        self.assertEqual(load.errors, 4 + 1 + 3 + 2 + 1 + 2)
        self.assertEqual(load.clients_fault, 10)
        self.assertAlmostEqual(load.p50_us, 400)
        with self.assertRaises(parse.Unreadable):
            parse.httperf("httperf: no such option")

    def test_tls_load(self) -> None:
        load = parse.tls_load("connections=936 seconds=1.001 errors=2 resumed=935\n")
        self.assertEqual((load.requests, load.seconds, load.errors), (936, 1.001, 2))
        with self.assertRaises(parse.Unreadable):
            parse.tls_load("tls_load: connect: Connection refused")

    def test_perf_calls(self) -> None:
        said = (
            "# started on Wed\n\n2020,,raw_syscalls:sys_enter,1000,100.00,,\n1000,,syscalls:sys_enter_recvfrom,1000,"
            "100.00,,\n<not counted>,,syscalls:sys_enter_open,0,100.00,,\n20,,syscalls:sys_enter_epoll_wait,9,100.00,,\n"
        )
        self.assertEqual(
            parse.perf_calls(said), {"total": 2020, "recvfrom": 1000, "epoll_wait": 20}
        )

    def test_strace_calls(self) -> None:
        said = textwrap.dedent(
            """\
            strace: Process 12 attached
            % time     seconds  usecs/call     calls    errors syscall
            ------ ----------- ----------- --------- --------- ----------------
             60.00    0.060000           6     10000           sendmsg
             39.00    0.039000           3     12000      2000 recvfrom
              1.00    0.001000           1       500           epoll_wait
            ------ ----------- ----------- --------- --------- ----------------
            100.00    0.100000           4     22500      2000 total
            """
        )
        self.assertEqual(
            parse.strace_calls(said),
            {"sendmsg": 10000, "recvfrom": 12000, "epoll_wait": 500, "total": 22500},
        )

    def test_packages_that_a_peer_needs(self) -> None:
        said = "Reading package lists...\nInst libb [1] (2 Debian:12 [amd64])\nInst a (3 Debian:12 [amd64])\nConf a (3)\n"
        self.assertEqual(fetch.needed(said, "a", ["a-bin"]), ["a", "a-bin", "libb"])
        self.assertEqual(fetch.needed("a is already the newest version\n", "a", []), ["a"])

    def test_packages_of_the_same_source_are_needed_where_they_are_installed_too(self) -> None:
        descriptions = {
            "apache2": "Package: apache2\nDepends: apache2-bin (= 2), apache2-data (= 2), procps\n",
            "apache2-bin": "Source: apache2 (2)\nDepends: libapr1 (>= 1), lsb-base | apache2-utils\n",
            "apache2-data": "Source: apache2\n",
            "apache2-utils": "Source: apache2\nPre-Depends: apache2\n",
            "libapr1": "Source: apr\nDepends: apache2-never\n",
            "procps": "Package: procps\n",
        }
        self.assertEqual(
            sorted(fetch.siblings_of("apache2", lambda name: descriptions.get(name, ""))),
            ["apache2-bin", "apache2-data", "apache2-utils"],
        )
        self.assertEqual(fetch.siblings_of("procps", lambda name: descriptions.get(name, "")), [])


class Rounds(unittest.TestCase):
    """harness/rounds.py"""

    def test_who_begins_goes_round(self) -> None:
        names = ["a", "b", "c"]
        self.assertEqual([rounds.rotated(names, k)[0] for k in range(4)], ["a", "b", "c", "a"])
        for k in range(4):
            self.assertCountEqual(rounds.rotated(names, k), names)

    def test_answers_of_another_size_are_errors(self) -> None:
        workload = workloads.Workload("x", "", connections=4)
        load = parse.Load(1000, 1.0, 1000 * 800, 0)
        for label, size, expected in (
            ("the announced size", 800, 0),
            ("what is under way is allowed for", 804, 0),
            ("all of another size", 400, 1000 - 5),
        ):
            with self.subTest(label):
                self.assertEqual(rounds.wrong_sizes(load, workload, size), expected)

    def test_no_round_begins_that_would_end_too_late(self) -> None:
        pace = rounds.Pace(5, 1.0, budget_seconds=100)
        for done, spent, another in (
            (0, 0, True),
            (1, 50, True),
            (1, 51, False),
            (4, 79, True),
            (5, 10, False),
        ):
            with self.subTest(done=done, spent=spent):
                self.assertEqual(pace.another(done, spent), another)

    def test_the_client_is_the_bottleneck(self) -> None:
        for client, server, bound in (
            (0.99, 0.5, True),
            (0.99, 0.95, False),
            (0.8, 0.5, False),
            (None, 0.5, False),
        ):
            with self.subTest(client=client, server=server):
                row = Row("wrk", "x", "y", 0, client_share=client, server_share=server)
                self.assertEqual(row.client_bound, bound)
        self.assertTrue(Row("httperf", "x", "y", 0, note="fd-unavail 3").client_bound)


class Files(unittest.TestCase):
    """harness/results.py, servers.py, content.py"""

    def test_rows_come_back_as_they_were_written(self) -> None:
        rows = [
            Row(
                "wrk",
                "1m",
                "nginx",
                3,
                connections=16,
                requests=7,
                rps=1.5,
                cost_ns=2.25,
                unit="MiB",
                errors=2,
            ),
            Row("memory", "idle-5000", "h2o", 0, memory_bytes=1049.0, note='left, out: "x"'),
        ]
        with tempfile.TemporaryDirectory() as where:
            path = Path(where, "results.csv")
            path.write_text(",".join(results.COLUMNS) + "\n")
            sheet = results.Sheet(path)
            for row in rows:
                sheet.add(row)
            self.assertEqual(
                [results.written(row) for row in results.read(path)],
                [results.written(row) for row in rows],
            )

    def test_every_word_of_the_peers_configurations_is_filled_in(self) -> None:
        words = dict.fromkeys(
            "port site run peers files connections as_root tls plain pem".split(), ""
        )
        for name in servers.PEER_NAMES:
            with self.subTest(name):
                text = (TOP / "bench" / "peers" / servers.KINDS[name].config).read_text()
                self.assertNotRegex(servers.fill(text, words), r"@\w+@")

    def test_content_is_the_same_each_time(self) -> None:
        self.assertEqual(content.text("seed", 5000), content.text("seed", 5000))
        self.assertNotEqual(content.text("seed", 5000), content.text("other", 5000))
        self.assertEqual(len(content.text("seed", 12345)), 12345)
        self.assertEqual((content.asset_sizes()[0], content.asset_sizes()[-1]), (1024, 300 << 10))
        self.assertEqual(len(set(content.small_paths())), 4000)


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


class FlameGraph(unittest.TestCase):
    """tools/flamegraph"""

    SCRIPT = textwrap.dedent(
        """\
        pipelined-serve  100/101  12.345678:   1003009 cpu-clock:
        \tffffffff81000010 tcp_sendmsg+0x10 ([kernel.kallsyms])
        \t    7f0000000001 __libc_sendmsg+0x1 (/usr/lib/x86_64-linux-gnu/libc.so.6)
        \t    560000000002 transfer_send+0x22 (/srv/pipelined-server)
        \t    560000000003 main+0x3 (/srv/pipelined-server)

        pipelined-serve  100/101  12.345679:   1003009 cpu-clock:
        \t    560000000002 transfer_send+0x9 (/srv/pipelined-server)
        \t    560000000003 main+0x3 (/srv/pipelined-server)

        pipelined-serve  100/101  12.345680:   1003009 cpu-clock:
        \t    7f0000000009 [unknown] (/usr/lib/libfoo.so)
        \t    560000000003 main+0x3 (/srv/pipelined-server)
        """
    )
    FOLDED = (
        "pipelined-serve;main;[libfoo.so] 1\n"
        "pipelined-serve;main;transfer_send 1\n"
        "pipelined-serve;main;transfer_send;__libc_sendmsg;tcp_sendmsg_[k] 1\n"
    )

    def run_it(self, text: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, FLAMEGRAPH, *options],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def test_folding(self) -> None:
        self.assertEqual(self.run_it(self.SCRIPT, "--fold").stdout, self.FOLDED)
        self.assertEqual(self.run_it(self.FOLDED, "--folded", "--fold").stdout, self.FOLDED)

    def test_same_stacks_are_counted_together(self) -> None:
        self.assertEqual(
            self.run_it(self.SCRIPT + "\n" + self.SCRIPT, "--fold").stdout,
            self.FOLDED.replace(" 1\n", " 2\n"),
        )

    def test_the_drawing_is_well_formed_and_wide_as_counted(self) -> None:
        svg = self.run_it("a;b<c>&;d 3\na;e 1\n", "--folded", "--title", "x < y").stdout
        root = ElementTree.fromstring(svg)
        boxes = {box.get("data-n"): box for box in root.iter("{http://www.w3.org/2000/svg}g")}
        self.assertEqual(
            {name: box.get("data-w") for name, box in boxes.items()},
            {"all": "4", "a": "4", "b<c>&": "3", "d": "3", "e": "1"},
        )
        width = {name: float(box[1].get("width")) for name, box in boxes.items()}
        self.assertAlmostEqual(width["d"] / width["a"], 0.75, delta=0.01)
        self.assertAlmostEqual(width["a"], 1180, delta=1)
        self.assertLess(float(boxes["d"][1].get("y")), float(boxes["a"][1].get("y")))

    def test_without_samples_it_says_so(self) -> None:
        done = self.run_it("")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no samples", done.stderr)


def main() -> int:
    """Runs them all; the last line is the total."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    outcome = unittest.TextTestRunner(stream=sys.stderr, verbosity=0).run(suite)
    failed = len({test.id().partition(" (")[0] for test, _ in outcome.failures + outcome.errors})
    skipped = len(outcome.skipped)
    passed = outcome.testsRun - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

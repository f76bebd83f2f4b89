"""Tests of the benchmark's arithmetic: medians and intervals, parsers, rounds, files.

    /usr/bin/python3 tests/bench/arithmetic.py         (make test runs it)

Neither servers nor load generators are needed: their output is given here as text.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests")]

import totals  # noqa: E402
from harness import (  # noqa: E402
    content, fetch, parse, results, rounds, servers, stats, workloads
)  # fmt: skip
from harness.results import Row  # noqa: E402
from harness.stats import Interval  # noqa: E402


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


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

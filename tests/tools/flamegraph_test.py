"""Tests of tools/flamegraph: folding and drawing.

    /usr/bin/python3 tests/tools/flamegraph_test.py         (make test runs it)
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

import totals  # noqa: E402

FLAMEGRAPH = TOP / "tools" / "flamegraph"


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


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

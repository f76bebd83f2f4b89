"""Tests of tools/deploy/kubernetes.yaml: its form, its times, and the configuration in it.

    /usr/bin/python3 tests/tools/kubernetes_test.py         (make test runs it)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
import totals  # noqa: E402

BUILD = Path(os.environ.get("SLUICE_BUILD", TOP / "build"))


class Kubernetes(unittest.TestCase):
    def setUp(self) -> None:
        self.text = (TOP / "tools/deploy/kubernetes.yaml").read_text(encoding="utf-8")

    def seconds(self, pattern: str) -> int:
        found = re.search(pattern, self.text)
        assert found, pattern
        return int(found[1])

    def test_kills_later_than_a_drain_ends(self) -> None:
        drain = self.seconds(r"drain-delay = (\d+)s") + self.seconds(r"drain-timeout = (\d+)s")
        self.assertGreater(self.seconds(r"terminationGracePeriodSeconds: (\d+)"), drain)

    def test_is_yaml(self) -> None:
        try:
            import yaml  # pylint: disable=import-outside-toplevel
        except ImportError:
            self.skipTest("PyYAML is not installed (package python3-yaml)")
        kinds = [one["kind"] for one in yaml.safe_load_all(self.text)]
        self.assertEqual(kinds, ["ConfigMap", "Deployment", "Service", "PodDisruptionBudget"])

    def test_has_a_configuration_without_mistakes(self) -> None:
        program = BUILD / "sluice"
        if not program.exists():
            self.skipTest("sluice has not been built")
        found = re.search(r"sluice\.conf: \|\n((?:    .*\n)+)", self.text)
        assert found
        with tempfile.TemporaryDirectory() as where:
            file = Path(where, "sluice.conf")
            file.write_text(found[1].replace("root = /srv", f"root = {where}"), encoding="utf-8")
            done = subprocess.run(
                [program, "check", "--config", file],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

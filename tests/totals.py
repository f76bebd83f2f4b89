"""Runs the tests of a script and prints their total, in the form that tools/run-tests adds up."""

from __future__ import annotations

import sys
import unittest


def run(module: str) -> int:
    """Runs all tests of MODULE. The last line is the total. Returns the exit status."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])
    outcome = unittest.TextTestRunner(stream=sys.stderr, verbosity=0).run(suite)
    failed = len({test.id().partition(" (")[0] for test, _ in outcome.failures + outcome.errors})
    for test, why in outcome.skipped:
        print(f"[SKIP] {test}: {why}")
    skipped = len(outcome.skipped)
    passed = outcome.testsRun - failed - skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0

"""Checks the units for systemd in tools/deploy: they are valid, and hardened, and name what the
program has.

    /usr/bin/python3 tests/tools/deploy_test.py         (make test runs it)

Without systemd-analyze the checks that need it are left out.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = TOP / "tools" / "deploy"
PROGRAM = "/usr/local/bin/sluice"
EXPOSURE_MAX = 2.0


def values(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def placed(directory: str) -> list[str]:
    """Copies the units to DIRECTORY, with a program that exists on every machine."""
    paths = []
    for name in ("sluice.service", "sluice.socket"):
        text = (DEPLOY / name).read_text()
        path = pathlib.Path(directory) / name
        path.write_text(text.replace(PROGRAM, "/bin/true"))
        paths.append(str(path))
    return paths


def says_what_systemd_expects() -> None:
    text = (DEPLOY / "sluice.service").read_text()
    assert values(text, "Type") == ["notify"]
    assert values(text, "Restart") == ["on-failure"]
    assert values(text, "NotifyAccess") == ["main"]
    reload = values(text, "ExecReload")
    assert len(reload) == 2, reload
    assert reload[0].startswith(f"{PROGRAM} check "), "a bad configuration is refused first"
    assert reload[1].split()[1:] == ["-HUP", "$MAINPID"], reload
    assert values(text, "ExecStart")[0].startswith(f"{PROGRAM} --config ")


def leaves_the_system_calls_that_the_program_needs() -> None:
    """RestrictSUIDSGID= forbids openat2(2) altogether (systemd.exec(5) does not say it)."""
    text = (DEPLOY / "sluice.service").read_text()
    assert not values(text, "RestrictSUIDSGID"), "no site can be opened without openat2"


def stops_after_the_drain() -> None:
    """--drain-grace (1 s) and --drain-timeout (30 s) together are shorter."""
    text = (DEPLOY / "sluice.service").read_text()
    assert int(values(text, "TimeoutStopSec")[0]) > 31


def is_valid() -> None:
    with tempfile.TemporaryDirectory() as directory:
        run = subprocess.run(["systemd-analyze", "verify", *placed(directory)], text=True,
                             capture_output=True, check=False)
    assert run.returncode == 0 and not run.stderr.strip(), run.stderr


def is_hardened() -> None:
    """As much as README says."""
    said = re.search(r"`systemd-analyze security` gives ([0-9.]+)", (TOP / "README.md").read_text())
    assert said and float(said[1]) < EXPOSURE_MAX
    with tempfile.TemporaryDirectory() as directory:
        run = subprocess.run(
            ["systemd-analyze", "security", "--offline=yes", f"--threshold={float(said[1]) * 10:.0f}",
             placed(directory)[0]], text=True, capture_output=True, check=False)
    assert run.returncode == 0, run.stdout[-300:] + run.stderr


def main() -> int:
    tests = [says_what_systemd_expects, leaves_the_system_calls_that_the_program_needs,
             stops_after_the_drain]
    if shutil.which("systemd-analyze"):
        tests += [is_valid, is_hardened]
    failed = 0
    for test in tests:
        try:
            test()
        except AssertionError as error:
            print(f"deploy_test: {test.__name__}: {error}")
            failed += 1
    print(f"{len(tests) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

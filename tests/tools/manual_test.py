"""Tests of the man page and the completions, by the programs that read them: groff and mandoc,
bash, zsh and fish. A test is skipped where its program is not installed.

    /usr/bin/python3 tests/tools/manual_test.py         (make test runs it)
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
import totals  # noqa: E402

BUILD = Path(os.environ.get("SLUICE_BUILD", TOP / "build"))
DEADLINE_S = 60

# A command line up to the cursor, what must be among its completions, and what must not.
CASES = (
    ("sluice pre", {"precompress"}, {"check"}),
    ("sluice ", {"check", "explain", "help", "a site"}, {"file.txt"}),
    ("sluice help e", {"explain"}, {"check"}),
    ("sluice --log-f", {"--log-format"}, {"--log-level"}),
    ("sluice --log-format c", {"combined", "common"}, {"json"}),
    ("sluice --log-format=c", {"combined", "common"}, {"json"}),
    ("sluice --log-format=", {"combined", "common", "json"}, {"a site"}),
    ("sluice --root a", {"a site"}, {"a file.txt"}),
    ("sluice --mime-types a", {"a site", "a file.txt"}, {"file.txt"}),
    ("sluice --threads ", set(), {"a site", "file.txt"}),
    ("sluice precompress --l", {"--level", "--listen"}, {"--jobs"}),
    ("sluice precompress --level ", {"fast", "best"}, {"a site"}),
    ("sluice check --l", {"--listen"}, {"--level"}),
    ("sluice explain a", {"a site"}, {"a file.txt"}),
)


def run(command: list[str], where: str = ".", text: str | None = None) -> str:
    """The output of COMMAND, both kinds, which must succeed."""
    done = subprocess.run(command, cwd=where, input=text, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=DEADLINE_S, check=False)  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.returncode}: {done.stdout}"
    return done.stdout


def written(what: str) -> str:
    """What build/manual writes; the man page is made of its template."""
    template = (TOP / "docs/sluice.1.in").read_text(encoding="utf-8") if what == "man" else ""
    return run([str(BUILD / "manual"), what], text=template)


class Case(unittest.TestCase):
    """A test with a directory that has the completion scripts, a directory and two files."""

    def setUp(self) -> None:
        if not (BUILD / "manual").exists():
            self.skipTest("build/manual has not been built")
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.where = place.name
        Path(self.where, "a site").mkdir()
        Path(self.where, "a file.txt").touch()
        Path(self.where, "file.txt").touch()

    def needs(self, program: str) -> None:
        if not shutil.which(program):
            self.skipTest(f"{program} is not installed")

    def script(self, shell: str) -> str:
        path = Path(self.where, f".{shell}-completion")
        path.write_text(written(shell), encoding="utf-8")
        return str(path)


class Pages(Case):
    """The man page."""

    def setUp(self) -> None:
        super().setUp()
        self.page = Path(self.where, "sluice.1")
        self.page.write_text(written("man"), encoding="utf-8")

    def test_groff_shows_it_without_a_warning(self) -> None:
        self.needs("groff")
        done = subprocess.run(
            ["groff", "-man", "-ww", "-Tutf8", "-P-c", "-P-b", "-P-u", str(self.page)],
            text=True, capture_output=True, timeout=DEADLINE_S, check=True,
        )  # fmt: skip
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, "--log.format NAME")
        self.assertIn("precompress ROOT | --config FILE", done.stdout.replace("\u2010", "-"))

    def test_mandoc_finds_no_mistake(self) -> None:
        self.needs("mandoc")
        run(["mandoc", "-T", "lint", "-W", "warning", str(self.page)])


class Bash(Case):
    def completions(self, line: str) -> set[str]:
        """As readline divides LINE: an equals sign is a word of its own."""
        words = re.findall(r"=|[^ =]+", line) + ([""] if line.endswith((" ",)) else [])
        listed = " ".join(f"'{word}'" for word in words)
        said = run(["bash", "--norc", "-c", f"source '{self.script('bash')}'; "
                    f"COMP_WORDS=({listed}) COMP_CWORD={len(words) - 1}; _sluice; "
                    "printf '%s\\n' \"${COMPREPLY[@]}\""], self.where)  # fmt: skip
        return set(said.split("\n")) - {""}

    def test_completes(self) -> None:
        self.needs("bash")
        for line, wanted, others in CASES:
            with self.subTest(line):
                found = self.completions(line)
                self.assertLessEqual(wanted, found)
                self.assertFalse(others & found, found)


class Fish(Case):
    def test_completes(self) -> None:
        self.needs("fish")
        script = self.script("fish")
        for line, wanted, others in CASES:
            with self.subTest(line):
                said = run(["fish", "--no-config", "-c", f"source '{script}'; complete -C '{line}'"],
                           self.where)  # fmt: skip
                found = {one.partition("\t")[0].rstrip("/") for one in said.split("\n")}
                found |= {one.partition("=")[2] for one in found if "=" in one}
                self.assertLessEqual(wanted, found)
                self.assertFalse(others & found, found)


class Zsh(Case):
    """An interactive zsh on a terminal, which completes only there."""

    PROMPT = "at-the-prompt> "

    def start(self) -> int:
        Path(self.where, "_sluice").write_text(written("zsh"), encoding="utf-8")
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.where)
            environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": self.where,
                           "COLUMNS": "200", "LC_ALL": "C.UTF-8"}  # fmt: skip
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, 9)
        self.addCleanup(os.close, terminal)
        return terminal

    def read_until(self, terminal: int, text: str) -> str:
        read, end = "", time.monotonic() + DEADLINE_S
        while text not in read:
            left = end - time.monotonic()
            ready = left > 0 and select.select([terminal], [], [], left)[0]
            self.assertTrue(ready, f"{text!r} does not come: {read}")
            read += os.read(terminal, 65536).decode(errors="replace")
        return read

    def test_completes(self) -> None:
        self.needs("zsh")
        terminal = self.start()
        # The widget shows all completions and leaves the line as it is.
        setup = (
            "unsetopt zle_bracketed_paste prompt_cr prompt_sp; fpath=($PWD $fpath); "
            "autoload -Uz compinit; compinit -u -D; LISTMAX=1000; "
            "show() { compadd() { local -a shown; [[ ${@[(r)-*O*]} || ${@[(r)-*D*]} || "
            "${@[(r)-*A*]} ]] || { builtin compadd -O shown \"$@\"; print -rl -- $shown >>found; }; "
            "builtin compadd \"$@\" }; _main_complete; unfunction compadd; print end >>found }; "
            "zle -C show list-choices show; bindkey '^T' show; PS1='at-the''-prompt> '\n"
        )
        os.write(terminal, setup.encode())
        self.read_until(terminal, self.PROMPT)
        for line, wanted, others in CASES:
            with self.subTest(line):
                found = self.completions(terminal, line)
                self.assertLessEqual(wanted, found)
                self.assertFalse(others & found, found)

    def completions(self, terminal: int, line: str) -> set[str]:
        path, end = Path(self.where, "found"), time.monotonic() + DEADLINE_S
        path.unlink(missing_ok=True)
        os.write(terminal, b"\x15" + line.encode() + b"\x14")
        while not path.exists() or not path.read_text(encoding="utf-8").endswith("end\n"):
            self.assertLess(time.monotonic(), end, f"no completions of {line!r}")
            if select.select([terminal], [], [], 0.02)[0]:
                os.read(terminal, 65536)
        text = path.read_text(encoding="utf-8").replace("\\ ", " ")
        return {one.rstrip("=") for one in text.split("\n")}


if __name__ == "__main__":
    sys.exit(totals.run(__name__))

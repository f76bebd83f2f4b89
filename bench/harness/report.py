"""The technical report: bench/report/template.md with statements, tables and plots from a set of
results.

A statement of bench/report/statements.ini is a text with figures and the condition under which it
is true, both of them expressions over the results. Where the condition does not hold, the
statement is marked in the text and listed. In the template {{statement NAME}}, {{table NAME}} and
{{plot NAME}} are replaced by what they name.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import plots, results, tables
from .place import BENCH, Failed
from .results import facts_path
from .verdict import Figures
from .voice import Missing, Voice

REFERENCE = BENCH / "results" / "reference.csv"
FRESH = BENCH / "results" / "fresh.csv"
TEMPLATE = BENCH / "report" / "template.md"
STATEMENTS = BENCH / "report" / "statements.ini"


@dataclass(frozen=True)
class Statement:
    """A text about results, and when it is true."""

    name: str
    holds: str
    text: str


@dataclass(frozen=True)
class Checked:
    """A statement checked against results; `true` is None where they lack a figure."""

    statement: Statement
    true: bool | None
    text: str
    why: str = ""

    def shown(self) -> str:
        """The text, marked if it isn't true."""
        if self.true:
            return self.text
        mark = "Not measured here" if self.true is None else "Does not hold here"
        return f"**[{mark}:** {self.text}**]**"


def read_statements(path: Path = STATEMENTS) -> dict[str, Statement]:
    """All statements, by name."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.read_string(path.read_text(), str(path))
    found = {}
    for name in parser.sections():
        section = parser[name]
        if set(section) != {"holds", "text"}:
            raise Failed(f"{path.name}: [{name}] must have holds and text, and nothing else")
        holds, text = (" ".join(section[key].split()) for key in ("holds", "text"))
        found[name] = Statement(name, holds, text)
    return found


def filled(text: str, voice: Voice) -> str:
    """TEXT with each {expression} or {expression:format} replaced by its value."""

    def value(found: re.Match[str]) -> str:
        return format(voice.value(found[1]), found[2] or "")

    return re.sub(r"\{([^{}]+?)(?::([^{}:\"]+))?\}", value, text)


def check(statement: Statement, voice: Voice) -> Checked:
    """Whether STATEMENT is true of the results in VOICE, and its text with their figures."""
    try:
        true = bool(voice.value(statement.holds))
        return Checked(statement, true, filled(statement.text, voice), statement.holds)
    except Missing as missing:
        text = re.sub(r"\{[^{}]+\}", "?", statement.text)
        return Checked(statement, None, text, str(missing))


class Report:
    """The report of the results in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.figures = Figures(results.read(path))
        try:
            self.facts = json.loads(facts_path(path).read_text())
        except OSError as error:
            raise Failed(f"{facts_path(path)}: {error.strerror}") from None
        voice = Voice(self.figures)
        self.checked = {
            name: check(statement, voice) for name, statement in read_statements().items()
        }

    def text(self, template: str) -> str:
        """TEMPLATE filled in."""
        kinds: dict[str, Callable[[str], str]] = {
            "statement": lambda name: self.checked[name].shown(),
            "table": lambda name: tables.TABLES[name](self.figures, self.facts),
            "plot": lambda name: f"![{plots.PLOTS[name].title}](plots/{name}.svg)",
        }

        def fill(found: re.Match[str]) -> str:
            try:
                return kinds[found[1]](found[2])
            except KeyError:
                raise Failed(f"{TEMPLATE.name}: there is no {found[1]} {found[2]}") from None

        text = re.sub(r"\{\{(\w+) ([\w-]+)\}\}", fill, template)
        return text.replace("{{results}}", f"results/{self.path.name}")

    def untrue(self) -> list[str]:
        """The statements that don't hold or can't be checked, a line each."""
        lines = [
            f"does not hold: [{name}] {checked.text}"
            for name, checked in self.checked.items()
            if checked.true is False
        ]
        return lines + [
            f"can't be checked: [{name}] {checked.why}"
            for name, checked in self.checked.items()
            if checked.true is None
        ]


def render(path: Path, out: Path) -> int:
    """Writes REPORT.md and plots/ below OUT, and lists the statements that no longer hold; gives
    the exit status."""
    report = Report(path)
    out.mkdir(parents=True, exist_ok=True)
    (out / "REPORT.md").write_text(report.text(TEMPLATE.read_text()))
    plots.draw_all(report.figures, out / "plots")
    lines = report.untrue()
    print(
        f"\n{out / 'REPORT.md'}: {len(report.checked)} statements, of which {len(lines)} do not hold"
    )
    for line in lines:
        print(line)
    return 0

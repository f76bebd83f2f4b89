"""The second part of `make soak`: SIGHUP every 10 ms with another configuration each time, against
a build with sanitizers, on one engine after the other. No request may fail, no reload be refused,
and memory and descriptors must stay flat."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import time
import urllib.request
from pathlib import Path

from . import hostile, parse, servers, soak
from .hostile import PRIORITY, SITE
from .place import BUILD, Failed
from .servers import KINDS, Server
from .soak import Second, Soak, Trend

SECONDS = 60.0
PERIOD_SECONDS = 0.01
RATE = 200  # of the honest client, requests a second
SITES = (3, 1, 5, 2)  # besides the one that the client asks
TOTAL = re.compile(r'^sluice_reloads_total\{result="(\w+)"\} (\d+)$', re.M)


def configuration(number: int, ports: tuple[int, int, int], run: Path) -> str:
    """The text number NUMBER of a configuration whose first port of PORTS is always listened on,
    the second at times; the third is for metrics. Logs are in RUN."""
    lines = [
        f"listen = 127.0.0.1:{ports[0]}",
        f"admin = 127.0.0.1:{ports[2]}",
        "threads = 2",
        "log-level = warning",
        f"error-log = {run}/errors-{number // 3 % 2}",
        f"pid-file = {run}/pid-{number // 5 % 2}",
        f"idle-timeout = {30 + number % 3}s",
        f"max-connections = {100 - number % 2}",
        f"max-connections-per-ip = {50 + number % 7}",
        f"cache-bytes = {8 - number % 4}M",
    ]
    if number // 20 % 2:
        lines.append(f"listen = 127.0.0.1:{ports[1]}")
    if number % 4 == 1:
        lines.append("trusted-proxy = 10.0.0.0/8")
    lines += ["[site *]", f"root = {SITE}", f"header = /*: X-Number: {number // 2 % 3}"]
    if number % 3:
        lines.append(f"access-log = {run}/access-{number % 3}")
    for site in range(SITES[number % len(SITES)]):
        lines += [f"[site s{site}.example]", f"root = {SITE}"]
        if number % 2:
            lines.append("cors = yes")
    return "\n".join(lines) + "\n"


class Reloaded(hostile.Target):
    """A `sluice` on ENGINE with a configuration file."""

    def __init__(self, engine: str) -> None:
        self.ports = (0, servers.free_port(), servers.free_port())
        self.number = 0
        kind = dataclasses.replace(
            KINDS[hostile.ENGINES[engine]],
            program=BUILD / "sluice",
            command=lambda program, words: [
                *PRIORITY.first, program, f"--config={words['run']}/sluice.conf", f"--backend={engine}"
            ],  # fmt: skip
        )
        Server.__init__(self, kind, site=SITE)

    def _start(self, words: dict[str, str]) -> None:
        self.ports = (self.port, *self.ports[1:])
        self.configure()
        super()._start(words)

    def configure(self) -> None:
        """Writes the next configuration."""
        path = self.run / "sluice.conf"
        path.with_suffix(".new").write_text(configuration(self.number, self.ports, self.run))
        path.with_suffix(".new").rename(path)
        self.number += 1

    def reload(self) -> None:
        """Has it read the next configuration."""
        self.configure()
        try:
            os.kill(self.pid, signal.SIGHUP)
        except ProcessLookupError:
            raise Failed("the server has ended") from None

    def totals(self) -> dict[str, int]:
        """Its reloads so far, by their result."""
        url = f"http://127.0.0.1:{self.ports[2]}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            text = answer.read().decode()
        return {result: int(number) for result, number in TOTAL.findall(text)}


@dataclasses.dataclass
class Reloads(Soak):
    """One engine's reloads."""

    done: int = 0
    refused: int = 0

    @property
    def failed(self) -> bool:
        """Whether a request, a reload, the server or a trend has failed."""
        return bool(self.died or self.errors or self.refused or not self.done or self.growing)

    @property
    def growing(self) -> list[Trend]:
        """What grows, but for latency, which other programs lengthen."""
        return [one for one in soak.trends(self.seconds) if not one.flat and one.name != "p99 ms"]


def _reloaded(target: Reloaded, began: float, seconds: float) -> list[Second]:
    """Reloads for SECONDS. The server's figures, once a second."""
    found: list[Second] = []
    while (at := time.monotonic() - began) < seconds:
        target.reload()
        if at >= len(found):
            memory = hostile.status_bytes(target.pid, "VmRSS")
            found.append(Second(at, memory, hostile.descriptors(target.pid), None))
        time.sleep(PERIOD_SECONDS)
    return found


def run(engine: str, seconds: float = SECONDS) -> Reloads:
    """Reloads a server on ENGINE for SECONDS while a client makes requests."""
    soak.set_sanitizers()
    with Reloaded(engine) as target:
        began = time.monotonic()
        with hostile.Honest(target.port, seconds, RATE) as honest:
            figures = _reloaded(target, began, seconds)
            try:
                samples = honest.finish()
            except Failed:
                samples = parse.honest(honest.said())
        totals = target.totals()
        status, said = target.finish(soak.END_SECONDS)
    return Reloads(
        f"{engine}, {totals.get('done', 0):,} reloads",
        soak.with_latency(figures, samples, began),
        len(samples),
        sum(1 for sample in samples if not sample.good),
        status,
        said if soak.REPORT.search(said) else "",
        totals.get("done", 0),
        totals.get("refused", 0),
    )

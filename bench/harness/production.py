"""What running in production costs: the access log, a scrape of the metrics each second, a thousand
sites, and their reload.

The cost of a request is the server's CPU time, of all its threads, divided by the requests that wrk
counts. A log's cost is a ratio of two such figures. Each round measures every setting once, in
turn, so that a busy machine is busy for all; the ratios are medians over the rounds."""

from __future__ import annotations

import re
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import place
from .place import BUILD, HOME, Failed

PROGRAM = BUILD / "sluice"
SITES = 1000
FILE_BYTES = 612
READY_SECONDS = 20.0
RELOADS = 5
SCRAPES = 500
HEADINGS = ("setting", "CPU a request", "ratio", "from", "to", "must be")


@dataclass(frozen=True)
class Setting:
    """One way to run the server."""

    name: str
    options: tuple[str, ...] = ()
    depth: int = 1  # requests pipelined
    sites: int = 1
    scraped: bool = False
    base: str = ""  # the setting that it is compared with
    bound: float = 0.0  # of the ratio


SETTINGS = (
    Setting("kept alive"),
    Setting("kept alive, combined", ("--access-log", "{log}"), base="kept alive", bound=1.05),
    Setting(
        "kept alive, json",
        ("--access-log", "{log}", "--log-format", "json"),
        base="kept alive",
        bound=1.05,
    ),
    Setting("kept alive, scraped", scraped=True, base="kept alive", bound=1.01),
    Setting("kept alive, 1,000 sites", sites=SITES, base="kept alive", bound=1.01),
    Setting("pipelined", depth=16),
    Setting(
        "pipelined, combined", ("--access-log", "{log}"), depth=16, base="pipelined", bound=1.25
    ),
    Setting(
        "pipelined, json",
        ("--access-log", "{log}", "--log-format", "json"),
        depth=16,
        base="pipelined",
        bound=1.25,
    ),
    Setting("pipelined, 1,000 sites", depth=16, sites=SITES, base="pipelined", bound=1.01),
)


def configuration(where: Path, sites: int) -> Path:
    """Writes a file with that many sites, each with a name and a root of its own."""
    text = []
    for number in range(sites):
        root = where / f"site{number}"
        root.mkdir(exist_ok=True)
        (root / "index.html").write_bytes(b"x" * FILE_BYTES)
        text.append(f"[site s{number}.example]\nroot = {root}\n")
    file = where / "sluice.conf"
    file.write_text("".join(text))
    return file


class Server:
    """sluice with one thread on the servers' processor."""

    def __init__(self, where: Path, setting: Setting) -> None:
        self.admin = free_port() if setting.scraped else 0
        file = configuration(where, setting.sites)
        options = [word.format(log=where / "access.log") for word in setting.options]
        if self.admin:
            options += ["--admin", str(self.admin)]
        self.port = free_port()
        self.errors = (where / "errors").open("w+b")
        self.process = place.start(
            [
                str(PROGRAM), "--config", str(file), "--threads", "1",
                "--listen", f"127.0.0.1:{self.port}", *options,
            ],  # fmt: skip
            place.SERVER_CPU,
            subprocess.DEVNULL,
            self.errors,
        )

    def __enter__(self) -> Server:
        end = time.monotonic() + READY_SECONDS
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: s0.example\r\n\r\n")
                    if client.recv(65536).startswith(b"HTTP/1.1 200"):
                        return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.errors.seek(0)
                said = self.errors.read().decode("utf-8", "replace")
                self.__exit__()
                raise Failed(f"sluice does not serve: {said}")
            time.sleep(0.01)

    def __exit__(self, *_: object) -> None:
        place.end(self.process)
        self.errors.close()

    def cpu_seconds(self) -> float:
        """CPU time of all threads, in nanoseconds' resolution where the kernel counts it."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def memory_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        if not found:
            raise Failed("/proc has no RssAnon")
        return int(found[1]) * 1024


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def read_metrics(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        answer.read()


@contextmanager
def scraping(port: int, every_seconds: float = 1.0) -> Iterator[None]:
    """Reads the metrics each second, as Prometheus would at its most eager. PORT 0: does not. A
    scrape that fails fails the measurement, which would be one without scrapes."""
    over = threading.Event()
    failures: list[str] = []

    def scrape() -> None:
        while not over.wait(every_seconds) and not failures:
            try:
                read_metrics(port)
            except OSError as error:
                failures.append(str(error))

    thread = threading.Thread(target=scrape)
    if port:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if port:
            thread.join()
    if failures:
        raise Failed(f"a scrape of the metrics failed: {failures[0]}")


def requests_of(said: str) -> int:
    """The requests that wrk answered, all of them with 2xx."""
    found = re.search(r"(\d+) requests in ", said)
    if not found or "Non-2xx" in said or "Socket errors" in said:
        raise Failed(f"wrk: {said.strip()}")
    return int(found[1])


def cost_us(setting: Setting, seconds: float) -> float:
    """The server's CPU time a request, in microseconds."""
    with tempfile.TemporaryDirectory(dir=HOME) as directory:
        where = Path(directory)
        script = where / "pipeline.lua"
        script.write_text(
            "init = function() local r = {} for i = 1, %d do r[i] = wrk.format('GET', '/', "
            "{Host='s0.example'}) end all = table.concat(r) end request = function() return all end"
            % setting.depth
        )
        with Server(where, setting) as server, scraping(server.admin):
            before = server.cpu_seconds()
            done = subprocess.run(
                [
                    "taskset", "-c", str(place.CLIENT_CPU), "wrk", "-t1", "-c64",
                    f"-d{max(1, round(seconds))}", "-s", str(script),
                    f"http://127.0.0.1:{server.port}/",
                ],  # fmt: skip
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds + 60,
                check=False,
                text=True,
            )
            if done.returncode != 0:
                raise Failed(f"wrk: {done.stderr.strip()}")
            requests = requests_of(done.stdout)
            return (server.cpu_seconds() - before) * 1e6 / requests


def site_bytes() -> float:
    """The memory that a site takes: from two thousand sites less that of one thousand."""
    used = []
    for sites in (SITES, 2 * SITES):
        with tempfile.TemporaryDirectory(dir=HOME) as directory:
            with Server(Path(directory), Setting("memory", sites=sites)) as server:
                used.append(server.memory_bytes())
    return (used[1] - used[0]) / SITES


def reload_seconds() -> list[float]:
    """The times from SIGHUP until an answer shows that the new configuration serves."""
    times = []
    with tempfile.TemporaryDirectory(dir=HOME) as directory:
        where = Path(directory)
        with Server(where, Setting("reload", sites=SITES)) as server:
            file = where / "sluice.conf"
            sites = file.read_text()
            for number in range(RELOADS):
                file.write_text(f"header = /*: X-Reload: {number}\n{sites}")
                begun = time.monotonic()
                server.process.send_signal(signal.SIGHUP)
                while not shows(server.port, f"X-Reload: {number}\r\n"):
                    if time.monotonic() > begun + READY_SECONDS:
                        raise Failed(f"no reload within {READY_SECONDS:.0f} s")
                times.append(time.monotonic() - begun)
    return times


def shows(port: int, part: str) -> bool:
    """Whether the last site's answer has PART."""
    return part.encode() in answer_of(port, SITES - 1)


def answer_of(port: int, site: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        request = f"GET / HTTP/1.1\r\nHost: s{site}.example\r\nConnection: close\r\n\r\n"
        client.sendall(request.encode())
        answer = b""
        while got := client.recv(65536):
            answer += got
        return answer


def scrape_seconds(sites: int) -> float:
    """The server's CPU time of one scrape, when SITES sites have lines in it."""
    with tempfile.TemporaryDirectory(dir=HOME) as directory:
        with Server(Path(directory), Setting("scrapes", sites=sites, scraped=True)) as server:
            for site in range(sites):
                answer_of(server.port, site)
            before = server.cpu_seconds()
            for _ in range(SCRAPES):
                read_metrics(server.admin)
            return (server.cpu_seconds() - before) / SCRAPES


def ratio_row(setting: Setting, costs: dict[str, list[float]]) -> tuple[str, ...]:
    """The row of SETTING, from the costs of all rounds."""
    mine = costs[setting.name]
    figure = f"{statistics.median(mine):.3f} us"
    if not setting.base:
        return (setting.name, figure, "", "", "", "")
    ratios = [one / other for one, other in zip(mine, costs[setting.base])]
    return (
        setting.name,
        figure,
        f"{statistics.median(ratios):.3f}",
        f"{min(ratios):.3f}",
        f"{max(ratios):.3f}",
        f"<= {setting.bound:.2f}",
    )

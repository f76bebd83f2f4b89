"""The servers that are measured: how each is started with one worker on its own processor, and
stopped.

Peers come from the packages that fetch.py has unpacked; their configurations are in bench/peers/.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import measure, place
from .place import BENCH, BUILD, HOME, PEERS, SITE, Failed

ROOT = PEERS / "root"  # the peers' packages, unpacked
RUN = HOME / "run"  # the files that running servers write
PEM = HOME / "localhost.pem"
READY_SECONDS = 10.0
PORTS = range(20000, 32000)  # below those that clients get
MODULES = ROOT / "usr/lib/lighttpd"

Command = Callable[[Path, dict[str, str]], list[str | Path]]


def _sluice(program: Path, words: dict[str, str]) -> list[str | Path]:
    where = [program, words["port"], words["site"]]
    certificate = ["--cert", words["pem"]] if words["pem"] else []
    return [*where, "--bind", "127.0.0.1", "--threads", "1", *certificate]


def _uring(program: Path, words: dict[str, str]) -> list[str | Path]:
    return [*_sluice(program, words), "--backend", "io_uring"]


def _limit(program: Path, words: dict[str, str]) -> list[str | Path]:
    options = [word.format(**words) for word in words["options"].split("\n")]
    if words["pem"]:
        return [program.with_name("limit_tls"), *options, words["pem"]]
    return [program, *options]


@dataclass(frozen=True)
class Kind:
    """One server; the names of two kinds that differ in nothing else make an A/A row."""

    name: str
    title: str
    program: Path
    command: Command
    config: str | None = None  # a file of bench/peers
    version: tuple[str, ...] = ()  # the argument that makes it say its version
    env: tuple[tuple[str, str], ...] = ()
    only: tuple[str, ...] | None = None  # the workloads it is given, if not all

    @property
    def peer(self) -> bool:
        return self.config is not None

    def given(self, workload: str) -> bool:
        """Whether it is to have that workload."""
        return self.only is None or workload in self.only

    @property
    def limit(self) -> bool:
        return self.command is _limit

    @property
    def present(self) -> bool:
        return self.program.exists()


EARLIER = ("keepalive-64", "pipelined-16", "close-64")  # where the earlier stages are compared
LIMIT = HOME / "limit"
SLUICE = BUILD / "pipelined-server"
OTHER = Path(os.environ.get("SLUICE_OTHER", SLUICE))  # another build, to be measured against

KINDS = {
    kind.name: kind
    for kind in (
        Kind("limit", "limit", LIMIT, _limit),
        Kind("limit-2", "limit again", LIMIT, _limit),
        Kind("sluice", "Sluice", SLUICE, _sluice, version=("--version",)),
        Kind("sluice-2", "Sluice again", OTHER, _sluice),
        Kind("uring", "Sluice, io_uring", SLUICE, _uring),
        Kind("persistent", "persistent-server", BUILD / "persistent-server", _sluice, only=EARLIER),
        Kind("simple", "simple-server", BUILD / "simple-server", _sluice, only=EARLIER),
        Kind(
            "nginx",
            "nginx",
            ROOT / "usr/sbin/nginx",
            lambda program, words: [
                program,
                "-e",
                "stderr",
                "-p",
                words["run"],
                "-c",
                words["config"],
            ],
            "nginx.conf",
            ("-v",),
        ),
        Kind(
            "lighttpd",
            "lighttpd",
            ROOT / "usr/sbin/lighttpd",
            lambda program, words: [program, "-D", "-f", words["config"], "-m", MODULES],
            "lighttpd.conf",
            ("-v",),
        ),
        Kind(
            "h2o",
            "h2o",
            ROOT / "usr/bin/h2o",
            lambda program, words: [program, "-c", words["config"]],
            "h2o.conf",
            ("--version",),
            (("H2O_ROOT", str(ROOT / "usr")),),
        ),
        Kind(
            "apache",
            "Apache",
            ROOT / "usr/sbin/apache2",
            lambda program, words: [program, "-D", "FOREGROUND", "-f", words["config"]],
            "apache2.conf",
            ("-v",),
        ),
        Kind(
            "caddy",
            "Caddy",
            ROOT / "usr/bin/caddy",
            lambda program, words: [
                program, "run", "--adapter", "caddyfile", "--config", words["config"]
            ],  # fmt: skip
            "Caddyfile",
            ("version",),
            (("GOMAXPROCS", "1"),),
        ),
    )
}
PEER_NAMES = tuple(name for name, kind in KINDS.items() if kind.peer)


def environment(kind: Kind) -> dict[str, str]:
    """What KIND's programs need in theirs: the libraries that were unpacked beside them."""
    if not kind.peer:
        return {}
    libraries = [
        str(ROOT / where) for where in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
    ]
    libraries += [str(where) for where in sorted(ROOT.glob("usr/lib/*-linux-gnu"))]
    return {"LD_LIBRARY_PATH": ":".join(dict.fromkeys(libraries)), **dict(kind.env)}


def certificate() -> Path:
    """A file with a certificate for 127.0.0.1 and its key (ECDSA P-256), made once."""
    if not PEM.exists():
        made = PEM.with_suffix(".new")
        key = PEM.with_suffix(".key")
        words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365"
        names = ["-subj", "/CN=localhost"]
        names += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        where = ["-keyout", str(key), "-out", str(made)]
        try:
            subprocess.run([*words.split(), *names, *where], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            raise Failed("openssl is missing, which makes the certificate") from None
        made.write_bytes(made.read_bytes() + key.read_bytes())
        key.unlink()
        made.chmod(0o644)
        made.rename(PEM)
    return PEM


def version(kind: Kind) -> str:
    """The line in which KIND says its version, or nothing."""
    if not (kind.version and kind.present):
        return ""
    said = subprocess.run(
        [kind.program, *kind.version],
        env={**os.environ, **environment(kind)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=20,
        check=False,
    )
    return said.stdout.decode("utf-8", "replace").strip().partition("\n")[0]


def free_port() -> int:
    """A free port of 127.0.0.1."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed("no free port")


def fill(template: str, words: dict[str, str]) -> str:
    """TEMPLATE with each @word@ replaced."""
    for name, value in words.items():
        template = template.replace(f"@{name}@", value)
    return template


class Server:
    """A server of KIND that answers on `port`, for a `with` statement."""

    def __init__(
        self,
        kind: Kind,
        limit_options: Sequence[str] = (),
        site: Path = SITE,
        secure: bool = False,
    ) -> None:
        """Starts it, with HTTPS if SECURE, and waits until it accepts connections."""
        if not kind.present:
            raise Failed(f"{kind.title} is missing ({kind.program})")
        self.kind = kind
        self.secure = secure
        self.port = free_port()
        RUN.mkdir(parents=True, exist_ok=True)
        self.run = Path(tempfile.mkdtemp(prefix=f"{kind.name}-", dir=RUN))
        self.run.chmod(0o755)
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self._start(self._words(site, limit_options))
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _words(self, site: Path, limit_options: Sequence[str]) -> dict[str, str]:
        files = place.raise_files_limit()
        return {
            "port": str(self.port),
            "site": str(site),
            "run": str(self.run),
            "peers": str(ROOT),
            "files": str(files),
            "connections": str(files - 500),
            "as_root": "" if os.geteuid() == 0 else "#",
            # At the beginning of a line of a configuration: it is a comment, or not.
            "tls": "" if self.secure else "#",
            "plain": "#" if self.secure else "",
            "pem": str(certificate()) if self.secure else "",
            "options": "\n".join(limit_options),
        }

    def _start(self, words: dict[str, str]) -> None:
        kind = self.kind
        if kind.config:
            config = self.run / kind.config
            config.write_text(fill((BENCH / "peers" / kind.config).read_text(), words))
            (self.run / "deflate").mkdir()
            words["config"] = str(config)
        home = {"HOME": str(self.run), "XDG_DATA_HOME": str(self.run)} if kind.peer else {}
        with (self.run / "said").open("wb") as said:
            self.process = place.start(
                kind.command(kind.program, words),
                place.SERVER_CPU,
                said,
                said,
                {**environment(kind), **home},
            )

    def _wait(self) -> None:
        assert self.process
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if place.ended_within(self.process, 0.01):
                raise Failed(f"{self.kind.title} ended at once: {self.last_words()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                continue
        raise Failed(f"{self.kind.title} didn't listen within {READY_SECONDS:.0f} s")

    def last_words(self) -> str:
        """The last line of its output."""
        said = (self.run / "said").read_text(errors="replace").strip()
        return said.rpartition("\n")[2] or "no message"

    def pids(self) -> list[int]:
        """Its processes: all of its session."""
        assert self.process
        return measure.session(self.process.pid)

    def cpu_ns(self) -> int:
        """The CPU time that all its threads have had so far."""
        return measure.cpu_ns(self.pids())

    def stop(self) -> None:
        """Ends it and removes its files."""
        if self.process:
            place.end(self.process)
        shutil.rmtree(self.run, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

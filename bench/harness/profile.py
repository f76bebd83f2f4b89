"""Flame graphs: Sluice under a workload, sampled by perf, drawn by tools/flamegraph."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from . import clients, place, probe
from .place import TOP, Failed
from .servers import KINDS, Server
from .workloads import Workload

SAMPLES_A_SECOND = 997  # no multiple of anything that the server does on its own
SPARE_SECONDS = 60


def event() -> str:
    """What can be sampled here: cycles, or where they are not counted (virtual machines) the
    clock."""
    try:
        counted = _perf("stat", "-e", "cycles", "--", "true")
        name = "cpu-clock" if "<not " in counted.stderr or counted.returncode else "cycles"
        tried = _perf("record", "-q", "-e", name, "-o", "/dev/null", "--", "true")
    except OSError:
        raise Failed("perf is missing (Debian: linux-perf)") from None
    if tried.returncode == 0:
        return name
    level = Path("/proc/sys/kernel/perf_event_paranoid")
    paranoid = level.read_text().strip() if level.exists() else "absent"
    raise Failed(
        f"perf may not sample here (kernel.perf_event_paranoid is {paranoid}): run this as root, "
        f"or set it to 1 or lower; perf says: {tried.stderr.strip().partition(chr(10))[0] or 'nothing'}"
    )


def _perf(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["perf", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
        check=False,
        text=True,
    )


def flamegraph(workload: Workload, where: Path, seconds: float, name: str = "sluice") -> Path:
    """Profiles server NAME under WORKLOAD; gives the SVG file, below WHERE."""
    what = event()
    kind = KINDS[name]
    where.mkdir(parents=True, exist_ok=True)
    out = where / f"flame-{name}-{workload.name}.svg"
    with tempfile.TemporaryDirectory(dir=place.HOME) as scratch, Server(
        kind, workload.limit_options()
    ) as server:
        expected = probe.learn(server.port, workload, kind.command != KINDS["limit"].command)
        load = clients.Wrk(server.port, workload, expected.headers, seconds + 5, False)
        try:
            samples = _record(what, server.pids(), seconds, Path(scratch, "perf.data"))
            run = load.stop()
        finally:
            place.end(load.running.process)
        title = f"{kind.title}: {workload.title} ({run.load.rps:,.0f} requests/s, {what})"
        _draw(samples, title, out)
    return out


def _record(what: str, pids: list[int], seconds: float, samples: Path) -> Path:
    """perf record of PIDS for SECONDS."""
    command = [
        "perf",
        "record",
        "-q",
        "-F",
        str(SAMPLES_A_SECOND),
        "-e",
        what,
        "--call-graph",
        "fp",
    ]
    command += ["-p", ",".join(map(str, pids)), "-o", str(samples), "--", "sleep", f"{seconds:.2f}"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds + SPARE_SECONDS,
        check=False,
    )
    if done.returncode or not samples.exists():
        raise Failed(f"perf record: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
    return samples


def _draw(samples: Path, title: str, out: Path) -> None:
    script = subprocess.run(
        ["perf", "script", "-i", str(samples)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SPARE_SECONDS,
        check=False,
    )
    drawn = subprocess.run(
        [TOP / "tools/flamegraph", "--title", title],
        input=script.stdout,
        capture_output=True,
        check=False,
    )
    if drawn.returncode:
        raise Failed(drawn.stderr.decode("utf-8", "replace").strip())
    out.write_bytes(drawn.stdout)

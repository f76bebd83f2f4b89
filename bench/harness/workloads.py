"""The workloads: the rows of the table, and the sweeps of the full run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from . import content

MIB = content.MIB
CONNECTION_COUNTS = (1, 8, 64, 256, 1000, 2500, 5000)
DEPTHS = (1, 2, 4, 8, 16, 32, 64)
SENDFILE_FROM = 64 << 10  # from this size on the limit's body comes from the file

BROWSER = {
    "Connection": "keep-alive",
    "Cache-Control": "max-age=0",
    "sec-ch-ua": '"Chromium";v="126", "Not:A-Brand";v="24", "Google Chrome";v="126"',
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": '"Linux"',
    "Upgrade-Insecure-Requests": "1",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
}


@dataclass(frozen=True)
class Workload:
    """One kind of requests, for wrk. Sluice's cost ÷ the limit's must not exceed `target`."""

    name: str
    title: str
    paths: Sequence[str] = ("/612.html",)
    connections: int = 64
    pipeline: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    encoding: str | None = None  # which Content-Encoding the answers must have
    validators: bool = False  # send the If-None-Match that a first answer gave
    per_mib: bool = False  # cost is for a MiB, not for a request
    target: float | None = None
    best_is_target: bool = False  # the target is the best peer's cost
    secure: bool = False  # over TLS
    handshakes: str = ""  # by bench/tls_load: "full" or "resumed"; else wrk is the client

    @property
    def unit(self) -> str:
        return "MiB" if self.per_mib else "request"

    @property
    def closes(self) -> bool:
        return self.headers.get("Connection") == "close"

    def limit_options(self) -> list[str]:
        """The options and the body size that make the limit answer like a server."""
        if self.status == 304:
            return ["-n", "{port}", "0"]
        size = content.mean_bytes(list(self.paths), f".{self.encoding}" if self.encoding else "")
        options = ["-c"] if self.closes else []
        if size >= SENDFILE_FROM and len(self.paths) == 1 and not self.secure:
            options += ["-f", str(content.SITE / self.paths[0][1:])]
        return [*options, "{port}", str(size)]


def _sized(size: int, connections: int, **more: object) -> Workload:
    name = f"{size // MIB}m" if size >= MIB else f"{size >> 10}k"
    title = f"{size // MIB} MiB (CPU a MiB)" if size >= MIB else f"{size >> 10} KiB"
    return Workload(name, title, (f"/sizes/{size}.bin",), connections, per_mib=size >= MIB, **more)


TABLE = (
    Workload("keepalive-64", "612 B file, keep-alive, 64 connections", target=1.10),
    Workload("keepalive-1000", "same, 1,000 connections", connections=1000, target=1.10),
    Workload("pipelined-16", "16 pipelined, 612 B", pipeline=16, target=1.3),
    Workload(
        "browser", "a browser's headers, 8 KiB page", ("/page.html",), headers=BROWSER, target=1.10
    ),
    Workload("many-files", "4,000 distinct small files", content.small_paths(), target=1.10),
    Workload(
        "assets",
        "20 real-life assets with .br siblings, 256 connections",
        content.asset_paths(),
        connections=256,
        headers={"Accept-Encoding": "gzip, deflate, br"},
        encoding="br",
        target=1.15,
    ),
    Workload("not-modified", "304", status=304, validators=True, target=0.95),
    Workload("close-64", "a connection a request", headers={"Connection": "close"}, target=0.95),
    _sized(64 << 10, 64, target=1.03),
    _sized(MIB, 16, target=1.05),
    _sized(256 * MIB, 4, target=0.95),
)
CLOSING = {"Connection": "close"}
TLS_TABLE = (
    Workload("tls-keepalive-64", "HTTPS: 612 B, keep-alive, 64 connections", secure=True, target=1.08),
    Workload("tls-pipelined-16", "HTTPS: 16 pipelined", pipeline=16, secure=True, target=1.15),
    Workload(
        "tls-full",
        "HTTPS: a full handshake, one request, the end",
        connections=1,
        headers=CLOSING,
        secure=True,
        handshakes="full",
        target=1.03,
    ),
    Workload(
        "tls-resumed",
        "HTTPS: the same, resumed",
        connections=1,
        headers=CLOSING,
        secure=True,
        handshakes="resumed",
        best_is_target=True,
    ),
    Workload(
        "tls-64k",
        "HTTPS: 64 KiB (CPU a MiB)",
        (f"/sizes/{64 << 10}.bin",),
        per_mib=True,
        secure=True,
        target=1.10,
    ),
    Workload(
        "tls-1m", "HTTPS: 1 MiB (CPU a MiB)", (f"/sizes/{MIB}.bin",), 16, per_mib=True, secure=True, target=1.10
    ),
)
MEMORY_COUNTS = (5000, 10000)
MEMORY_TARGET_BYTES = 192
TLS_MEMORY_COUNT = 2000
TLS_MEMORY_TARGET_BYTES = 14800


def size_sweep() -> list[Workload]:
    """Bodies from 1 B to 256 MiB."""
    return [
        Workload(
            f"size-{size}",
            f"{size} bytes",
            (f"/sizes/{size}.bin",),
            64 if size < MIB else 16 if size < 16 * MIB else 4,
            per_mib=size >= MIB,
        )
        for size in content.SIZES
    ]


def depth_sweep() -> list[Workload]:
    """1 to 64 requests sent at once."""
    return [Workload(f"depth-{n}", f"{n} pipelined", pipeline=n) for n in DEPTHS]


def connection_sweep() -> list[Workload]:
    """1 to 5,000 connections."""
    return [
        Workload(f"connections-{n}", f"{n} connections", connections=n) for n in CONNECTION_COUNTS
    ]


def named(name: str) -> Workload:
    """The workload of that name, of the table or a sweep."""
    for workload in [*TABLE, *TLS_TABLE, *size_sweep(), *depth_sweep(), *connection_sweep()]:
        if workload.name == name:
            return workload
    raise KeyError(name)

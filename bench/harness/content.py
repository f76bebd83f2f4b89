"""The site that all servers serve, made below build/bench from seeds: the same bytes on every
machine."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

from .place import SITE, Failed

VERSION = 3  # of the content; another number makes it anew
MIB = 1 << 20
LONG_AGO = 1_700_000_000  # the date of every file
SMALL_COUNT = 4000
ASSET_COUNT = 20
ASSET_KINDS = ("html", "css", "js", "svg", "json")
SIZES = (1, 64, 612, 4096, 16384, 65536, 262144, MIB, 16 * MIB, 256 * MIB)

WORDS = (
    "a about all also and are as at be because but by can come could day do even first for from get "
    "give go have her him his how if in into it its just know like look make man many me more my new "
    "no not now of on one only or other our out people say see she so some take tell than that the "
    "their them then there these they thing think this those time to two up use very want way we "
    "well what when which who will with would year you your function return const width height "
    "margin padding color background element document window value index length class"
).split()


def text(seed: str, size: int) -> bytes:
    """SIZE bytes that compress about as well as pages and scripts do."""
    chance = random.Random(seed)
    parts, made = [], 0
    while made < size:
        if chance.random() < 0.3:
            word = f'<div class="{chance.choice(WORDS)}-{chance.randrange(100)}">'
        elif chance.random() < 0.1:
            word = f"{chance.getrandbits(48):012x};\n"
        else:
            word = WORDS[int(len(WORDS) * chance.random() ** 2)]
        parts.append(word)
        made += len(word) + 1
    return " ".join(parts).encode()[:size].ljust(size)


def small_paths() -> list[str]:
    """The 4,000 distinct small files."""
    return [f"/small/{i // 100:02d}/{i:04d}.html" for i in range(SMALL_COUNT)]


def asset_sizes() -> list[int]:
    """1 KiB to 300 KiB, each the same factor above the one before."""
    return [round(1024 * 300 ** (i / (ASSET_COUNT - 1))) for i in range(ASSET_COUNT)]


def asset_paths() -> list[str]:
    """The assets, each with siblings .br and .gz."""
    return [f"/assets/{i:02d}.{ASSET_KINDS[i % len(ASSET_KINDS)]}" for i in range(ASSET_COUNT)]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (LONG_AGO, LONG_AGO))


def _write_large(path: Path, size: int) -> None:
    block = random.Random(path.name).randbytes(min(size, MIB))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for _ in range(max(1, size // MIB)):
            file.write(block)
    os.utime(path, (LONG_AGO, LONG_AGO))


def _write_siblings(path: Path) -> None:
    _write(path.with_name(path.name + ".gz"), gzip.compress(path.read_bytes(), 9, mtime=0))
    sibling = path.with_name(path.name + ".br")
    try:
        subprocess.run(["brotli", "-q", "9", "-f", "-o", sibling, path], check=True)
    except (OSError, subprocess.CalledProcessError):
        raise Failed("brotli is missing, which makes the .br siblings") from None
    os.utime(sibling, (LONG_AGO, LONG_AGO))


def make(site: Path = SITE) -> Path:
    """Makes the site if it isn't there; gives its directory."""
    stamp = site.with_name(site.name + ".json")
    if stamp.exists() and json.loads(stamp.read_text()) == VERSION:
        return site
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    _write(site / "index.html", text("index", 612))
    _write(site / "612.html", text("612", 612))
    _write(site / "page.html", text("page", 8192))
    sizes = random.Random("small")
    for path in small_paths():
        _write(site / path[1:], text(path, sizes.randrange(200, 2000)))
    for path, size in zip(asset_paths(), asset_sizes()):
        _write(site / path[1:], text(path, size))
        _write_siblings(site / path[1:])
    for size in SIZES:
        _write_large(site / "sizes" / f"{size}.bin", size)
    stamp.write_text(json.dumps(VERSION))
    return site


def warm(site: Path = SITE) -> None:
    """Reads everything once, so that no server is the first to wait for the disk."""
    for path in site.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(MIB):
                    pass


def mean_bytes(paths: list[str], suffix: str = "", site: Path = SITE) -> int:
    """The mean size of the files of PATHS."""
    sizes = [(site / (path[1:] + suffix)).stat().st_size for path in paths]
    return round(sum(sizes) / len(sizes))

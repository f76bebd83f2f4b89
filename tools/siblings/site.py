"""A site's directory: the files to compress, and the leftovers of earlier runs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from siblings.files import is_ours, shown
from siblings.maker import Plain
from siblings.report import Report

# Extensions of types that compress; core/http/mime_table.c has the types. Formats that are
# compressed already (pictures, sound, films, WOFF, archives, PDF) are not here, nor are files
# without extension, such as the _headers file.
EXTENSIONS = frozenset(
    b"html htm xhtml xht css js mjs cjs json jsonld map webmanifest wasm xml xsd xsl xslt rss atom "
    b"svg txt text log md markdown csv tsv ics vcf vtt srt yaml yml toml geojson gpx kml m3u8 mpd "
    b"ico bmp ttf otf ttc eot gltf glb obj stl ps eps rtf doc xls ppt".split()
)


def is_compressible(path: bytes) -> bool:
    """Whether a file of this name is of a type that compresses."""
    stem, _, extension = os.path.basename(path).rpartition(b".")
    return bool(stem) and extension.lower() in EXTENSIONS


def walk(root: bytes, complain: Callable[[str], None]) -> Iterator[os.DirEntry[bytes]]:
    """The regular files that are served: no symbolic links, and dotfiles in /.well-known only."""
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(directory) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            complain(f"{shown(directory)}: {error.strerror}")
            continue
        for entry in found:
            is_well_known = entry.name == b".well-known" and directory == root
            if entry.name.startswith(b".") and not is_well_known:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield entry


def look(
    options: argparse.Namespace, complain: Callable[[str], None]
) -> tuple[list[Plain], list[bytes]]:
    """The files to compress, largest first, so that no long one comes last; and the files whose
    names are those of siblings, but of none of these files."""
    plains, named = [], []
    suffixes = tuple(coding.suffix for coding in options.codings)
    for entry in walk(options.directory, complain):
        if is_compressible(entry.name):
            with suppress(FileNotFoundError):
                size = entry.stat(follow_symlinks=False).st_size
                if size >= options.min_size:
                    plains.append(Plain(entry.path, size, len(options.codings)))
        elif entry.name.endswith(suffixes):
            named.append(entry.path)
    known = {plain.path for plain in plains}
    plains.sort(key=lambda plain: -plain.size)
    return plains, [path for path in named if path.rpartition(b".")[0] not in known]


def clean(options: argparse.Namespace, path: bytes, report: Report) -> None:
    """Removes PATH, the sibling of no file, if this tool made it."""
    try:
        if is_ours(path, os.lstat(path)):
            if options.dry_run:
                report.say(f"would remove {shown(path)}")
            else:
                os.unlink(path)
            report.counts["removed"] += 1
        elif is_compressible(path.rpartition(b".")[0]):
            report.counts["spared"] += 1
    except FileNotFoundError:
        pass
    except OSError as error:
        report.complain(f"{shown(path)}: {error.strerror}")

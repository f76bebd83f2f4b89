"""The state of files: whether they change, and whether this tool made them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MARK = "user.sluice.precompress"  # its value: the sibling's mtime in nanoseconds and its size
# Two changes within one tick of the kernel's clock (10 ms at most) leave the same mtime: a file
# younger than this could still change unnoticed.
SETTLED_NS = 20_000_000


class Failed(Exception):
    """The reason why no sibling was made: a line of output."""


class Changed(Exception):
    """The plain file has changed since it was checked."""


def shown(path: bytes) -> str:
    """A file's name in one line, whatever bytes it has."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_ours(path: bytes, found: os.stat_result) -> bool:
    """Whether PATH has our mark and has not changed since."""
    with suppress(OSError):
        mark = os.getxattr(path, MARK, follow_symlinks=False)
        return mark == mark_of(found.st_mtime_ns, found.st_size)
    return False


def mark_of(mtime_ns: int, size: int) -> bytes:
    """The mark's value."""
    return f"{mtime_ns} {size}".encode()


def set_mark(file: int | bytes, mtime_ns: int, size: int) -> None:
    """Marks a sibling as ours. Without a mark (no extended attributes), --clean keeps it."""
    with suppress(OSError):
        os.setxattr(file, MARK, mark_of(mtime_ns, size))


@contextmanager
def opened(path: bytes) -> Iterator[int]:
    """A descriptor of the regular file PATH."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise Changed
        yield file
    finally:
        os.close(file)


def settled(file: int) -> os.stat_result:
    """The state of an open file, once it is old enough for a later change to be visible."""
    age_ns = time.time_ns() - os.fstat(file).st_ctime_ns
    if 0 <= age_ns < SETTLED_NS:
        time.sleep((SETTLED_NS - age_ns) / 1e9)
    return os.fstat(file)


def check_unchanged(path: bytes, before: os.stat_result) -> None:
    """Raises Changed unless PATH still is the file that was in the state BEFORE."""
    now = os.lstat(path)
    for name in ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"):
        if getattr(now, name) != getattr(before, name):
            raise Changed


def sibling_state(path: bytes) -> os.stat_result | None:
    """The state of the sibling PATH; None if it does not exist; Failed if it is not a file."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise Failed(f"{shown(path)}: is in the way, not a regular file")
    return found


def finish(target: int, plain: os.stat_result, size: int) -> None:
    """Gives a new sibling the plain file's owner (where we may), mode and mtime, and our mark."""
    for owner in ((-1, plain.st_gid), (plain.st_uid, -1)):
        with suppress(OSError):
            os.fchown(target, *owner)
    os.fchmod(target, plain.st_mode & 0o777)
    set_mark(target, plain.st_mtime_ns, size)
    os.utime(target, ns=(plain.st_atime_ns, plain.st_mtime_ns))


def refresh(sibling: bytes, found: os.stat_result, plain: os.stat_result) -> None:
    """Gives a correct sibling, in the state FOUND, the plain file's mtime and a ctime of now; a
    sibling of ours gets the mode as well."""
    ours = is_ours(sibling, found)
    try:
        if ours and stat.S_IMODE(found.st_mode) != plain.st_mode & 0o777:
            os.chmod(sibling, plain.st_mode & 0o777)
        os.utime(sibling, ns=(found.st_atime_ns, plain.st_mtime_ns))
    except PermissionError:
        if found.st_mtime_ns != plain.st_mtime_ns:
            raise
    if ours:
        set_mark(sibling, plain.st_mtime_ns, found.st_size)

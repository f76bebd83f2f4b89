"""Runs tools/precompress on sites made for it and checks the files that it leaves there.

    /usr/bin/python3 tests/tools/precompress_test.py [name]...         (make test runs it)

Expectations follow from the tool's promise: a sibling is correct, as old as its plain file, and
saves enough, or does not exist; foreign files are not removed, and not replaced while the servers
would use them. Where something must happen while it works, a program of the test replaces brotli.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

TOP = Path(os.environ.get("SLUICE_TOP", Path(__file__).resolve().parent.parent.parent))
TOOL = str(TOP / "tools/precompress")
DECODERS = {"br": ["brotli", "-dc"], "zst": ["zstd", "-qdc"], "gz": ["gzip", "-dc"]}
CODINGS = tuple(DECODERS)
MARK = "user.sluice.precompress"
LONG_AGO_NS = 1_600_000_000_123_456_789  # with a fraction: whole seconds would hide a rounding
LATER_NS = LONG_AGO_NS + 3_600_000_000_000
DEADLINE_SECONDS = 60.0
TEXT = b"".join(b"line %d of what compresses well\n" % i for i in range(400))
OTHER = TEXT.replace(b"well", b"quite well")
NOISE = os.urandom(4096)

# The program that replaces brotli; $SITE is the site's directory, $REAL where the real program is.
SLOW = '[ "$1" != -dc ] || exec $REAL "$@"; touch $SITE/../started; sleep 60'
FAILING = "echo cannot do it >&2; exit 3"
CHANGING_ONCE = (
    '[ -e $SITE/../once ] || { : >$SITE/../once; echo more >>$SITE/a.txt; }; exec $REAL "$@"'
)
CHANGING = 'echo more >>$SITE/a.txt; exec $REAL "$@"'
RESTORING = (  # after it has been read: other content of the same length, and the mtime put back
    '$REAL "$@" || exit; [ -e $SITE/../once ] && exit; touch -r $SITE/a.txt $SITE/../once;'
    " printf LINE | dd of=$SITE/a.txt conv=notrunc status=none; touch -r $SITE/../once $SITE/a.txt"
)
COUNTING = 'echo run >>$SITE/../runs; exec $REAL "$@"'


class Case(unittest.TestCase):
    """One site in a directory of its own."""

    def setUp(self) -> None:
        where = tempfile.TemporaryDirectory(prefix="sluice-precompress-")
        self.addCleanup(where.cleanup)
        self.where = os.fsencode(where.name)
        self.site = os.path.join(self.where, b"site")
        os.mkdir(self.site)

    def path(self, name: str | bytes) -> bytes:
        """Where NAME is in the site."""
        return os.path.join(self.site, os.fsencode(name))

    def put(self, name: str | bytes, data: bytes = TEXT, mtime_ns: int = LONG_AGO_NS) -> bytes:
        """Writes a file; gives its path."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.utime(path, ns=(mtime_ns, mtime_ns))
        return path

    def stand_in(self, script: str) -> dict[str, str]:
        """An environment in which SCRIPT is called for brotli."""
        programs = os.path.join(self.where, b"bin")
        os.makedirs(programs, exist_ok=True)
        path = os.path.join(programs, b"brotli")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(path, 0o755)
        real = shutil.which("brotli") or ""
        search = os.fsdecode(programs) + os.pathsep + os.environ["PATH"]
        return os.environ | {"PATH": search, "SITE": os.fsdecode(self.site), "REAL": real}

    def run_tool(
        self, *options: str, env: dict[str, str] | None = None, before: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Runs the tool on the site, through the command BEFORE if there is one."""
        command = [*map(os.fsencode, (*before, TOOL, *options)), self.site]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
        )

    def make(self, *options: str, env: dict[str, str] | None = None, status: int = 0) -> str:
        """Runs the tool, which must end with STATUS; gives what it said."""
        done = self.run_tool(*options, env=env)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout + done.stderr

    def files(self) -> set[str]:
        """The names of all files of the site."""
        found = set()
        for directory, _, names in os.walk(self.site):
            found |= {os.path.relpath(os.path.join(directory, n), self.site) for n in names}
        return {os.fsdecode(name) for name in found}

    def state(self) -> dict[bytes, tuple[int, int, int]]:
        """What would tell of any change to any file."""
        paths = [self.path(name) for name in self.files()]
        states = {path: os.lstat(path) for path in paths}
        return {p: (s.st_ino, s.st_mtime_ns, s.st_ctime_ns) for p, s in states.items()}

    def decoded(self, path: bytes, coding: str) -> bytes:
        """What the sibling of PATH holds."""
        with open(path + b"." + coding.encode(), "rb") as file:
            done = subprocess.run(DECODERS[coding], stdin=file, capture_output=True, check=True)
        return done.stdout

    def check_siblings(self, path: bytes, data: bytes, codings: tuple[str, ...] = CODINGS) -> None:
        """PATH has these siblings, each right and as old as it."""
        for coding in codings:
            with self.subTest(path=path, coding=coding):
                found = os.stat(path + b"." + coding.encode())
                self.assertEqual(self.decoded(path, coding), data)
                self.assertEqual(found.st_mtime_ns, os.stat(path).st_mtime_ns)
                self.assertLess(found.st_size, len(data))

    def need_marks(self) -> None:
        """Skips the test where the file system has no extended attributes."""
        probe = self.put("../probe")
        try:
            os.setxattr(probe, MARK, b"")
        except OSError as error:
            self.skipTest(f"no extended attributes: {error.strerror}")
        finally:
            os.unlink(probe)


class Making(Case):
    """What is made, and what isn't."""

    def test_every_coding(self) -> None:
        """Round trip, time and mode."""
        path = self.put("a.txt")
        os.chmod(path, 0o640)
        said = self.make()
        self.check_siblings(path, TEXT)
        self.assertEqual(self.files(), {"a.txt", "a.txt.br", "a.txt.zst", "a.txt.gz"})
        self.assertIn("1 file: 3 siblings made, 0 up to date, 0 not worth it; ", said)
        for coding in CODINGS:
            mode = os.stat(path + b"." + coding.encode()).st_mode
            self.assertEqual(mode & 0o7777, 0o640)

    def test_codings(self) -> None:
        """Those that are named, at either level."""
        path = self.put("a.txt")
        self.make("--codings", "gz,br", "--level", "fast")
        self.check_siblings(path, TEXT, ("br", "gz"))
        self.assertEqual(self.files(), {"a.txt", "a.txt.br", "a.txt.gz"})

    def test_zstd_window(self) -> None:
        """No window that browsers refuse (RFC 9659), however large the file."""
        data = b"".join(b"%d\n" % i for i in range(2_000_000))
        path = self.put("large.csv", data)
        self.make("--codings", "zst", "--level", "fast")
        with open(path + b".zst", "rb") as file:
            done = subprocess.run(
                ["zstd", "-qdc", "--memory=8MB"], stdin=file, capture_output=True, check=True
            )
        self.assertEqual(done.stdout, data)

    def test_types(self) -> None:
        """By extension, of any case; what is compressed by nature is left out."""
        taken = ["a.html", "b.CSS", "c.mjs", "d.svg", "e.wasm", "f.ico", "g.min.js.map", "h.ttf"]
        left = ["a.jpg", "b.PNG", "c.mp4", "d.woff2", "e.zip", "f.br", "g.tar.gz", "h.zst", "i.pdf"]
        left += ["_headers", "README", "css", ".css", "noext."]
        for name in taken + left:
            self.put(name)
        self.make("--codings", "gz", "--level", "fast")
        self.assertEqual(self.files(), {*taken, *left, *(f"{name}.gz" for name in taken)})

    def test_types_are_known(self) -> None:
        """The servers know a type for each extension."""
        text = (TOP / "core/http/mime_table.c").read_text(encoding="ascii")
        known = set(" ".join(re.findall(r'STR_INIT\("([a-z0-9 ]+)"\)}', text)).split())
        source = (TOP / "tools/siblings/site.py").read_text(encoding="utf-8")
        ours = re.search(r"EXTENSIONS = frozenset\((.*?)\.split", source, re.DOTALL)
        assert ours
        extensions = set("".join(re.findall(r'b"([^"]*)"', ours[1])).split())
        self.assertGreater(len(extensions), 40)
        self.assertEqual(extensions - known, set())

    def test_places(self) -> None:
        """Dotfiles are left out, but for what is in /.well-known."""
        taken = [".well-known/security.txt", "deep/er/a.txt"]
        left = [".a.txt", ".git/a.txt", "deep/.well-known/a.txt", ".well-known/.a.txt"]
        for name in taken + left:
            self.put(name)
        self.make("--codings", "gz", "--level", "fast")
        self.assertEqual(self.files(), {*taken, *left, *(f"{name}.gz" for name in taken)})

    def test_odd_names(self) -> None:
        """Files with any name are compressed."""
        names = [
            "two words.txt",
            "na\u00efve.txt",
            "new\nline.txt",
            "-c.txt",
            "--help.txt",
            "a\\.txt",
        ]
        paths = [self.put(name) for name in (*names, b"\xff\xfe.txt", "$(id);'\".txt", "*.txt")]
        self.make("--level", "fast")
        for path in paths:
            self.check_siblings(path, TEXT)

    def test_odd_names_told(self) -> None:
        """In one line each, whatever the locale."""
        self.put(b"\xffnew\nline\x1b.txt")
        said = self.make("--codings", "gz", "--dry-run", env=os.environ | {"LC_ALL": "C"})
        self.assertIn("\\xffnew\\nline\\x1b.txt.gz\n", said)

    def test_symbolic_links(self) -> None:
        """Nothing is made of what they lead to, in the site or outside."""
        outside = os.path.join(self.where, b"outside")
        os.mkdir(outside)
        self.put("../outside/a.txt")
        os.symlink("../outside", self.path("directory"))
        os.symlink("../outside/a.txt", self.path("link.txt"))
        os.symlink("b.html", self.path("inside.html"))
        os.mkfifo(self.path("pipe.txt"))
        self.put("b.html")
        self.make("--codings", "gz")
        self.assertEqual(os.listdir(outside), [b"a.txt"])
        expected = {"b.html", "b.html.gz", "link.txt", "inside.html", "pipe.txt"}
        self.assertEqual(self.files() - {"directory"}, expected)

    def test_size_and_saving(self) -> None:
        """Files that are small, or that hardly shrink, get no sibling."""
        self.put("small.txt", b"a" * 1023)
        self.put("noise.txt", NOISE)
        self.put("enough.txt", b"a" * 1024)
        self.put("empty.txt", b"")
        half = NOISE[:3000] + b"a" * 1000  # saves a little less than 25 %
        self.put("half.txt", half)
        said = self.make("--codings", "gz", "--min-saving", "30")
        self.assertEqual({name for name in self.files() if name.endswith(".gz")}, {"enough.txt.gz"})
        self.assertIn("3 files: 1 sibling made, 0 up to date, 2 not worth it", said)
        self.make("--codings", "gz", "--min-saving", "20%", "--min-size", "1")
        made = {name for name in self.files() if name.endswith(".gz")}
        self.assertEqual(made, {"enough.txt.gz", "half.txt.gz", "small.txt.gz"})

    def test_same_bytes(self) -> None:
        """By one job or several, of whatever name and time; the environment changes nothing."""
        contents = []
        for jobs, mtime_ns in (("1", LONG_AGO_NS), ("4", LATER_NS)):
            for i in range(8):
                self.put(f"{jobs}/{i}.txt", TEXT * (8 * i + 1), mtime_ns)
            env = os.environ | {"ZSTD_CLEVEL": jobs, "GZIP": "--rsyncable" if jobs == "4" else ""}
            self.make("--jobs", jobs, "--level", "fast", env=env)
            names = sorted(os.listdir(self.path(jobs)))
            contents.append(
                {n: Path(os.fsdecode(self.path(jobs)), os.fsdecode(n)).read_bytes() for n in names}
            )
        self.assertEqual(len(contents[0]), 32)
        self.assertEqual(contents[0], contents[1])

    def test_dry_run(self) -> None:
        """Tells, and touches nothing."""
        self.put("a.txt")
        before = self.state()
        said = self.make("--codings", "br,gz", "--dry-run")
        self.assertIn("a.txt.br\n", said)
        self.assertIn("1 file: 2 siblings to make", said)
        self.assertEqual(self.state(), before)

    def test_quiet(self) -> None:
        """Not a word if all goes well."""
        self.put("a.txt")
        self.assertEqual(self.make("--quiet"), "")


class Again(Case):
    """A second run."""

    def test_up_to_date(self) -> None:
        """Nothing is touched, and nothing run."""
        self.put("a.txt")
        self.put("b/c.html")
        self.make()
        before = self.state()
        said = self.make(env=self.stand_in(COUNTING))
        self.assertEqual(self.state(), before)
        self.assertFalse(os.path.exists(os.path.join(self.where, b"runs")))
        self.assertIn("2 files: 0 siblings made, 6 up to date", said)

    def test_stale(self) -> None:
        """A newer plain file gets new siblings."""
        self.put("a.txt")
        self.make()
        path = self.put("a.txt", OTHER, LATER_NS)
        self.assertIn("3 siblings made", self.make())
        self.check_siblings(path, OTHER)

    def test_stale_unmarked(self) -> None:
        """Also where the site has been copied without marks."""
        path = self.put("a.txt", OTHER, LATER_NS)
        self.put("a.txt.gz", gzip.compress(TEXT))
        self.make("--codings", "gz")
        self.check_siblings(path, OTHER, ("gz",))

    def test_rolled_back(self) -> None:
        """An older plain file, too: the servers would go on to send the newer siblings."""
        self.need_marks()
        self.put("a.txt", OTHER, LATER_NS)
        self.make()
        path = self.put("a.txt", TEXT, LONG_AGO_NS)
        self.make()
        self.check_siblings(path, TEXT)

    def test_same_time(self) -> None:
        """A change that the mtime doesn't show."""
        self.put("a.txt")
        self.make()
        path = self.put("a.txt", TEXT.replace(b"well", b"fine"))
        self.assertIn("3 siblings made", self.make())
        self.check_siblings(path, TEXT.replace(b"well", b"fine"))

    def test_touched(self) -> None:
        """Written anew as it was: the sibling follows without being made again."""
        path = self.put("a.txt")
        self.make("--codings", "br")
        inode = os.stat(path + b".br").st_ino
        self.put("a.txt", TEXT, LATER_NS)
        os.chmod(path, 0o600)
        self.assertIn("0 siblings made, 1 up to date", self.make("--codings", "br"))
        self.check_siblings(path, TEXT, ("br",))
        self.assertEqual(os.stat(path + b".br").st_ino, inode)
        os.chmod(path, 0o644)  # a ctime alone
        self.assertIn("0 siblings made, 1 up to date", self.make("--codings", "br"))
        self.assertEqual(os.stat(path + b".br").st_mode & 0o7777, 0o644)
        before = self.state()
        self.make("--codings", "br", env=self.stand_in(FAILING))
        self.assertEqual(self.state(), before)

    def test_damaged(self) -> None:
        """A sibling that was truncated, or has bytes after its end, is made again."""
        path = self.put("a.txt")
        for coding in CODINGS:
            self.make("--codings", coding)
            sibling = path + b"." + coding.encode()
            for size in (os.stat(sibling).st_size // 2, 0):
                os.truncate(sibling, size)
                os.utime(sibling, ns=(LONG_AGO_NS, LONG_AGO_NS))
                os.utime(path, ns=(LONG_AGO_NS, LONG_AGO_NS))  # for a later ctime
                self.make("--codings", coding)
                self.check_siblings(path, TEXT, (coding,))

    def test_no_longer_worth_it(self) -> None:
        """An outdated one of ours goes."""
        self.need_marks()
        self.put("a.txt")
        self.make()
        self.put("a.txt", NOISE, LATER_NS)
        self.assertIn("3 not worth it, 3 removed", self.make())
        self.assertEqual(self.files(), {"a.txt"})


class Foreign(Case):
    """What isn't the tool's."""

    def test_right(self) -> None:
        """A foreign sibling that is correct and newer than the plain file is left alone."""
        self.put("a.txt")
        self.put("a.txt.gz", gzip.compress(TEXT, 1), LATER_NS)
        before = self.state()
        self.assertIn("1 up to date", self.make("--codings", "gz"))
        self.assertEqual(self.state(), before)

    def test_wrong(self) -> None:
        """A foreign file that the servers would send in place of another is reported, and kept."""
        cases = {"other": gzip.compress(OTHER), "no gzip": TEXT, "short": gzip.compress(TEXT)[:-9]}
        cases["longer"] = gzip.compress(TEXT + b"more")
        self.put("a.txt")
        for label, data in cases.items():
            with self.subTest(label):
                self.put("a.txt.gz", data, LATER_NS)
                before = self.state()
                said = self.make("--codings", "gz", status=1)
                self.assertRegex(said, r"a\.txt\.gz: would be sent for a\.txt, .*remove or rename")
                self.assertIn("1 failed", said)
                self.assertEqual(self.state(), before)

    def test_not_worth_it(self) -> None:
        """An old one that the servers don't use is kept where there is no better."""
        self.put("a.txt", NOISE, LATER_NS)
        self.put("a.txt.gz", gzip.compress(OTHER))
        before = self.state()
        self.make("--codings", "gz", "--clean")
        self.assertEqual(self.state(), before)

    def test_no_file(self) -> None:
        """A directory or a link with the name of a sibling is reported."""
        self.put("a.txt")
        os.mkdir(self.path("a.txt.gz"))
        os.symlink("a.txt", self.path("a.txt.br"))
        said = self.make("--codings", "br,gz", status=1)
        self.assertEqual(said.count("not a regular file"), 2)
        self.assertTrue(os.path.islink(self.path("a.txt.br")))


class Clean(Case):
    """--clean."""

    def test_ours(self) -> None:
        """Those of files that are gone, too small, of another type or hardly larger."""
        self.need_marks()
        for name in ("gone.txt", "small.txt", "becomes-link.txt", "stays.txt"):
            self.put(name)
        self.make("--codings", "gz")
        os.unlink(self.path("gone.txt"))
        self.put("small.txt", b"now small", LATER_NS)
        os.unlink(self.path("becomes-link.txt"))
        os.symlink("stays.txt", self.path("becomes-link.txt"))
        before = self.state()
        self.assertIn("3 to remove", self.make("--codings", "gz", "--clean", "--dry-run"))
        self.make("--codings", "gz")
        self.assertEqual(self.state(), before)
        self.assertIn("3 removed", self.make("--codings", "gz", "--clean"))
        expected = {"small.txt", "becomes-link.txt", "stays.txt", "stays.txt.gz"}
        self.assertEqual(self.files(), expected)
        self.assertIn("1 removed", self.make("--codings", "gz", "--clean", "--min-saving", "100"))
        self.assertEqual(self.files(), expected - {"stays.txt.gz"})

    def test_not_ours(self) -> None:
        """Downloads, and siblings that a person has added or changed, stay."""
        for name in (
            "backup.tar.gz",
            "data.csv.gz",
            "dump.sql.zst",
            "a.br",
            ".x.txt.gz",
            "x.gz/b.gz",
        ):
            self.put(name, gzip.compress(TEXT))
        self.put("small.txt", b"small")
        self.put("small.txt.gz", gzip.compress(b"small"))
        self.put("replaced.txt")
        self.put("rewritten.txt")
        self.make("--codings", "gz")
        os.unlink(self.path("replaced.txt"))
        os.unlink(self.path("replaced.txt.gz"))
        os.unlink(self.path("rewritten.txt"))
        self.put("replaced.txt.gz", gzip.compress(TEXT))
        with open(self.path("rewritten.txt.gz"), "wb") as file:  # keeps inode and mark
            file.write(gzip.compress(OTHER))
        before = self.state()
        said = self.make("--clean")
        self.assertEqual(self.state(), before)
        self.assertIn("4 spared (not made here)", said)

    def test_copied(self) -> None:
        """A copy without marks loses nothing."""
        self.put("a.txt")
        self.make("--codings", "gz")
        for name in ("a.txt", "a.txt.gz"):
            with open(self.path(name), "rb") as file:
                self.put(f"copy/{name}", file.read())
        os.unlink(self.path("copy/a.txt"))
        self.make("--codings", "gz", "--clean")
        self.assertIn("copy/a.txt.gz", self.files())


class Trouble(Case):
    """What goes wrong."""

    def test_unreadable(self) -> None:
        """It is reported; the other files are processed."""
        os.chmod(self.put("secret.txt"), 0)
        self.put("closed/a.txt")
        path = self.put("b.txt")
        os.chmod(self.path("closed"), 0)
        self.addCleanup(os.chmod, self.path("closed"), 0o755)
        # Root may read anything, unless it gives its capabilities up.
        plain_root = (
            ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()
        )
        done = self.run_tool("--codings", "gz", before=plain_root)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("secret.txt: Permission denied", done.stderr)
        self.assertIn("closed: Permission denied", done.stderr)
        self.assertIn("2 failed", done.stdout)
        self.check_siblings(path, TEXT, ("gz",))

    def test_failing_tool(self) -> None:
        """Its own words; nothing is left of it; the other codings are made."""
        path = self.put("a.txt")
        said = self.make(env=self.stand_in(FAILING), status=1)
        self.assertIn("a.txt: brotli: cannot do it", said)
        self.check_siblings(path, TEXT, ("zst", "gz"))
        self.assertEqual(self.files(), {"a.txt", "a.txt.zst", "a.txt.gz"})

    def test_missing_tool(self) -> None:
        """Named, it is an error; otherwise there are the others' siblings."""
        programs = os.path.join(self.where, b"few")
        os.mkdir(programs)
        for name in ("gzip", "zstd"):
            os.symlink(shutil.which(name) or "", os.path.join(programs, os.fsencode(name)))
        env = os.environ | {"PATH": os.fsdecode(programs)}
        path = self.put("a.txt")
        said = self.make("--codings", "gz,br", env=env, status=1)
        self.assertIn("please install: brotli", said)
        self.assertEqual(self.files(), {"a.txt"})
        self.assertIn("without brotli, there will be no .br", self.make(env=env))
        self.check_siblings(path, TEXT, ("zst", "gz"))
        self.assertEqual(self.files(), {"a.txt", "a.txt.zst", "a.txt.gz"})

    def test_changing(self) -> None:
        """A file that changes meanwhile is done again, also if its mtime is put back."""
        for label, script in (("longer", CHANGING_ONCE), ("same size and time", RESTORING)):
            with self.subTest(label):
                path = self.put("a.txt")
                self.make("--codings", "br", env=self.stand_in(script))
                with open(path, "rb") as file:
                    data = file.read()
                self.assertNotEqual(data, TEXT)
                self.check_siblings(path, data, ("br",))
                os.unlink(path + b".br")
                os.unlink(os.path.join(self.where, b"once"))

    def test_changing_always(self) -> None:
        """Given up, and told."""
        self.put("a.txt")
        said = self.make("--codings", "br", env=self.stand_in(CHANGING), status=1)
        self.assertIn("a.txt: changes all the time", said)
        self.assertEqual(self.files(), {"a.txt"})

    def test_interrupted(self) -> None:
        """No temporary file and no program stays; what was there does."""
        env = self.stand_in(SLOW)
        started = os.path.join(self.where, b"started")
        self.put("../started")
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(status):
                os.unlink(started)
                self.put("a.txt", OTHER, LATER_NS)
                self.put("a.txt.br", b"as it was")
                command = [os.fsencode(TOOL), b"--codings", b"br,gz", self.site]
                with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
                    deadline = time.monotonic() + DEADLINE_SECONDS
                    while not os.path.exists(started) and time.monotonic() < deadline:
                        time.sleep(0.01)
                    during = self.files()
                    process.send_signal(number)
                    # Had it left the program alone, the pipe would be open for a minute.
                    _, said = process.communicate(timeout=DEADLINE_SECONDS / 2)
                self.assertEqual((process.returncode, said), (status, b""))
                self.assertTrue(any(name.startswith(".precompress-") for name in during), during)
                self.assertEqual(self.files() - {"a.txt.gz"}, {"a.txt", "a.txt.br"})
                with open(self.path("a.txt.br"), "rb") as file:
                    self.assertEqual(file.read(), b"as it was")

    def test_command_line(self) -> None:
        """Mistakes: status 2, and a line that says so."""
        wrong = [
            ["--jobs", "0"], ["--jobs", "x"], ["--codings", "br,xz"], ["--codings", ""],
            ["--min-size", "-1"], ["--min-saving", "101"], ["--min-saving", "nan"],
            ["--level", "max"], ["--what"], ["surplus"],
        ]  # fmt: skip
        self.put("a.txt")
        for options in wrong:
            with self.subTest(options):
                self.assertIn("precompress: error: ", self.make(*options, status=2))
        self.assertEqual(self.files(), {"a.txt"})
        self.site = self.path("a.txt")
        self.assertIn("is not a directory", self.make(status=2))
        self.assertIn("--min-saving", self.make("--help"))


def main() -> int:
    """Exit status 0 if all is well; the last line is the total."""
    for name in ("brotli", "zstd", "gzip"):
        if not shutil.which(name):
            sys.exit(f"precompress_test: {name} is missing; tools/install-deps test brings it")
    program = unittest.main(exit=False, verbosity=0, argv=sys.argv)
    result = program.result
    bad = {str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors}
    skipped = len(result.skipped)
    passed = result.testsRun - len(bad) - skipped
    sys.stderr.flush()
    for test, why in result.skipped:
        print(f"[SKIP] {test}: {why}")
    print(f"{passed} passed, {len(bad)} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

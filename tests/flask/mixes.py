"""Tables of requests, shared by the command `fire` and by compare.py.

A request is written as it is on the wire; the targets of files come from a walk through a site, so
a new page needs no line here. Labels are unique: compare.py's list of differences refers to them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Request:
    """One request. Field values may hold {last_modified}, {rfc850}, {asctime}, {earlier}, {later}
    and {etag}: they are filled in from the server's own plain answer for the same target (see
    validators)."""

    label: str
    method: str = "GET"
    target: str = "/"
    version: str = "HTTP/1.1"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    tail: bytes = b""  # what follows the head: a body with its own framing
    host: bool = True  # send a Host field
    closes: bool = False  # the server must close the connection after its answer in any case
    raw: bytes | None = None  # the whole message, if the parts above cannot express it

    @property
    def conditional(self) -> bool:
        """Whether it needs the validators of an earlier answer."""
        return any("{" in value for _, value in self.fields)

    @property
    def asks_to_keep(self) -> bool:
        """Whether the connection goes on, by the request alone (RFC 9112 section 9.3)."""
        options = ",".join(value.lower() for name, value in self.fields if name == "Connection")
        return "close" not in options and (self.version == "HTTP/1.1" or "keep-alive" in options)

    def plain(self) -> Request:
        """The GET whose answer has the validators that this request needs."""
        return Request(f"GET {self.target}", target=self.target)

    def wire(self, authority: str, known: dict[str, str] | None = None) -> bytes:
        """The bytes to send to AUTHORITY; KNOWN are the validators."""
        if self.raw is not None:
            return self.raw.replace(b"AUTHORITY", authority.encode())
        lines = [f"{self.method} {self.target.replace('AUTHORITY', authority)} {self.version}"]
        lines += [f"Host: {authority}"] if self.host else []
        lines += [f"{name}: {value.format(**known or {}) if '{' in value else value}" for name, value in self.fields]
        lines += [f"Content-Length: {len(self.body)}"] if self.body else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body + self.tail


def validators(last_modified: str, etag: str) -> dict[str, str]:
    """The values for conditional requests, from the fields of a 200: the date in its three forms,
    and others."""
    moment = parsedate_to_datetime(last_modified)
    return {
        "last_modified": last_modified,
        "rfc850": _rfc850(moment),
        "asctime": _asctime(moment),
        "earlier": format_datetime(moment - timedelta(seconds=1), usegmt=True),
        "later": format_datetime(moment + timedelta(seconds=1), usegmt=True),
        "etag": etag,
    }


def _rfc850(moment: datetime) -> str:
    """Sunday, 06-Nov-94 08:49:37 GMT"""
    day, month = DAYS[moment.weekday()], MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02}-{month}-{moment.year % 100:02} {moment:%H:%M:%S} GMT"


def _asctime(moment: datetime) -> str:
    """Sun Nov  6 08:49:37 1994"""
    day, month = DAYS[moment.weekday()][:3], MONTHS[moment.month - 1]
    return f"{day} {month} {moment.day:2} {moment:%H:%M:%S} {moment.year}"


def files_of(site: Path) -> list[str]:
    """The targets of all regular files below SITE that a server may give: no dotfiles, no links."""
    found = []
    for where, directories, names in os.walk(site):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        for name in sorted(names):
            path = Path(where, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                found.append("/" + quote(str(path.relative_to(site))))
    return found


def directories_of(site: Path) -> list[str]:
    """The targets of all directories below SITE, with their slash, the root first."""
    found = []
    for where, directories, _ in os.walk(site):
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        below = Path(where).relative_to(site)
        found.append("/" if below == Path() else f"/{quote(str(below))}/")
    return found


def _one_of_each_type(files: list[str]) -> list[str]:
    """The first file of each extension."""
    return list({file.rpartition(".")[2]: file for file in reversed(files)}.values())[::-1]


def _site(site: Path) -> list[Request]:
    """Every file and every directory."""
    targets = directories_of(site) + files_of(site)
    without_slash = [target.rstrip("/") for target in directories_of(site) if target != "/"]
    return [Request(f"GET {target}", target=target) for target in targets + without_slash]


def _head(site: Path) -> list[Request]:
    """HEAD for all of it."""
    return [
        replace(request, label=f"HEAD {request.target}", method="HEAD")
        for request in _site(site) + [Request("", target="/no-such-page")]
    ]


def _conditional(site: Path) -> list[Request]:
    """Not modified, or modified: by date in three forms, and by entity tag (RFC 9110 section
    13)."""
    page = "/index.html"
    table = (
        ("the date itself", "GET", (("If-Modified-Since", "{last_modified}"),)),
        ("the date in the form of RFC 850", "GET", (("If-Modified-Since", "{rfc850}"),)),
        ("the date in the form of asctime", "GET", (("If-Modified-Since", "{asctime}"),)),
        ("a second earlier", "GET", (("If-Modified-Since", "{earlier}"),)),
        ("a second later", "GET", (("If-Modified-Since", "{later}"),)),
        ("not a date", "GET", (("If-Modified-Since", "yesterday"),)),
        ("1970", "GET", (("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),)),
        ("the date, HEAD", "HEAD", (("If-Modified-Since", "{last_modified}"),)),
        ("own entity tag", "GET", (("If-None-Match", "{etag}"),)),
        ("own entity tag, weak", "GET", (("If-None-Match", "W/{etag}"),)),
        ("own entity tag in a list", "GET", (("If-None-Match", '"other", {etag}, "third"'),)),
        ("any entity tag", "GET", (("If-None-Match", "*"),)),
        ("another entity tag", "GET", (("If-None-Match", '"other"'),)),
        ("own entity tag, HEAD", "HEAD", (("If-None-Match", "{etag}"),)),
        ("another entity tag wins over the date", "GET",
         (("If-None-Match", '"other"'), ("If-Modified-Since", "{last_modified}"))),
        ("own entity tag wins over an old date", "GET",
         (("If-None-Match", "{etag}"), ("If-Modified-Since", "{earlier}"))),
    )
    found = [Request(f"if: {label}", method, page, fields=fields) for label, method, fields in table]
    for target in _one_of_each_type(files_of(site)):
        found.append(Request(f"if date: {target}", target=target, fields=(("If-Modified-Since", "{last_modified}"),)))
        found.append(Request(f"if tag: {target}", target=target, fields=(("If-None-Match", "{etag}"),)))
    return found


def _ranges(_: Path) -> list[Request]:
    """Parts of a page (RFC 9110 section 14)."""
    page = "/index.html"
    table = (
        ("the first byte", (("Range", "bytes=0-0"),)),
        ("a part", (("Range", "bytes=10-99"),)),
        ("from there on", (("Range", "bytes=100-"),)),
        ("the last ten", (("Range", "bytes=-10"),)),
        ("all, said openly", (("Range", "bytes=0-"),)),
        ("over the end", (("Range", "bytes=100-99999999"),)),
        ("after the end", (("Range", "bytes=99999999-"),)),
        ("if it is the same", (("Range", "bytes=0-9"), ("If-Range", "{etag}"))),
        ("if it is another", (("Range", "bytes=0-9"), ("If-Range", '"other"'))),
        ("if it is of that date", (("Range", "bytes=0-9"), ("If-Range", "{last_modified}"))),
        ("unmodified", (("Range", "bytes=0-9"), ("If-None-Match", "{etag}"))),
    )
    return [Request(f"range: {label}", target=page, fields=fields) for label, fields in table]


def _missing(_: Path) -> list[Request]:
    """Targets without a file, and hidden ones, which are answered in the same way."""
    targets = (
        "/no-such-page", "/no-such-directory/", "/no/such/page.html", "/index.html/", "/index.html/more",
        "/Index.html", "/.git/config", "/.htaccess", "/css/.hidden", "/%2ehtaccess", "/.", "/...", "/" + "x" * 300,
        "/%FF%FE", "/index.html%20", "/index.html.", "/~root", "/*",
    )  # fmt: skip
    named = {target: target if len(target) < 100 else "a name of 300 bytes" for target in targets}
    return [Request(f"GET {name}", target=target) for target, name in named.items()]


def _paths(_: Path) -> list[Request]:
    """One page under many names: queries, escapes, dot segments, empty segments."""
    targets = (
        "/?", "/?a=1&b=2", "/index.html?", "/index.html?a=/../b", "/index.html?q=%zz", "/index.html?a?b",
        "/%69ndex.html", "/index%2Ehtml", "/%69%6E%64%65%78%2e%68%74%6d%6c", "/index.html%3Fa", "/index.html%23a",
        "/./index.html", "/././index.html", "/no-such/../index.html", "/a/b/../../index.html", "/%2e/index.html",
        "/a/%2e%2e/index.html", "/a/.%2E/index.html", "/../index.html", "/../../../../etc/passwd", "/%2e%2e/etc/passwd",
        "/..%2findex.html", "/a%2f..%2findex.html", "/..%5cindex.html", "/a/..", "/a/.", "/a/../",
        "//index.html", "///index.html", "/.//index.html", "//", "//no-such-host/",
        "/%00", "/index.html%00.txt", "/%zz", "/%", "/index.html%2", "/%0d%0aX-Injected:1",
        "/index.html;v=1", "/index.html+", "/@:!$&'()*,=",
    )  # fmt: skip
    return [Request(f"GET {target}", target=target) for target in dict.fromkeys(targets)]


def _methods(_: Path) -> list[Request]:
    """Methods other than GET and HEAD, with and without a body."""
    asked = ("OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "get", "PROPFIND")
    found = [Request(f"{method} /", method) for method in asked]
    found += [
        Request("POST /index.html with a body", "POST", "/index.html", fields=(FORM,), body=b"name=value&other=1"),
        Request("PUT /new.txt with a body", "PUT", "/new.txt", body=b"x" * 1000),
        Request("DELETE /no-such-page", "DELETE", "/no-such-page"),
        Request("OPTIONS *", "OPTIONS", "*"),
        Request("CONNECT AUTHORITY", "CONNECT", "AUTHORITY"),
        Request("POST / in chunks", "POST", fields=(FORM, ("Transfer-Encoding", "chunked")),
                tail=b"4;x=y\r\na=1&\r\n3\r\nb=2\r\n0\r\nTrailer: t\r\n\r\n"),
        Request("GET / with a body", "GET", "/", body=b"GET /not-a-request HTTP/1.1\r\n\r\n"),
    ]
    return found


def _versions(_: Path) -> list[Request]:
    """Versions of HTTP, forms of target, and which side closes."""
    old = "HTTP/1.0"
    keep, close = ("Connection", "keep-alive"), ("Connection", "close")
    return [
        Request("HTTP/1.0", version=old),
        Request("HTTP/1.0 without Host", version=old, host=False),
        Request("HTTP/1.0, HEAD", "HEAD", version=old),
        Request("HTTP/1.0, 404", target="/no-such-page", version=old),
        Request("HTTP/1.0, keep-alive", version=old, fields=(keep,)),
        Request("HTTP/1.0, Keep-Alive in capitals", version=old, fields=(("Connection", "Keep-Alive"),)),
        Request("HTTP/1.1, close", fields=(close,)),
        Request("HTTP/1.1, Close among others", fields=(("Connection", "foo, Close"),)),
        Request("HTTP/1.1, keep-alive", fields=(keep,)),
        Request("HTTP/1.1, 404 and close", target="/no-such-page", fields=(close,)),
        Request("HTTP/1.1, 304 and close", fields=(close, ("If-Modified-Since", "{last_modified}"))),
        Request("absolute form", target="http://AUTHORITY/index.html"),
        Request("absolute form, another host", target="http://example.org/index.html?a"),
        Request("absolute form without a path", target="http://AUTHORITY"),
        Request("Host of another name", host=False, fields=(("Host", "example.org"),)),
        Request("fields unknown to anybody", fields=(("X-One", "1"), ("X-Two", ""), ("Accept", "*/*;q=0.1"))),
        Request("empty line before the request", raw=b"\r\nGET / HTTP/1.1\r\nHost: AUTHORITY\r\n\r\n"),
    ]


def _malformed(_: Path) -> list[Request]:
    """Invalid requests, and those that must not be trusted: one answer, then the end of the
    connection."""
    host = b"Host: AUTHORITY\r\n"
    table = (
        ("HTTP/2.0", b"GET / HTTP/2.0\r\n" + host + b"\r\n"),
        ("HTTP/3.0", b"GET / HTTP/3.0\r\n" + host + b"\r\n"),
        ("version in small letters", b"GET / http/1.1\r\n" + host + b"\r\n"),
        ("version without a minor", b"GET / HTTP/1\r\n" + host + b"\r\n"),
        ("version of two digits", b"GET / HTTP/1.10\r\n" + host + b"\r\n"),
        ("too many words", b"GET / of Sluice HTTP/1.1\r\n" + host + b"\r\n"),
        ("target without a slash", b"GET index.html HTTP/1.1\r\n" + host + b"\r\n"),
        ("GET of an asterisk", b"GET * HTTP/1.1\r\n" + host + b"\r\n"),
        ("HTTP/1.1 without Host", b"GET / HTTP/1.1\r\n\r\n"),
        ("two Host fields", b"GET / HTTP/1.1\r\n" + host + host + b"\r\n"),
        ("malformed Host", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        ("space before a colon", b"GET / HTTP/1.1\r\n" + host + b"X-One : 1\r\n\r\n"),
        ("field without a colon", b"GET / HTTP/1.1\r\n" + host + b"X-One\r\n\r\n"),
        ("folded field", b"GET / HTTP/1.1\r\n" + host + b"X-One: 1\r\n  2\r\n\r\n"),
        ("NUL in a field", b"GET / HTTP/1.1\r\n" + host + b"X-One: \0\r\n\r\n"),
        ("lines that end in LF alone", b"GET / HTTP/1.1\nHost: AUTHORITY\n\n"),
        ("TLS", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"),
        ("line of 17,000 bytes", b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\n" + host + b"\r\n"),
        ("field of 17,000 bytes", b"GET / HTTP/1.1\r\n" + host + b"X-One: " + b"1" * 17000 + b"\r\n\r\n"),
        ("two Content-Lengths", b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
        ("Content-Length that is no number", b"POST / HTTP/1.1\r\n" + host + b"Content-Length: x\r\n\r\n"),
        ("Content-Length and chunked",
         b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("chunked in HTTP/1.0", b"POST / HTTP/1.0\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("unknown transfer coding", b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: zip, chunked\r\n\r\n"),
        ("body over the limit", b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 100000\r\n\r\n" + b"x" * 100000),
    )
    return [
        Request(f"malformed: {label}", raw.partition(b" ")[0].decode("latin-1"), raw=raw, closes=True)
        for label, raw in table
    ]


MIXES = {
    "site": _site,
    "head": _head,
    "conditional": _conditional,
    "ranges": _ranges,
    "missing": _missing,
    "paths": _paths,
    "methods": _methods,
    "versions": _versions,
    "malformed": _malformed,
}


def mix(name: str, site: Path) -> list[Request]:
    """The requests of a mix; "all" has those of every one. KeyError for another name."""
    if name == "all":
        return [request for each in MIXES.values() for request in each(site)]
    return MIXES[name](site)


def summary(name: str) -> str:
    """The requests of a mix, described in one line."""
    return (MIXES[name].__doc__ or "").partition("\n")[0]

"""The accepted differences between Sluice and the Flask application, each with both answers and the
reason.

compare.py accepts a difference only if it is listed here, and fails if a listed one is different or
no longer occurs. So this table is true, and complete for the requests of mixes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mixes import Request

NO_ANSWER = "no HTTP answer"  # the status of a response that wire.py calls broken


@dataclass(frozen=True)
class Case:
    """One request to one of the programs; Flask's answer decides which differences may apply."""

    request: Request
    program: str
    status: int | str  # Flask's

    @property
    def path(self) -> str:
        """The path of the target, as sent."""
        return self.request.target.partition("?")[0]


@dataclass(frozen=True)
class Difference:
    """An accepted difference of one field of the answers (see compare.view); a callable is a
    condition on its value."""

    name: str
    field: str
    applies: Callable[[Case], bool]
    flask: object
    sluice: object
    why: str
    same_as: str | None = None  # of a status: Sluice's answer equals Flask's for this target

    def holds(self, flask: object, sluice: object) -> bool:
        """Whether the two answers are the listed ones."""
        return _matches(self.flask, flask) and _matches(self.sluice, sluice)

    def in_words(self) -> tuple[str, str]:
        """Both answers in words."""
        return _in_words(self.flask), _in_words(self.sluice)


def _matches(expected: object, seen: object) -> bool:
    return bool(expected(seen)) if callable(expected) else expected == seen


def _in_words(expected: object) -> str:
    if callable(expected):
        return (expected.__doc__ or "?").rstrip(".")
    if isinstance(expected, frozenset):
        return ", ".join(sorted(expected)) or "none"
    return "none" if expected is None else str(expected)


def find(case: Case, name: str) -> Difference | None:
    """The difference listed for this case and field, if any."""
    return next((each for each in DIFFERENCES if each.field == name and each.applies(case)), None)


# --- conditions ----------------------------------------------------------------------------------


def other_answer(case: Case) -> bool:
    """Answers whose body is the server's own words: redirects and errors."""
    return isinstance(case.status, int) and case.status >= 300 and case.status != 304


def not_modified(case: Case) -> bool:
    """Answers without content."""
    return case.status == 304


def of_type(*extensions: str) -> Callable[[Case], bool]:
    """Files with one of these extensions, sent."""
    return lambda case: case.status == 200 and case.path.endswith(extensions)


def labelled(*labels: str) -> Callable[[Case], bool]:
    """The requests with these labels."""
    return lambda case: case.request.label in labels


def page_of_words(body: object) -> bool:
    """a page of its own words"""
    return isinstance(body, bytes) and body.lower().startswith(b"<!doctype html>") and b"</html>" in body.lower()


def words(body: object) -> bool:
    """a short text of its own words"""
    return isinstance(body, bytes) and b"<h1>" in body


def some_length(length: object) -> bool:
    """its own length"""
    return isinstance(length, str) and length.isdecimal() and int(length) > 0


def a_date(value: object) -> bool:
    """the file's date"""
    return isinstance(value, str) and value.endswith(" GMT")


def named_werkzeug(server: object) -> bool:
    """Werkzeug and Python, with versions"""
    return isinstance(server, str) and server.startswith("Werkzeug/") and " Python/" in server


# --- the table -----------------------------------------------------------------------------------


def _status(label: str, flask: int | str, sluice: int, why: str, same_as: str | None = None) -> Difference:
    """A request that is answered with another status."""
    return Difference(label, "status", labelled(label), flask, sluice, why, same_as)


FIELDS = (
    Difference(
        "Server", "server", lambda case: case.status != NO_ANSWER, named_werkzeug, "Sluice",
        "RFC 9110 section 10.2.4: no needlessly fine-grained detail in Server.",
    ),
    Difference(
        "simple-server's version", "version", lambda case: case.program == "simple-server", "HTTP/1.1", "HTTP/1.0",
        "By design: simple-server is an HTTP/1.0 server, the first step of the three.",
    ),
    Difference(
        "version for HTTP/1.0 clients", "version", lambda case: case.request.version == "HTTP/1.0",
        "HTTP/1.1", "HTTP/1.0",
        "By design: a 1.0 client is answered in its own version; nothing in the answer needs 1.1.",
    ),
    Difference(
        "persistence", "connection",
        lambda case: case.program != "simple-server" and case.request.asks_to_keep and not case.request.closes,
        "closes", "stays",
        "RFC 9112 section 9.3: connections persist by default. Werkzeug's development server closes each one.",
    ),
    Difference(
        "fields beside the file", "others", lambda case: case.status == 200,
        frozenset({"cache-control", "content-disposition"}),
        frozenset({"accept-ranges", "cache-control", "x-content-type-options"}),
        "All optional: Content-Disposition: inline is the default (RFC 6266 section 4.2), Accept-Ranges tells a"
        " client that it may ask for parts (RFC 9110 section 14.3; Werkzeug says so only with a 206), and nosniff"
        " that the type is meant (WHATWG Fetch).",
    ),
    Difference(
        "the same beside a part", "others", lambda case: case.status == 206,
        frozenset({"accept-ranges", "cache-control", "content-disposition"}),
        frozenset({"accept-ranges", "cache-control", "x-content-type-options"}),
        "As beside the whole file.",
    ),
    Difference(
        "the same beside 304", "others", not_modified,
        frozenset({"cache-control", "content-disposition"}), frozenset({"cache-control"}),
        "RFC 9110 section 15.4.5: a 304 repeats the Cache-Control of the 200, and describes no content.",
    ),
    Difference(
        "the same beside a page of its own", "others", other_answer,
        frozenset(), frozenset({"x-content-type-options"}),
        "Its type is meant, as a file's is (WHATWG Fetch).",
    ),
    Difference(
        "Last-Modified in 304", "modified", not_modified, None, a_date,
        "RFC 9110 section 15.4.5: allowed; it keeps the date of caches that know no entity tags.",
    ),
    Difference(
        "words of redirects and errors", "body",
        lambda case: other_answer(case) and case.request.method != "HEAD", words, page_of_words,
        "RFC 9110 section 15: the content explains the status in the server's own words.",
    ),
    Difference(
        "length of those words", "length", other_answer, some_length, some_length,
        "It follows the words.",
    ),
    Difference(
        "type of .svg", "type", of_type(".svg"), "image/svg+xml; charset=utf-8", "image/svg+xml",
        "XML carries its own encoding, and UTF-8 is its default (RFC 7303 section 3).",
    ),
    Difference(
        "type of .js", "type", of_type(".js"),
        "application/javascript; charset=utf-8", "text/javascript; charset=utf-8",
        "RFC 9239 section 6: text/javascript; the others are obsolete.",
    ),
)  # fmt: skip

ESCAPES = "RFC 3986 section 2.1: '%' begins an escape of two hexadecimal digits; a broken one is a client's error."
ZERO = "By design: no file name can hold a NUL byte, so it is a client's error to ask for one."
DOTS = "RFC 3986 section 5.2.4: dot segments are removed, and '..' at the root leads to the root."
LINKS = "By design: no path and no link leads outside ROOT (openat2 with RESOLVE_BENEATH)."
METHODS = "RFC 9110 section 9.1: 501 for a method that the server doesn't know; 405 is for those it knows."
VERSION = "RFC 9112 section 2.3: HTTP in capitals, a digit, a dot, a digit."
HOST = "RFC 9112 section 3.2: 400 if Host is missing, twice there, or malformed."
LINES = "RFC 9112 section 2.2: a recipient may take LF for the end of a line; Sluice is strict, against smuggling."
LENGTH = "RFC 9112 sections 6.1 and 6.3: after a message of unknown length nothing more is read."

STATUSES = (
    _status("range: unmodified", 206, 304,
            "RFC 9110 section 13.2.2: If-None-Match is evaluated before Range."),
    _status("GET /link-out.txt", 200, 403, LINKS),
    _status("GET /link-absolute.txt", 200, 403, LINKS + " An absolute link counts as leading outside."),
    _status("GET /../index.html", 404, 200, DOTS, "/index.html"),
    _status("GET /a/..", 301, 200, DOTS, "/"),
    _status("GET /.", 301, 200, DOTS, "/"),
    _status("GET /a%2f..%2findex.html", 200, 404, "RFC 3986 section 2.2: an encoded slash is data, no separator."),
    _status("GET /%00", 404, 400, ZERO),
    _status("GET /index.html%00.txt", 404, 400, ZERO),
    _status("GET /%zz", 404, 400, ESCAPES),
    _status("GET /%", 404, 400, ESCAPES),
    _status("GET /index.html%2", 404, 400, ESCAPES),
    _status("absolute form without a path", 308, 200, "RFC 9110 section 4.2.3: an empty path is '/'.", "/"),
    _status(
        "empty line before the request", NO_ANSWER, 200, "RFC 9112 section 2.2: an empty line there is ignored.", "/"
    ),
    _status("OPTIONS /", 200, 204, "RFC 9110 section 9.3.7: either; there is no content."),
    _status("OPTIONS *", 200, 204, "RFC 9110 section 9.3.7: either; there is no content."),
    _status("BREW /", 405, 501, METHODS),
    _status("PROPFIND /", 405, 501, METHODS),
    _status("get /", 200, 501, "RFC 9110 section 9.1: methods are case-sensitive, so this is one nobody knows."),
    _status("malformed: HTTP/2.0", NO_ANSWER, 505, "RFC 9110 section 15.6.6; Flask sends a page without a head."),
    _status("malformed: HTTP/3.0", NO_ANSWER, 505, "RFC 9110 section 15.6.6; as before."),
    _status("malformed: version in small letters", NO_ANSWER, 400, VERSION),
    _status("malformed: version without a minor", NO_ANSWER, 400, VERSION),
    _status("malformed: version of two digits", 200, 400, VERSION),
    _status("malformed: target without a slash", 200, 400, "RFC 9112 section 3.2.1: the origin form begins with '/'."),
    _status("malformed: GET of an asterisk", 404, 400, "RFC 9112 section 3.2.4: '*' is for OPTIONS alone."),
    _status("malformed: HTTP/1.1 without Host", 200, 400, HOST),
    _status("malformed: two Host fields", 200, 400, HOST),
    _status("malformed: malformed Host", 200, 400, HOST),
    _status("malformed: space before a colon", 200, 400, "RFC 9112 section 5.1: that must be answered 400."),
    _status("malformed: field without a colon", 200, 400, "RFC 9112 section 5: a field line has a colon."),
    _status("malformed: folded field", 200, 400, "RFC 9112 section 5.2: reject it with 400, or unfold it."),
    _status("malformed: NUL in a field", 200, 400, "RFC 9110 section 5.5: reject it, or replace it."),
    _status("malformed: lines that end in LF alone", 200, 400, LINES),
    _status("malformed: TLS", NO_ANSWER, 400, "RFC 9110 section 15.5.1: malformed syntax."),
    _status("malformed: line of 17,000 bytes", 404, 414, "RFC 9110 section 15.5.15: --max-head, 16 KiB by default."),
    _status("malformed: field of 17,000 bytes", 200, 431, "RFC 6585 section 5: --max-head, 16 KiB by default."),
    _status("malformed: two Content-Lengths", 405, 400, LENGTH),
    _status("malformed: Content-Length that is no number", 405, 400, LENGTH),
    _status("malformed: Content-Length and chunked", 405, 400, LENGTH),
    _status("malformed: chunked in HTTP/1.0", 405, 400, LENGTH),
    _status("malformed: unknown transfer coding", 405, 501, "RFC 9112 section 6.1: 501 for a coding one doesn't know."),
    _status("malformed: body over the limit", 405, 413, "RFC 9110 section 15.5.14: --max-body, 64 KiB by default."),
)  # fmt: skip

DIFFERENCES = FIELDS + STATUSES

"""HTTP/1.x on a raw socket, for the tests: sends bytes as they are, and reads answers strictly.

http.client normalises targets, joins fields and forgives framing errors; here a response that RFC
9112 does not allow is Broken. Everything is bounded: each connection has a deadline, each response
a size.
"""

from __future__ import annotations

import re
import select
import socket
import time
from dataclasses import dataclass

HEAD_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 256 * 1024 * 1024
STATUS_LINE = re.compile(rb"(HTTP/\d\.\d) (\d{3}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")


class Broken(Exception):
    """The peer violated HTTP; one line says how."""


@dataclass(frozen=True)
class Origin:
    """The address of a server."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """The value of Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Response:
    """One final response as it was on the wire; fields in their order, values without the white
    space around them."""

    version: str
    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    to_the_end: bool  # nothing but the end of the connection delimits the body

    def field(self, name: str) -> str | None:
        """The value of a field, several joined as RFC 9110 section 5.3 says; None if it is
        absent."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def keeps(self) -> bool:
        """Whether the connection goes on after this response, by RFC 9112 section 9.3."""
        options = {option.strip().lower() for option in (self.field("Connection") or "").split(",")}
        if "close" in options or self.to_the_end:
            return False
        return self.version == "HTTP/1.1" or "keep-alive" in options


class Connection:
    """One connection, read through a buffer; usable in a with statement."""

    def __init__(self, origin: Origin, seconds: float = 5.0) -> None:
        """Connects; raises OSError where no server listens."""
        self.deadline = time.monotonic() + seconds
        self.socket = socket.create_connection((origin.host, origin.port), seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.ended = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends all of DATA, and reads meanwhile: a server may stop reading until its answers are
        taken. A peer that closes early is not an error here; its answer may still be read."""
        rest = memoryview(data)
        while rest:
            readers = [] if self.ended else [self.socket]
            readable, writable, _ = select.select(readers, [self.socket], [], self._left())
            if not readable and not writable:
                raise Broken("the server takes no more bytes")
            if readable:
                self._receive()
            if writable:
                try:
                    rest = rest[self.socket.send(rest, socket.MSG_DONTWAIT) :]
                except BlockingIOError:
                    pass
                except ConnectionError:
                    return

    def response(self, method: str) -> Response:
        """Reads the final response to a request with METHOD; interim ones (1xx) are skipped."""
        while True:
            version, status, reason, fields = _parse_head(self._head())
            if status >= 200:
                break
        body, to_the_end = self._body(method, status, fields)
        return Response(version, status, reason, fields, body, to_the_end)

    def end(self) -> None:
        """Expects the end of the connection, with no byte before it."""
        while not self.buffer and self._receive():
            pass
        if self.buffer:
            raise Broken(f"bytes after the last response: {bytes(self.buffer[:40])!r}")

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Broken("no complete response in time")
        return left

    def _receive(self) -> bool:
        """Reads some bytes into the buffer; False at the end of the connection."""
        if self.ended:
            return False
        self.socket.settimeout(self._left())
        try:
            data = self.socket.recv(256 * 1024)
        except TimeoutError:
            raise Broken("no complete response in time (is the connection held open?)") from None
        except ConnectionError as error:
            raise Broken(f"the connection broke: {error.strerror}") from None
        self.buffer += data
        self.ended = not data
        return not self.ended

    def _until(self, mark: bytes, most: int) -> bytes:
        """Takes the bytes up to and with MARK out of the buffer."""
        while (at := self.buffer.find(mark)) < 0:
            if len(self.buffer) > most:
                raise Broken(f"no end of a head or chunk line within {most} bytes")
            if not self._receive():
                raise Broken("closed without an answer" if not self.buffer else "closed within a response")
        return self._take(at + len(mark))

    def _take(self, count: int) -> bytes:
        """Takes COUNT bytes out of the buffer."""
        while len(self.buffer) < count:
            if not self._receive():
                raise Broken(f"closed {count - len(self.buffer)} bytes before the end of a body")
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def _head(self) -> bytes:
        return self._until(b"\r\n\r\n", HEAD_BYTES_MAX)[:-4]

    def _body(self, method: str, status: int, fields: tuple[tuple[str, str], ...]) -> tuple[bytes, bool]:
        """Reads a body as RFC 9112 section 6.3 delimits it; also gives whether only the end did."""
        lengths = [value for name, value in fields if name.lower() == "content-length"]
        codings = [value.lower() for name, value in fields if name.lower() == "transfer-encoding"]
        if len(lengths) > 1 or (lengths and not lengths[0].isdecimal()):
            raise Broken(f"Content-Length: {', '.join(lengths)}")
        if codings and (lengths or codings != ["chunked"]):
            raise Broken(f"Transfer-Encoding: {', '.join(codings)} (Content-Length: {', '.join(lengths) or 'none'})")
        if method == "HEAD" or status in (204, 304):
            return b"", False
        if codings:
            return self._chunks(), False
        if lengths:
            if int(lengths[0]) > BODY_BYTES_MAX:
                raise Broken(f"a body of {lengths[0]} bytes is more than this test reads")
            return self._take(int(lengths[0])), False
        while self._receive():
            if len(self.buffer) > BODY_BYTES_MAX:
                raise Broken("a body without end")
        return self._take(len(self.buffer)), True

    def _chunks(self) -> bytes:
        """Reads a chunked body and its trailer section (RFC 9112 section 7.1)."""
        body = bytearray()
        while True:
            line = self._until(b"\r\n", HEAD_BYTES_MAX)
            size = re.match(rb"([0-9A-Fa-f]{1,8})[;\r]", line)
            if not size or len(body) + int(size[1], 16) > BODY_BYTES_MAX:
                raise Broken(f"a chunk line {line[:40]!r}")
            if int(size[1], 16) == 0:
                break
            body += self._take(int(size[1], 16))
            if self._take(2) != b"\r\n":
                raise Broken("a chunk that doesn't end where it said")
        while self._until(b"\r\n", HEAD_BYTES_MAX) != b"\r\n":
            pass
        return bytes(body)


def _parse_head(head: bytes) -> tuple[str, int, str, tuple[tuple[str, str], ...]]:
    """Takes a response head apart; version, status, reason, fields."""
    first, *lines = head.split(b"\r\n")
    status_line = STATUS_LINE.fullmatch(first)
    if not status_line:
        raise Broken(f"no status line: {first[:60]!r}")
    fields = []
    for line in lines:
        field = FIELD_LINE.fullmatch(line)
        if not field:
            raise Broken(f"no field line: {line[:60]!r}")
        fields.append((field[1].decode("ascii"), field[2].decode("latin-1")))
    version, status, reason = status_line.groups()
    return version.decode(), int(status), reason.decode("latin-1"), tuple(fields)

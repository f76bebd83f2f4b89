"""Requests sent before a measurement: they check that a server sends the right status, fields and
body."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from .place import Failed
from .workloads import Workload

TIMEOUT_SECONDS = 10
DUTIES = ("date", "etag", "last-modified")
# Its certificate is the benchmark's own.
TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


@dataclass(frozen=True)
class Answer:
    """One response, as far as a measurement needs to know it."""

    status: int
    fields: dict[str, str]
    bytes: int  # head and body

    @property
    def keeps(self) -> bool:
        return (
            "close" not in self.fields.get("connection", "")
            and self.fields["version"] == "HTTP/1.1"
        )


class Asker:
    """Sends GET requests, on one connection as long as it is kept."""

    def __init__(self, port: int, secure: bool = False) -> None:
        self.port = port
        self.secure = secure
        self.socket: socket.socket | None = None
        self.input = b""

    def get(self, path: str, headers: dict[str, str]) -> Answer:
        """One request just like wrk's."""
        if not self.socket:
            self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS)
            if self.secure:
                self.socket = TRUSTING.wrap_socket(self.socket)
            self.input = b""
        self.socket.sendall(request(path, self.port, headers))
        answer = self._answer()
        if not answer.keeps:
            self.close()
        return answer

    def _more(self, size: int = 1 << 18) -> int:
        assert self.socket
        got = self.socket.recv(size)
        if not got:
            raise Failed("the connection ended within an answer")
        self.input += got
        return len(got)

    def _answer(self) -> Answer:
        while b"\r\n\r\n" not in self.input:
            self._more()
        head, _, self.input = self.input.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {"version": first.split()[0]}
        for line in lines:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        status = int(first.split()[1])
        body = 0 if status == 304 else self._body(fields)
        return Answer(status, fields, len(head) + 4 + body)

    def _body(self, fields: dict[str, str]) -> int:
        """Reads a body over; the bytes on the wire that it took."""
        if fields.get("transfer-encoding") == "chunked":
            return self._chunks()
        if "content-length" not in fields:
            raise Failed("an answer with neither Content-Length nor chunks")
        length = int(fields["content-length"])
        self._skip(length)
        return length

    def _chunks(self) -> int:
        total = 0
        while True:
            while b"\r\n" not in self.input:
                self._more()
            line = self.input.partition(b"\r\n")[0]
            size = int(line.partition(b";")[0], 16)
            wire = len(line) + 2 + size + 2  # no trailers: the last chunk ends in an empty line
            self._skip(wire)
            total += wire
            if size == 0:
                return total

    def _skip(self, left: int) -> None:
        while left > len(self.input):
            left -= len(self.input)
            self.input = b""
            self._more()
        self.input = self.input[left:]

    def close(self) -> None:
        if self.socket:
            self.socket.close()
            self.socket = None

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request(path: str, port: int, headers: dict[str, str]) -> bytes:
    """A GET request; wrk's has its fields in another order, which changes no answer."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{fields}\r\n".encode()


@dataclass(frozen=True)
class Expected:
    """A server's answers to the requests of a workload."""

    headers: dict[str, str]  # to be sent, validators included
    response_bytes: float  # the mean


def learn(port: int, workload: Workload, duties: bool = True) -> Expected:
    """Requests each path of WORKLOAD once; Failed where an answer is wrong."""
    headers = dict(workload.headers)
    total = 0
    with Asker(port, workload.secure) as asker:
        if workload.validators and duties:
            tag = asker.get(workload.paths[0], headers).fields.get("etag")
            if not tag:
                raise Failed("no ETag for a conditional request")
            headers["If-None-Match"] = tag
        for path in workload.paths:
            answer = asker.get(path, headers)
            if duties:
                check(answer, workload)
            total += answer.bytes
    return Expected(headers, total / len(workload.paths))


def check(answer: Answer, workload: Workload) -> None:
    """That ANSWER has the status, coding and fields that WORKLOAD's must have."""
    if answer.status != workload.status:
        raise Failed(f"status {answer.status}, not {workload.status}")
    if answer.fields.get("content-encoding") != workload.encoding:
        raise Failed(
            f"Content-Encoding {answer.fields.get('content-encoding')}, not {workload.encoding}"
        )
    for name in DUTIES:
        # A 304 need not repeat Last-Modified (RFC 9110 section 15.4.5).
        if name not in answer.fields and not (workload.status == 304 and name == "last-modified"):
            raise Failed(f"no {name} in the answer")

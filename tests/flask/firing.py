"""Sends a mix of requests to a server, for `flask fire`: reads the answers strictly, counts them,
makes a table.

A request after one whose answer closed the connection was not answered; it is sent again on the
next connection (RFC 9112 section 9.3.2). So servers that close after each response work in the same
way.
"""

from __future__ import annotations

import ipaddress
import itertools
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import mixes
from mixes import Request
from wire import Broken, Connection, Origin, Response

COUNT_MAX = 100_000
PIPELINE_MAX = 1000
SECONDS_MAX = 120.0  # for everything
ANSWER_SECONDS = 10.0  # for one batch on a connection


class Refused(Exception):
    """The target can't be used; one line gives the reason and the remedy."""


@dataclass
class Row:
    """All answers of one kind to one request."""

    request: str
    answer: str  # the status, or the problem
    kind: str
    length: str
    times: int = 0
    seconds: float = 0.0


@dataclass
class Report:
    """The answers."""

    rows: dict[tuple[str, ...], Row] = field(default_factory=dict)
    answers: int = 0
    broken: int = 0
    connections: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def note(self, request: Request, response: Response | Broken, seconds: float) -> None:
        """Adds one answer."""
        if isinstance(response, Broken):
            self.broken += 1
            key = (request.label, f"BROKEN: {response}", "", "")
        else:
            self.answers += 1
            self.bytes += len(response.body)
            kind = response.field("Content-Type") or "-"
            length = response.field("Content-Length") or (str(len(response.body)) if response.body else "-")
            key = (request.label, f"{response.status} {response.reason}", kind, length)
        row = self.rows.setdefault(key, Row(*key))
        row.times += 1
        row.seconds += seconds


def origin_of(url: str) -> Origin:
    """The server that URL names: http, and on this machine, since a mix has requests that disturb
    others."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 80
    except ValueError as error:
        raise Refused(f"{url}: {error}") from None
    if parts.scheme != "http" or not host:
        raise Refused(f"{url} is no http URL; give one like http://127.0.0.1:8080/")
    try:
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Refused(f"{host}: {error.strerror}") from None
    if not ipaddress.ip_address(address).is_loopback:
        raise Refused(f"{host} is not this machine; fire only at a server on 127.0.0.1, [::1] or localhost")
    return Origin(address, port)


def fire(origin: Origin, requests: list[Request], count: int | None, pipeline: int) -> Report:
    """Sends COUNT requests (None: each once), PIPELINE at a time, until done or SECONDS_MAX have
    passed."""
    report = Report()
    started = time.monotonic()
    known = _learn(origin, requests, report)
    queue: Iterator[Request] = itertools.islice(itertools.cycle(requests), count or len(requests))
    waiting: list[Request] = []
    connection: Connection | None = None
    try:
        while time.monotonic() - started < SECONDS_MAX:
            waiting += itertools.islice(queue, pipeline - len(waiting))
            if not waiting:
                break
            if connection is None:
                connection = _connect(origin, report)
            done, stays = _batch(connection, origin, waiting, known, report)
            del waiting[:done]
            if not stays:
                connection.socket.close()
                connection = None
        else:
            raise Refused(f"stopped after {SECONDS_MAX:.0f} s and {report.answers} answers; ask for a smaller --count")
    finally:
        if connection:
            connection.socket.close()
    report.seconds = time.monotonic() - started
    return report


def _connect(origin: Origin, report: Report) -> Connection:
    try:
        connection = Connection(origin, ANSWER_SECONDS)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refused(f"no server at http://{origin.authority}/ ({reason}); start one with `make serve`") from None
    report.connections += 1
    return connection


def _learn(origin: Origin, requests: Iterable[Request], report: Report) -> dict[str, dict[str, str]]:
    """The validators of each target with a conditional request, from plain answers."""
    known: dict[str, dict[str, str]] = {}
    for request in requests:
        if not request.conditional or request.target in known:
            continue
        with _connect(origin, report) as connection:
            try:
                connection.send(request.plain().wire(origin.authority))
                answer = connection.response("GET")
            except Broken as broken:
                raise Refused(f"GET {request.target}, whose date a later request needs: {broken}") from None
        etag = answer.field("ETag") or '"none"'
        known[request.target] = mixes.validators(answer.field("Last-Modified") or "Thu, 01 Jan 1970 00:00:00 GMT", etag)
    return known


def _batch(
    connection: Connection, origin: Origin, batch: list[Request], known: dict[str, dict[str, str]], report: Report
) -> tuple[int, bool]:
    """Sends a batch and reads the answers; gives the number of finished requests, and whether the
    connection stays."""
    connection.deadline = time.monotonic() + ANSWER_SECONDS
    sent_at = time.monotonic()
    connection.send(b"".join(request.wire(origin.authority, known.get(request.target)) for request in batch))
    for place, request in enumerate(batch):
        try:
            response = connection.response(request.method)
            if not response.keeps():
                connection.end()
        except Broken as broken:
            report.note(request, broken, time.monotonic() - sent_at)
            return place + 1, False
        report.note(request, response, time.monotonic() - sent_at)
        if not response.keeps():
            return place + 1, False
    return len(batch), True


def table(report: Report) -> list[str]:
    """The report as lines: one for each kind of answer, and the totals."""
    rows = list(report.rows.values())
    wide = max((len(row.request) for row in rows), default=0)
    wide = min(max(wide, len("request")), 60)
    lines = [f"{'request':{wide}}  times  {'status':28} {'type':32} {'length':>9}  {'ms':>7}"]
    for row in rows:
        name = row.request if len(row.request) <= wide else row.request[: wide - 3] + "..."
        ms = row.seconds / row.times * 1000
        if row.answer.startswith("BROKEN"):
            lines.append(f"{name:{wide}}  {row.times:5}  {row.answer}")
        else:
            lines.append(f"{name:{wide}}  {row.times:5}  {row.answer:28} {row.kind:32} {row.length:>9}  {ms:7.2f}")
    lines.append("")
    lines.append(
        f"{report.answers} answers, {report.broken} broken, {report.connections} connections,"
        f" {report.bytes} body bytes, {report.seconds:.2f} s"
    )
    return lines


def listing(site: Path, name: str | None) -> list[str]:
    """The mixes, or with NAME the requests of that one."""
    if name:
        return [f"{request.label}" for request in mixes.mix(name, site)]
    lines = [f"{each:12} {len(mixes.mix(each, site)):4}  {mixes.summary(each)}" for each in mixes.MIXES]
    return [*lines, f"{'all':12} {len(mixes.mix('all', site)):4}  All of them."]

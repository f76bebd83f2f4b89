"""The cost of a drain for clients with kept connections: the requests that fail when a server is
asked to end, and those of them that a client may not send again.

A client may send a request again when its connection ended before a byte of the answer came, if
the method is idempotent (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). It may not when the
answer was cut, or when the method was POST. A connection that ends between two requests costs
nothing."""

from __future__ import annotations

import random
import re
import selectors
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import place, servers

CLIENTS = 64
REQUESTS = 10_000  # before the signal
POSTS = 10  # one request in ten
THINK_SECONDS = (0.0, 0.0, 0.02, 1.5)  # at most, of one client after the other
END_SECONDS = 40.0
FILE_BYTES = 4096
SIGNALS = {"nginx": signal.SIGQUIT}  # nginx drains on SIGQUIT, Sluice on SIGTERM
HEADINGS = ("server", "drains", "requests", "failed", "retriable", "cut", "POST", "ends after")


@dataclass
class Counts:
    """What happened to the requests of one or more drains."""

    drains: int = 0
    requests: int = 0
    retriable: int = 0  # ended before the answer, GET
    cut: int = 0  # ended within the answer
    posts: int = 0  # ended before the answer, POST
    seconds: float = 0.0  # from the signal to the server's end, the longest

    @property
    def failed(self) -> int:
        return self.retriable + self.cut + self.posts

    @property
    def lost(self) -> int:
        """The requests that failed and may not be sent again."""
        return self.cut + self.posts

    def add(self, other: Counts) -> None:
        self.drains += other.drains
        self.requests += other.requests
        self.retriable += other.retriable
        self.cut += other.cut
        self.posts += other.posts
        self.seconds = max(self.seconds, other.seconds)


def answer_bytes(received: bytes) -> int | None:
    """The length of the first answer in RECEIVED; None: it is not all there."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = re.search(rb"\r\ncontent-length: *(\d+)", received[: end + 2].lower())
    whole = end + 4 + (int(length[1]) if length else 0)
    return whole if len(received) >= whole else None


def is_last(received: bytes) -> bool:
    """Whether the answer says that its connection will be closed."""
    return b"\r\nconnection: close\r\n" in received.partition(b"\r\n\r\n")[0].lower() + b"\r\n"


def judge(counts: Counts, method: str, received: bytes) -> None:
    """Counts a request whose connection ended when RECEIVED had come of the answer."""
    if received:
        counts.cut += 1
    elif method == "POST":
        counts.posts += 1
    else:
        counts.retriable += 1


@dataclass
class Client:
    """A connection that sends one request after the other."""

    socket: socket.socket
    think_seconds: float
    method: str = ""  # of the request under way; empty: none
    due: float = 0.0  # when to send the next one
    received: bytes = b""
    sent: int = 0
    over: bool = False

    def send(self, counts: Counts) -> None:
        method = "POST" if random.randrange(POSTS) == 0 else "GET"
        body = "Content-Length: 5\r\n\r\nhello" if method == "POST" else "\r\n"
        request = f"{method} /file.txt HTTP/1.1\r\nHost: a\r\n{body}"
        try:
            self.socket.send(request.encode())
        except OSError:  # nothing of it has left: the client knows that it was not received
            self.over = True
            return
        self.method, self.received = method, b""
        counts.requests += 1

    def receive(self, counts: Counts, now: float) -> None:
        try:
            got = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            got = b""
        if not got:
            if self.method:
                judge(counts, self.method, self.received)
            self.over = True
            return
        self.received += got
        if answer_bytes(self.received) is None:
            return
        self.over = is_last(self.received)
        self.method = ""
        self.due = now + random.random() * self.think_seconds


@dataclass
class Crowd:
    """All clients of one server."""

    port: int
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.clients = []
        for index in range(CLIENTS):
            connection = socket.create_connection(("127.0.0.1", self.port), 10)
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(connection, THINK_SECONDS[index % len(THINK_SECONDS)])
            self.selector.register(connection, selectors.EVENT_READ, client)
            self.clients.append(client)

    def turn(self) -> None:
        """Sends what is due, and receives."""
        now = time.monotonic()
        for client in self.clients:
            if not client.method and client.due <= now:
                client.send(self.counts)
        for key, _ in self.selector.select(0.001):
            key.data.receive(self.counts, now)
        for client in [client for client in self.clients if client.over]:
            self.selector.unregister(client.socket)
            client.socket.close()
            self.clients.remove(client)


def drain(kind: servers.Kind, site: Path) -> Counts:
    """One drain of KIND's server under load."""
    with servers.Server(kind, site=site) as server:
        assert server.process
        crowd = Crowd(server.port)
        while crowd.counts.requests < REQUESTS:
            crowd.turn()
        begun = time.monotonic()
        place.signal_to(server.process, SIGNALS.get(kind.name, signal.SIGTERM))
        while crowd.clients and time.monotonic() < begun + END_SECONDS:
            crowd.turn()
        if not place.ended_within(server.process, END_SECONDS):
            raise place.Failed(f"{kind.title} did not end within {END_SECONDS:.0f} s")
        crowd.counts.seconds = time.monotonic() - begun
        crowd.counts.drains = 1
        return crowd.counts


def cells(title: str, counts: Counts) -> tuple[str, ...]:
    """The row of the table."""
    numbers = (counts.drains, counts.requests, counts.failed, counts.retriable, counts.cut, counts.posts)
    return (title, *map(str, numbers), f"{counts.seconds:.2f} s")

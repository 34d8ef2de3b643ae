"""Clients that ask as fast as they are answered, over connections that stay open, in a process of their own.

Hand-made, because a comfortable client takes as much of the machine as the server that is measured.
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from statistics import quantiles
from urllib.parse import urlsplit

from ..errors import IntegrityFailure

_HEAD_ENDS = b"\r\n\r\n"
_LENGTH = b"\ncontent-length:"


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back: how long each took, and all of them together, in seconds.

    `began` is when the first was sent, by `time.monotonic`, which all processes of a machine share: to start the
    process that sends takes a second or more, which is nobody's.
    """

    seconds: list[float]
    lasted: float
    began: float

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.lasted

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return quantiles(self.seconds, n=100)[98] * 1000 if len(self.seconds) > 1 else 0.0


def get(path: str, token: str = "") -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: bench\r\n"
    return (head + (f"Authorization: Bearer {token}\r\n" if token else "") + "\r\n").encode()


def post(path: str, body: bytes, token: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (head + (f"Authorization: Bearer {token}\r\n" if token else "") + "\r\n").encode() + body


def ask(url: str, requests: Sequence[bytes], connections: int, seconds: float) -> Answers:
    """The same requests in turn, for a while."""
    shares = [list(requests[start::connections]) or list(requests) for start in range(connections)]
    return _elsewhere(url, shares, seconds)


def send(url: str, shares: Sequence[Sequence[bytes]]) -> Answers:
    """Each share over a connection of its own, in its order, once."""
    return _elsewhere(url, shares, None)


def _elsewhere(url: str, shares: Sequence[Sequence[bytes]], seconds: float | None) -> Answers:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(drive, url, [list(share) for share in shares], seconds).result()


def drive(url: str, shares: list[list[bytes]], seconds: float | None) -> Answers:
    """Raises IntegrityFailure for an answer that is no success: a refusal is no figure."""
    place = urlsplit(url)
    waiting = selectors.DefaultSelector()
    began = time.monotonic()
    ends = began + seconds if seconds is not None else float("inf")
    for share in shares:
        requests = cycle(share) if seconds is not None else iter(share)
        connection = _Connection((place.hostname or "", place.port or 80), requests)
        if connection.ask():
            waiting.register(connection.socket, selectors.EVENT_READ, connection)
    taken: list[float] = []
    while waiting.get_map():
        for key, _ in waiting.select():
            connection = key.data
            answered = connection.read()
            if answered is None:
                continue
            taken.append(answered)
            if time.monotonic() > ends or not connection.ask():
                waiting.unregister(connection.socket)
                connection.socket.close()
    return Answers(taken, time.monotonic() - began, began)


class _Connection:
    """One request at a time."""

    def __init__(self, place: tuple[str, int], requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(place, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._asked = 0.0
        self._answer = b""

    def ask(self) -> bool:
        """False once there is nothing left to ask."""
        request = next(self._requests, None)
        if request is None:
            return False
        self._answer, self._asked = b"", time.perf_counter()
        self.socket.sendall(request)
        return True

    def read(self) -> float | None:
        """The seconds that the answer took, once it is whole."""
        got = self.socket.recv(1 << 16)
        if not got:
            raise IntegrityFailure("What is measured closed a connection.", remedy="Look at its log.")
        self._answer += got
        head, ended, body = self._answer.partition(_HEAD_ENDS)
        if not ended:
            return None
        lower = head.lower()
        length = int(lower[lower.index(_LENGTH) + len(_LENGTH) :].split(b"\r", 1)[0])
        if len(body) < length:
            return None
        if not head.startswith(b"HTTP/1.1 2"):
            raise IntegrityFailure(
                f"What is measured answered {head[9:12].decode()}: {body[:300].decode('utf-8', 'replace')}",
                remedy="Repair the benchmark.",
            )
        return time.perf_counter() - self._asked

"""Webhooks out: one signed POST (Standard Webhooks) to an address that was checked just before.

The name is looked up once, every address it has must be public, and the connection goes to one of those very addresses,
so that a name which changes between check and use leads nowhere else. The certificate is checked for the name.
"""

from __future__ import annotations

import email.utils
import secrets
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpcore
from standardwebhooks import Webhook

from .domain.public_addresses import Address, Target, address_of, is_public, read_target
from .errors import InvalidInput

TIMEOUT = 15.0  # seconds for all of it, from the first byte sent to the last one read
LOOK_UP = 5.0  # seconds for the addresses of a name; the system's own limit can be a minute
_MOST_ADDRESSES = 4  # of a host that are tried
_MOST_READ = 4_096  # bytes of an answer, whose content is of no interest
_AGENT = "after-sales-audit-ledger"

Resolve = Callable[[str], Sequence[Address]]


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a try: the answer's status, or in a word why there was none. `wished` is Retry-After in seconds."""

    status: int | None = None
    error: str | None = None
    wished: int | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(32)).decode()


def resolve(host: str) -> Sequence[Address]:
    """All addresses of a name. Raises OSError if it has none."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = (address_of(str(entry[4][0]).partition("%")[0]) for entry in found)
    return list(dict.fromkeys(address for address in addresses if address is not None))


def allowed_addresses(target: Target, *, private: bool, look_up: Resolve = resolve) -> Sequence[Address]:
    """Where a request may connect to. Raises InvalidInput if any address of the host is not public, unless `private`
    addresses are allowed, or if there is none."""
    literal = address_of(target.host)
    found = [literal] if literal is not None else _look_up(target.host, look_up)
    if not found:
        raise InvalidInput("The name of the host has no address.", field="url", remedy="Check the name.")
    if not private and not all(is_public(address) for address in found):
        raise InvalidInput(
            "The host is not on the internet: it has a private or reserved address.",
            field="url",
            remedy="Name a public host; to try it out at home, the operator can set LEDGER_WEBHOOKS_PRIVATE=true.",
        )
    return found


def _look_up(host: str, look_up: Resolve) -> Sequence[Address]:
    """In a thread of its own, since nothing can end a look-up before the system does. Raises InvalidInput for a name
    whose servers are slower than we wait; no address is none, whatever the reason."""
    found: Future[Sequence[Address]] = Future()

    def run() -> None:
        try:
            found.set_result(look_up(host))
        except (OSError, UnicodeError):
            found.set_result([])
        except Exception as error:  # noqa: BLE001 - whoever waits is to see it
            found.set_exception(error)

    threading.Thread(target=run, name="look-up", daemon=True).start()
    try:
        return found.result(LOOK_UP)
    except TimeoutError:
        raise InvalidInput(
            "The name servers of the host did not answer in time.", field="url", remedy="Check them, then try again."
        ) from None


def signed_headers(event_id: str, now: int, body: str, signing: Iterable[str]) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature for each secret."""
    moment = datetime.fromtimestamp(now, UTC)
    signatures = [Webhook(secret).sign(event_id, moment, body) for secret in signing]
    return {"webhook-id": event_id, "webhook-timestamp": str(now), "webhook-signature": " ".join(signatures)}


class WebhookSender:
    """`private` lets it go to addresses inside the network, and over http."""

    def __init__(self, *, private: bool, look_up: Resolve = resolve, verify: ssl.SSLContext | None = None) -> None:
        self._private = private
        self._look_up = look_up
        self._tls = verify or ssl.create_default_context()

    def post(self, url: str, headers: dict[str, str], body: str) -> Sent:
        """Never raises for what the other side does or is. Redirects are answers like others: nobody follows them."""
        try:
            target = read_target(url, private=self._private)
            addresses = allowed_addresses(target, private=self._private, look_up=self._look_up)
        except InvalidInput:
            return Sent(error="address_refused")
        try:
            return self._post(target, addresses, headers, body)
        except (httpcore.TimeoutException, TimeoutError):
            return Sent(error="timeout")
        except (httpcore.NetworkError, OSError) as failure:
            return Sent(error="tls_failed" if isinstance(failure, ssl.SSLError) or _is_tls(failure) else "not_reached")
        except httpcore.ProtocolError:
            return Sent(error="no_http_answer")

    def _post(self, target: Target, addresses: Sequence[Address], headers: dict[str, str], body: str) -> Sent:
        fixed = _FixedBackend(addresses, time.monotonic() + TIMEOUT)
        said: dict[bytes | str, bytes | str] = {
            "Host": target.authority,
            "User-Agent": _AGENT,
            "Content-Type": "application/json",
            "Connection": "close",
        }
        said.update(headers.items())
        url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=fixed, retries=0) as pool,
            pool.stream("POST", url, headers=said, content=body.encode()) as answer,
        ):
            read = 0
            for part in answer.iter_stream():
                read += len(part)
                if read >= _MOST_READ:
                    break
            return Sent(answer.status, wished=_wished(answer.headers))


def _is_tls(failure: BaseException) -> bool:
    return isinstance(failure.__cause__, ssl.SSLError) or isinstance(failure.__context__, ssl.SSLError)


def _wished(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """Seconds that Retry-After names, by number or by date; None where there is none to read."""
    text = next((value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), "")
    if text.isascii() and text.isdigit():
        return int(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0, int(moment.timestamp() - time.time()))


class _FixedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever the host is called; all of it ends at one moment."""

    def __init__(self, addresses: Sequence[Address], ends: float) -> None:
        self._addresses = addresses
        self._ends = ends
        self._network = httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:  # noqa: ARG002
        """Each address has its share of what is left, so that a silent one leaves time for the others."""
        failure: Exception | None = None
        addresses = self._addresses[:_MOST_ADDRESSES]
        for tried, address in enumerate(addresses):
            share = _left(self._ends) / (len(addresses) - tried)
            try:
                stream = self._network.connect_tcp(str(address), port, share)
                return _TimedStream(stream, self._ends)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every step has what is left of the time, so that dripping bytes prolong nothing."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream = stream
        self._ends = ends

    def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends))

    def write(self, buffer: bytes, *_: Any, **__: Any) -> None:
        self._stream.write(buffer, _left(self._ends))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: Any, **__: Any
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, _left(self._ends)), self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("out of time")
    return left

"""A JSON-RPC client: batches, timeouts, and one policy for repeating reads.

Reads are repeated when the connection fails, because asking twice changes nothing. What changes something (sending a
transaction, moving a local chain's clock) is tried once; whoever sends knows how to find out what became of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from ..domain.hashing import from_hex, hex0x
from ..errors import Unavailable
from .codec import explain_revert

_BATCH = 100  # calls in one request; public nodes take no more
_ATTEMPTS = 3
_PAUSE = 0.1  # seconds before the second attempt, doubled before each further one
_READS = ("eth_get", "eth_call", "eth_chainId", "eth_blockNumber", "eth_gasPrice", "eth_estimateGas", "web3_", "net_")

Call = tuple[Any, ...]  # the method, then its parameters


class RpcRefused(Unavailable):
    """The node answered with an error. `code` and `reason` are the node's, `data` what a revert returned."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        self.code = int(error.get("code", 0))
        self.reason = str(error.get("message", "no message"))
        self.data = _revert_data(error)
        shown = explain_revert(self.data) if self.data else self.reason
        super().__init__(f"The chain refused {method}: {shown}.")


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header. `time` is seconds since 1970 UTC, `base_fee` wei (0 before London)."""

    number: int
    hash: str
    parent_hash: str
    time: int
    gas_limit: int
    base_fee: int

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Block:
        return cls(
            number=int(value["number"], 16),
            hash=value["hash"],
            parent_hash=value["parentHash"],
            time=int(value["timestamp"], 16),
            gas_limit=int(value["gasLimit"], 16),
            base_fee=int(value.get("baseFeePerGas") or "0x0", 16),
        )


class Rpc:
    """One node. Every method raises Unavailable if it cannot be reached, RpcRefused if it answers with an error.

    Errors are shown to anyone, and providers put keys into their URLs: errors name the node by `place`, never by `url`.
    """

    def __init__(self, url: str, *, timeout: float = 20.0) -> None:
        self.url = url
        self.place = place_of(url)
        self._client = httpx.Client(timeout=timeout, headers={"content-type": "application/json"})

    def close(self) -> None:
        self._client.close()

    def hide(self, text: str) -> str:
        """The text without the URL's secret parts, should it hold the URL."""
        return text.replace(self.url, self.place)

    def call(self, method: str, *params: Any) -> Any:
        (answer,) = self.batch([(method, *params)])
        if isinstance(answer, RpcRefused):
            raise answer
        return answer

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The answers in the order of the calls; a call that the node refused stands as its RpcRefused."""
        answers: list[Any] = []
        for start in range(0, len(calls), _BATCH):
            answers += self._request(calls[start : start + _BATCH])
        return answers

    def batch_all(self, calls: Sequence[Call]) -> list[Any]:
        """The same, where one refusal spoils all. Raises the first RpcRefused."""
        answers = self.batch(calls)
        for answer in answers:
            if isinstance(answer, RpcRefused):
                raise answer
        return answers

    # --- what is asked for often -------------------------------------------------------------------------------------

    def chain_id(self) -> int:
        return int(self.call("eth_chainId"), 16)

    def client_version(self) -> str:
        return str(self.call("web3_clientVersion"))

    def block(self, number: int | str) -> Block | None:
        """The block by number or tag (`latest`), None where the chain has none."""
        value = self.call(*block_call(number))
        return Block.from_json(value) if value else None

    def latest(self) -> Block:
        block = self.block("latest")
        if block is None:
            raise Unavailable(f"The chain at {self.place} has no block yet.", remedy="Wait for its first block.")
        return block

    def code(self, address: str) -> bytes:
        return from_hex(self.call("eth_getCode", address, "latest"))

    def nonce(self, address: str, tag: str = "latest") -> int:
        return int(self.call("eth_getTransactionCount", address, tag), 16)

    def balance(self, address: str) -> int:
        """Wei."""
        return int(self.call("eth_getBalance", address, "latest"), 16)

    def read(self, to: str, data: bytes, block: int | str = "latest") -> bytes:
        """What a view returns, ABI-encoded."""
        return from_hex(self.call("eth_call", {"to": to, "data": hex0x(data)}, tag_of(block)))

    def send_raw(self, raw: bytes) -> str:
        """Broadcasts a signed transaction; its hash."""
        return str(self.call("eth_sendRawTransaction", hex0x(raw)))

    def receipt(self, tx_hash: str) -> dict[str, Any] | None:
        value: dict[str, Any] | None = self.call("eth_getTransactionReceipt", tx_hash)
        return value

    def wait_for_receipt(self, tx_hash: str, *, seconds: float = 60.0) -> dict[str, Any]:
        """Waits until the transaction is mined. Raises Unavailable if it is not in time."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            receipt = self.receipt(tx_hash)
            if receipt is not None:
                found.append(receipt)
            return bool(found)

        if not wait_until(look, seconds=seconds):
            raise Unavailable(
                f"Transaction {tx_hash} was not mined within {seconds:g} seconds.",
                remedy="Look at the chain's gas price and whether it makes blocks, then try again.",
            )
        return found[0]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _request(self, calls: Sequence[Call]) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": number, "method": call[0], "params": list(call[1:])}
            for number, call in enumerate(calls)
        ]
        attempts = _ATTEMPTS if all(call[0].startswith(_READS) for call in calls) else 1
        # A single call goes alone: some nodes do not take a batch of one.
        answer = self._post(body if len(body) > 1 else body[0], attempts)
        entries = answer if isinstance(answer, list) else [answer]
        by_id = {entry.get("id"): entry for entry in entries if isinstance(entry, dict)}
        return [self._result(by_id, number, call) for number, call in enumerate(calls)]

    def _result(self, by_id: dict[Any, dict[str, Any]], number: int, call: Call) -> Any:
        entry = by_id.get(number)
        if entry is None and None in by_id:  # an error that concerns the whole request
            entry = by_id[None]
        if entry is None or ("error" not in entry and "result" not in entry):
            raise Unavailable(f"The chain at {self.place} left {call[0]} without an answer.", remedy="Try again.")
        if entry.get("error"):
            return RpcRefused(call[0], self._without_url(entry["error"]))
        return entry["result"]

    def _without_url(self, error: Any) -> dict[str, Any]:
        """The node's error, which may quote the URL."""
        known = error if isinstance(error, dict) else {"message": error}
        return {**known, "message": self.hide(str(known.get("message", "no message")))}

    def _post(self, body: Any, attempts: int) -> Any:
        for attempt in range(attempts):
            try:
                response = self._client.post(self.url, json=body)
                if response.status_code < 500:
                    return response.json()
                failure: str = f"HTTP status {response.status_code}"
            except httpx.TransportError as error:
                failure = self.hide(str(error)) or type(error).__name__
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                failure = type(error).__name__  # their texts quote parts of the URL, or of what came
            if attempt + 1 < attempts:
                time.sleep(_PAUSE * 2**attempt)
        raise Unavailable(
            f"The chain at {self.place} does not answer ({failure}).",
            remedy="Check that it runs and that its address is right.",
        )


def place_of(url: str) -> str:
    """Scheme, host and port of a URL: all of it that may be shown."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        return "an address that is none"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{port}" if port else f"{parts.scheme}://{shown}"


def block_call(number: int | str) -> Call:
    """The call that reads a block's header."""
    return ("eth_getBlockByNumber", tag_of(number), False)


def tag_of(block: int | str) -> str:
    return hex(block) if isinstance(block, int) else block


def wait_until(condition: Callable[[], bool], *, seconds: float, pause: float = 0.02) -> bool:
    """Whether the condition came true in time. The pauses grow from `pause` to half a second."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    return True


def _revert_data(error: dict[str, Any]) -> bytes:
    """Nodes put it into `data`, plain or inside an object."""
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return from_hex(data)
        except ValueError:
            return b""
    return b""

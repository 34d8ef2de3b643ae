"""The ways in which a node is bad, by name: to the connection, to what is sent, and to what is read."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from random import Random
from typing import Any

from ledger_service.domain.hashing import from_hex, hex0x, keccak

from .proxy import Answer, Call, Fault, Lie, reply

_SEND = ("eth_sendRawTransaction",)
_RECEIPT = ("eth_getTransactionReceipt",)
_BLOCK = ("eth_getBlockByNumber",)
_LOGS = ("eth_getLogs",)
_NONCE = ("eth_getTransactionCount",)
_HANGS = 4.0  # seconds: longer than the service waits in these tests

# --- the connection --------------------------------------------------------------------------------------------------


def _hang(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    time.sleep(_HANGS)
    handler.close_connection = True


def _cut(handler: BaseHTTPRequestHandler, whole: bytes) -> None:
    handler.send_response(200)
    handler.send_header("content-length", str(len(whole)))
    handler.end_headers()
    handler.wfile.write(whole[: len(whole) // 2])
    handler.close_connection = True


def _close(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.close_connection = True


def _status(code: int, body: bytes) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    return lambda handler, _: reply(handler, code, body)


_TOO_MANY = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"too many requests"}}'


def wire_faults() -> list[Fault]:
    return [
        Fault("hangs", wire=_hang, times=2),
        Fault("cuts its answer", wire=_cut),
        Fault("closes without an answer", wire=_close),
        Fault("answers 500", wire=_status(500, b"oops")),
        Fault("answers 503 in HTML", wire=_status(503, b"<html>busy</html>")),
        Fault("answers 429", wire=_status(429, _TOO_MANY)),
        Fault("answers what is no JSON", wire=_status(200, b"<html>welcome</html>")),
        Fault("answers an empty object", wire=_status(200, b"{}")),
        Fault("is slow", seconds=0.3),
    ]


# --- what is sent ----------------------------------------------------------------------------------------------------


def _swallow(call: Call) -> Answer:
    """Says yes, and does nothing."""
    return {"result": hex0x(keccak(from_hex(call["params"][0])))}


def _deny(message: str) -> Lie:
    """Answers an error though it was sent."""
    return lambda _call, answer: {
        "jsonrpc": "2.0",
        "id": answer["id"],
        "error": {"code": -32000, "message": message},
    }


def sending_faults() -> list[Fault]:
    return [
        Fault("swallows what is sent", _SEND, instead=_swallow),
        Fault("takes what is sent and answers an error", _SEND, lie=_deny("internal error")),
        Fault("takes what is sent and says the nonce is too low", _SEND, lie=_deny("nonce too low")),
        Fault("says of everything that it is known", _SEND, instead=lambda _: _error("already known")),
        Fault("refuses what is sent as underpriced", _SEND, instead=lambda _: _error("transaction underpriced")),
        Fault("refuses what is sent, its pool being full", _SEND, instead=lambda _: _error("txpool is full")),
        Fault("says that another hash was sent", _SEND, lie=_result(lambda value, _: "0x" + "ab" * 32)),
    ]


def _error(message: str) -> Answer:
    return {"error": {"code": -32000, "message": message}}


# --- what is read ----------------------------------------------------------------------------------------------------


def _result(change: Callable[[Any, Call], Any]) -> Lie:
    """Another result than the true one, where there is a true one."""

    def lie(call: Call, answer: Answer) -> Answer:
        if answer.get("result") is None:
            return answer
        return {**answer, "result": change(copy.deepcopy(answer["result"]), call)}

    return lie


def _with(**fields: Any) -> Callable[[Any, Call], Any]:
    return lambda value, _: {**value, **fields}


def _moved(name: str, by: int) -> Callable[[Any, Call], Any]:
    return lambda value, _: {**value, name: hex(max(int(value[name], 16) + by, 0))}


def _number(by: int) -> Callable[[Any, Call], Any]:
    return lambda value, _: hex(max(int(value, 16) + by, 0))


def _newest(by: int) -> Lie:
    """Lies about the newest block alone: an older one is known, or one is claimed that nobody has."""

    def lie(call: Call, answer: Answer) -> Answer:
        if call["params"][0] != "latest" or answer.get("result") is None:
            return answer
        number = max(int(answer["result"]["number"], 16) + by, 0)
        word = "0x" + "cd" * 32
        return {**answer, "result": {**answer["result"], "number": hex(number), "hash": word}}

    return lie


def _numbered(change: Callable[[Any, Call], Any]) -> Lie:
    """Lies about blocks that are asked for by their number."""
    told = _result(change)
    return lambda call, answer: answer if call["params"][0] == "latest" else told(call, answer)


def _others_after_the_first(value: Any, _: Call) -> Any:
    """A chain that has only its beginning in common with the true one."""
    return value if int(value["number"], 16) == 0 else {**value, "hash": hex0x(keccak(from_hex(value["hash"])))}


def _half(rng: Random) -> Callable[[Any, Call], Any]:
    return lambda logs, _: [log for log in logs if rng.random() < 0.5]


def _foreign(logs: Any, _: Call) -> Any:
    """Logs of a contract that is none of ours, with our events' topics."""
    return logs + [{**log, "address": "0x" + "77" * 20, "logIndex": hex(999)} for log in logs]


def _shuffled(rng: Random) -> Callable[[Any, Call], Any]:
    return lambda logs, _: rng.sample(logs, len(logs))


def _garbled(logs: Any, _: Call) -> Any:
    return [{**log, "data": log["data"][:-2] + ("00" if log["data"][-2:] != "00" else "01")} for log in logs]


def reading_faults(rng: Random) -> list[Fault]:
    return [
        Fault("hides receipts", _RECEIPT, lie=lambda _call, answer: {**answer, "result": None}),
        Fault("says that receipts failed", _RECEIPT, lie=_result(_with(status="0x0"))),
        Fault("puts receipts into another block", _RECEIPT, lie=_result(_moved("blockNumber", -1))),
        Fault("gives blocks another hash", _BLOCK, lie=_numbered(_with(hash="0x" + "ab" * 32))),
        Fault("has other blocks, after the first", _BLOCK, lie=_numbered(_others_after_the_first)),
        Fault("gives blocks another parent", _BLOCK, lie=_result(_with(parentHash="0x" + "ab" * 32))),
        Fault("answers an older newest block", _BLOCK, lie=_newest(-3)),
        Fault("answers a newest block of the future", _BLOCK, lie=_newest(50)),
        Fault("has no blocks", _BLOCK, lie=lambda _call, answer: {**answer, "result": None}),
        Fault("says another chain id", ("eth_chainId",), lie=_result(lambda value, _: hex(1))),
        Fault("hides all logs", _LOGS, lie=_result(lambda logs, _: [])),
        Fault("hides half of the logs", _LOGS, lie=_result(_half(rng))),
        Fault("doubles logs", _LOGS, lie=_result(lambda logs, _: logs + logs)),
        Fault("shuffles logs", _LOGS, lie=_result(_shuffled(rng))),
        Fault("adds logs of others", _LOGS, lie=_result(_foreign)),
        Fault("garbles logs", _LOGS, lie=_result(_garbled)),
        Fault("refuses to list logs", _LOGS, instead=lambda _: _error("query exceeds limits")),
        Fault("says nonces that are too low", _NONCE, lie=_result(_number(-2))),
        Fault("says nonces that are too high", _NONCE, lie=_result(_number(3))),
        Fault("says a gas price of nothing", ("eth_gasPrice",), lie=_result(lambda value, _: "0x0")),
        Fault("says a gas price beyond reason", ("eth_gasPrice",), lie=_result(lambda value, _: hex(10**21))),
    ]

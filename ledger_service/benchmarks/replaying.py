"""A node for readers of a past that none has executed: events and heads of `history.py` it answers from the database,
and everything else as the chain behind it does.

python -m ledger_service.benchmarks.replaying PORT CHAIN DATABASE FIRST LAST
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from ..chain.heads import RECORDED
from ..domain.hashing import ZERO_WORD, hex0x
from ..store.audit_reads import events_between
from ..store.chain_facts import cases_by_id
from ..store.database import Database

_WORD = 32
_TIMEOUT = 60.0


class Replaying:
    """`first` to `last` are the blocks of that past."""

    def __init__(self, chain: str, database: str, first: int, last: int) -> None:
        self._chain = httpx.Client(base_url=chain, timeout=_TIMEOUT)
        self._database = Database(database)
        self._first, self._last = first, last

    def answer(self, raw: bytes) -> bytes:
        call = json.loads(raw)
        theirs = self._chain.post("", content=raw, headers={"content-type": "application/json"})
        if isinstance(call, list) or "error" in (said := theirs.json()):
            return theirs.content
        if call["method"] == "eth_getLogs":
            said["result"] = self._logs(call["params"][0], said["result"])
        elif call["method"] == "eth_call" and "to" not in call["params"][0]:
            said["result"] = hex0x(self._heads(bytes.fromhex(call["params"][0]["data"][2:]), said["result"]))
        return json.dumps(said).encode()

    def _logs(self, query: dict[str, Any], theirs: list[Any]) -> list[Any]:
        first, last = (int(query[name], 16) for name in ("fromBlock", "toBlock"))
        with self._database.read() as session:
            kept = events_between(session, max(first, self._first), min(last, self._last), name="Recorded")
        logs = theirs + [self._log(query["address"], event) for event in sorted(kept)]
        return sorted(logs, key=_place_of) if theirs else logs

    @staticmethod
    def _log(address: str, event: Any) -> dict[str, Any]:
        args = json.loads(event.args)
        return {
            "address": address,
            "topics": [RECORDED, args["caseId"], "0x" + "0" * 24 + args["actor"][2:].lower()],
            "data": args["commitment"] + args["entry"][2:],
            "blockNumber": hex(event.block_number),
            "blockHash": event.block_hash,
            "transactionHash": event.tx_hash,
            "transactionIndex": "0x0",
            "logIndex": hex(event.log_index),
            "removed": False,
        }

    def _heads(self, code: bytes, theirs: str) -> bytes:
        """The chain's, and in place of those that it does not know the index's: what asks begins with the length of the
        case ids that it ends in (`chain/heads.py`)."""
        length, known = int.from_bytes(code[1:4], "big"), bytes.fromhex(theirs[2:])
        ids = [hex0x(code[start : start + _WORD]) for start in range(len(code) - length, len(code), _WORD)]
        with self._database.read() as session:
            cases = cases_by_id(session, ids)
        heads = [known[start : start + _WORD] for start in range(0, length, _WORD)]
        return b"".join(
            head if head != ZERO_WORD or case_id not in cases else bytes.fromhex(cases[case_id]["head"][2:])
            for case_id, head in zip(ids, heads, strict=True)
        )


def _place_of(log: dict[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def main(port: str, chain: str, database: str, first: str, last: str) -> None:
    replaying = Replaying(chain, database, int(first), int(last))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._say(b"{}")

        def do_POST(self) -> None:
            self._say(replaying.answer(self.rfile.read(int(self.headers["content-length"]))))

        def _say(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    ThreadingHTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

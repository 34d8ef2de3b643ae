"""The audit's first stage on a real chain, asked directly and through a node that lies about events."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from ledger_service.benchmarks.cases import Play, each
from ledger_service.benchmarks.lab import Lab
from ledger_service.chain.abi import LEDGER
from ledger_service.chain.codec import encode_register_parties, encode_register_policy
from ledger_service.chain.event_stream import log_ranges
from ledger_service.chain.heads import RECORDED, heads_of
from ledger_service.chain.rpc import Rpc
from ledger_service.domain.hashing import ZERO_WORD, from_hex, hex0x
from ledger_service.domain.vocabulary import Kind, Mode, Role
from ledger_service.errors import Unavailable
from ledger_service.services.chain_audit import ChainReport, HeadAudit, audit_heads, links_among
from ledger_service.services.policies import shipped_policies

Logs = list[dict[str, Any]]
STEPS = ((Kind.AUTHORISED, Role.MERCHANT), (Kind.PICKED_UP, Role.CARRIER), (Kind.RECEIVED, Role.WAREHOUSE))
CASES, EACH = 4, 1 + len(STEPS)
STRANGE = "0x" + "ab" * 32


@dataclass
class Recorded:
    """A chain on which four cases went the same way, with the blocks that hold their events."""

    url: str
    ledger: str
    cases: list[str]
    first: int
    last: int

    def audit(self, url: str | None = None, last: int | None = None) -> ChainReport:
        rpc = Rpc(url or self.url)
        try:
            return audit_heads(rpc, self.ledger, self.first, self.last if last is None else last)
        finally:
            rpc.close()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    with Lab(tmp_path_factory.mktemp("recorded")) as lab:
        policy = shipped_policies().by_code("eu-14")
        lab.send_data(LEDGER, encode_register_policy(policy))
        play = Play(lab, policy.id())
        lab.send_data(LEDGER, encode_register_parties(play.parties))
        rpc = lab._chain.rpc
        first = rpc.latest().number
        cases = each(CASES, lambda name: play.prepare(name, Mode.NONE), "case")
        play.reach(cases, *STEPS)
        ids = [hex0x(case.id) for case in cases]
        yield Recorded(lab._chain.url, lab.at[LEDGER], ids, first, rpc.latest().number)


Change = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]  # of a call and its answer


@contextmanager
def relay(target: str, change: Change, *, batches: bool = False) -> Iterator[str]:
    """A node that answers what `change` makes of the true answers to single calls, or to those in batches too."""

    def changed(call: Any, answer: Any) -> Any:
        if isinstance(call, dict):
            return change(call, answer)
        asked = {one["id"]: one for one in call}
        return [change(asked[one["id"]], one) for one in answer] if batches else answer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            answer = httpx.post(target, content=raw, headers={"content-type": "application/json"}).json()
            call = json.loads(raw)
            body = json.dumps(changed(call, answer)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def logs_as(change: Callable[[Logs], Logs]) -> Change:
    def changed(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_getLogs":
            return answer
        return {**answer, "result": change(copy.deepcopy(answer["result"]))}

    return changed


def of_case(logs: Logs, case_id: str) -> Logs:
    return [log for log in logs if log["topics"][1] == case_id]


def details(report: ChainReport) -> list[str]:
    return [problem.detail for problem in report.problems]


# --- all is well -----------------------------------------------------------------------------------------------------


def test_audit_heads_of_untouched_chain_agrees(recorded: Recorded) -> None:
    done: list[int] = []
    rpc = Rpc(recorded.url)
    report = audit_heads(rpc, recorded.ledger, recorded.first, recorded.last, done.append)
    rpc.close()
    assert (report.events, report.cases, report.problems) == (CASES * EACH, CASES, [])
    assert sum(done) == recorded.last - recorded.first + 1


def test_audit_heads_of_chain_that_went_on_meanwhile_agrees(recorded: Recorded) -> None:
    """The contract's heads are those of its newest block: what came after the last block read is read as well."""
    report = recorded.audit(last=recorded.last - 2)
    assert (report.events, report.cases, report.problems) == (CASES * (EACH - 2), CASES, [])


def test_heads_of_asks_for_many_at_once(recorded: Recorded) -> None:
    """More than fit into one call, known and unknown; the same as asked for one by one."""
    calls = []

    def refuse_code(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        calls.append(call)
        return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32602, "message": "to: missing"}}

    known, rpc = [from_hex(case_id) for case_id in recorded.cases], Rpc(recorded.url)
    asked = known + [number.to_bytes(32, "big") for number in range(800)]
    heads = heads_of(rpc, recorded.ledger, asked)
    rpc.close()
    assert set(heads[len(known) :]) == {ZERO_WORD}
    assert len({*heads[: len(known)], ZERO_WORD}) == CASES + 1
    with relay(recorded.url, refuse_code) as url:
        slow = Rpc(url)
        assert heads_of(slow, recorded.ledger, asked) == heads
        slow.close()
    assert len(calls) == 2


def test_head_audit_lets_go_of_heads_that_the_contract_has(recorded: Recorded) -> None:
    """However many cases there were before, it holds few; and what comes for one of them later is told."""
    rpc = Rpc(recorded.url)
    query = {"address": recorded.ledger, "topics": [RECORDED]}
    logs = [log for read in log_ranges(rpc, query, recorded.first, recorded.last) for log in read.logs]
    links, _ = links_among(logs, recorded.ledger, recorded.first, recorded.last)
    heads = HeadAudit(rpc, recorded.ledger, held=1)
    for case_id in recorded.cases:
        heads.add([link for link in links if hex0x(link[:32]) == case_id])
        assert len(heads._heads) <= 1
    assert (heads.cases, list(heads.problems(recorded.first, recorded.last))) == (CASES, [])
    heads.add(links[-1:])
    (problem,) = heads.problems(recorded.first, recorded.last)
    assert problem.case_id == hex0x(links[-1][:32])
    rpc.close()


# --- until an event is changed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", range(EACH))
def test_withheld_event_is_named(recorded: Recorded, position: int) -> None:
    case_id = recorded.cases[1]

    def withhold(logs: Logs) -> Logs:
        return [log for log in logs if (log["topics"][1], int(log["data"][-6:], 16)) != (case_id, position)]

    with relay(recorded.url, logs_as(withhold)) as url:
        report = recorded.audit(url)
    assert [problem.case_id for problem in report.problems] == [case_id]
    assert f"the event at position {position} is missing" in details(report)[0]


def test_reordered_events_are_named(recorded: Recorded) -> None:
    """Two events of a case change places, each with a block and log of its own as if it had always been there."""
    case_id = recorded.cases[2]

    def swap(logs: Logs) -> Logs:
        some = of_case(logs, case_id)
        if len(some) == EACH:
            for name in ("topics", "data"):
                some[1][name], some[2][name] = some[2][name], some[1][name]
        return logs

    with relay(recorded.url, logs_as(swap)) as url:
        report = recorded.audit(url)
    assert [problem.case_id for problem in report.problems] == [case_id]
    assert "the events are out of their order" in details(report)[0]


def test_events_answered_out_of_order_are_named(recorded: Recorded) -> None:
    with relay(recorded.url, logs_as(lambda logs: logs[::-1])) as url:
        report = recorded.audit(url)
    assert any("out of its order (block " in detail for detail in details(report))


def test_event_answered_twice_is_named(recorded: Recorded) -> None:
    with relay(recorded.url, logs_as(lambda logs: logs[:1] + logs)) as url:
        report = recorded.audit(url)
    assert "answers with an event Recorded twice" in details(report)[0]
    assert "the event at position 0 is there twice" in details(report)[1]
    assert {problem.case_id for problem in report.problems} == {recorded.cases[0]}


def test_event_that_comes_again_later_is_named(recorded: Recorded) -> None:
    case_id = recorded.cases[0]

    def repeat(logs: Logs) -> Logs:
        again = {**of_case(logs, case_id)[1], "blockNumber": logs[-1]["blockNumber"], "logIndex": "0xffff"}
        return [*logs, again]

    with relay(recorded.url, logs_as(repeat)) as url:
        report = recorded.audit(url)
    assert [problem.case_id for problem in report.problems] == [case_id]
    assert "the event at position 1 is there twice" in details(report)[0]


def test_event_of_a_case_that_is_none_is_named(recorded: Recorded) -> None:
    def invent(logs: Logs) -> Logs:
        if not logs:
            return logs
        last = {**logs[-1], "topics": [RECORDED, STRANGE, logs[-1]["topics"][2]], "logIndex": "0xffff"}
        return [*logs, last]

    with relay(recorded.url, logs_as(invent)) as url:
        report = recorded.audit(url)
    assert [problem.case_id for problem in report.problems] == [STRANGE]
    assert "the contract does not know the case" in details(report)[0]


@pytest.mark.parametrize(("start", "end"), [(2, 4), (66, 68), (68, 78)], ids=["commitment", "entry", "flags"])
def test_event_with_another_content_is_named(recorded: Recorded, start: int, end: int) -> None:
    case_id = recorded.cases[3]

    def change(logs: Logs) -> Logs:
        log = of_case(logs, case_id)[0]
        log["data"] = log["data"][:start] + "f" * (end - start) + log["data"][end:]
        return logs

    with relay(recorded.url, logs_as(change)) as url:
        report = recorded.audit(url)
    assert [problem.case_id for problem in report.problems] == [case_id]
    assert "an event is not the one that the contract recorded" in details(report)[0]


def test_event_of_another_contract_is_no_record(recorded: Recorded) -> None:
    def move(logs: Logs) -> Logs:
        return [{**logs[0], "address": "0x" + "11" * 20}, *logs[1:]]

    with relay(recorded.url, logs_as(move)) as url:
        report = recorded.audit(url)
    assert "the event at position 0 is missing" in details(report)[0]


def test_node_that_answers_otherwise_the_second_time_is_named(recorded: Recorded) -> None:
    asked = []

    def lie_once(logs: Logs) -> Logs:
        asked.append(logs)
        return logs[1:] if len(asked) == 1 else logs

    with relay(recorded.url, logs_as(lie_once)) as url:
        report = recorded.audit(url)
    assert "asked again, the chain answers with other events" in details(report)[0]


# --- nodes that are difficult ----------------------------------------------------------------------------------------


def test_node_that_answers_one_block_at_a_time_is_asked_so(recorded: Recorded) -> None:
    def refuse(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getLogs" and call["params"][0]["fromBlock"] != call["params"][0]["toBlock"]:
            return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32005, "message": "too many blocks"}}
        return answer

    with relay(recorded.url, refuse) as url:
        report = recorded.audit(url)
    assert (report.events, report.problems) == (CASES * EACH, [])


@pytest.mark.parametrize(
    "wrong",
    [1, {}, {"topics": [RECORDED]}, {"topics": [RECORDED], "address": 1}, {"data": "0x00"}, {"blockNumber": "later"}],
    ids=["number", "empty", "topics", "address", "data", "block"],
)
def test_node_that_answers_no_logs_is_unavailable(recorded: Recorded, wrong: Any) -> None:
    def change(logs: Logs) -> Logs:
        whole = isinstance(wrong, dict) and "topics" not in wrong and wrong
        return [{**logs[0], **wrong} if whole else wrong, *logs[1:]]

    with relay(recorded.url, logs_as(change)) as url, pytest.raises(Unavailable, match="logs that are none"):
        recorded.audit(url)


def test_answer_that_is_none_is_asked_for_again(recorded: Recorded) -> None:
    """An answer that is no plain one is asked for once more in the common way."""
    asked = []

    def garble_once(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_getLogs":
            return answer
        asked.append(call)
        return {"busy": True} if len(asked) == 1 else answer

    with relay(recorded.url, garble_once) as url:
        assert recorded.audit(url).problems == []
    assert len(asked) == 2

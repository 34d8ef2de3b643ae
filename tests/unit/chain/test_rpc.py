"""The client against a real HTTP server that answers as bad nodes do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode

from ledger_service.chain.rpc import Rpc, RpcRefused, place_of, wait_until
from ledger_service.domain.hashing import hex0x, keccak
from ledger_service.errors import Unavailable

Answer = Callable[[Any], tuple[int, Any]]


class Node:
    """A server whose answers a test gives one after the other; the last one is given for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[Any] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                node.requests.append(request)
                answer = node.answers.pop(0) if len(node.answers) > 1 else node.answers[0]
                status, body = answer(request)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()
    thread = threading.Thread(target=node.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield node
    node.server.shutdown()
    node.server.server_close()
    thread.join()


@pytest.fixture
def rpc(node: Node) -> Iterator[Rpc]:
    rpc = Rpc(node.url)
    yield rpc
    rpc.close()


def _result(value: Any) -> Answer:
    return lambda request: (200, {"jsonrpc": "2.0", "id": request["id"], "result": value})


def _error(**error: Any) -> Answer:
    return lambda request: (200, {"jsonrpc": "2.0", "id": request["id"], "error": error})


def test_call_without_a_server_is_unavailable() -> None:
    rpc = Rpc("http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="does not answer") as caught:
        rpc.chain_id()
    assert caught.value.remedy
    rpc.close()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://user:secret@node.example/v3/secret?key=secret#secret", "https://node.example"),
        ("http://secret@127.0.0.1:8545/secret", "http://127.0.0.1:8545"),
        ("http://[::1]:8545/secret", "http://[::1]:8545"),
        ("http://node.example:secret/", "an address that is none"),
        ("secret", "an address that is none"),
        ("http://[secret", "an address that is none"),
    ],
)
def test_place_of_a_url_holds_no_secret(url: str, place: str) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "answer",
    [
        (500, b""),
        (200, b"secret"),
        (200, []),
        (200, {"id": 0, "error": {"code": 1, "message": "no {url}"}}),
        (200, {"id": 0, "error": "no {url}"}),
        (200, {"id": 0, "result": None}),
    ],
)
def test_errors_show_nothing_secret_of_the_url(node: Node, answer: tuple[int, Any]) -> None:
    url = node.url.replace("://", "://user:secret@") + "/v3/secret?key=secret"
    status, body = answer
    if not isinstance(body, bytes):
        body = json.loads(json.dumps(body).replace("{url}", url))
    node.answers = [lambda _: (status, body)]
    rpc = Rpc(url)
    with pytest.raises(Unavailable) as caught:
        rpc.latest()
    rpc.close()
    assert "secret" not in str(caught.value)
    assert node.url in str(caught.value) or isinstance(caught.value, RpcRefused)


@pytest.mark.parametrize(
    "url", ["http://node.example:secret/", "secret", "http://127.0.0.1:9/secret", "ftp://a/secret"]
)
def test_errors_of_a_url_that_leads_nowhere_do_not_show_it(url: str) -> None:
    rpc = Rpc(url)
    with pytest.raises(Unavailable) as caught:
        rpc.send_raw(b"")
    rpc.close()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("answer", [(500, b""), (200, b"<html>"), (200, {"id": 7}), (200, {}), (200, [])])
def test_call_with_no_proper_answer_is_unavailable(node: Node, rpc: Rpc, answer: tuple[int, Any]) -> None:
    node.answers = [lambda _: answer]
    with pytest.raises(Unavailable):
        rpc.call("eth_sendRawTransaction", "0x")


def test_call_repeats_a_read(node: Node, rpc: Rpc) -> None:
    node.answers = [lambda _: (503, b""), _result("0x5")]
    assert rpc.chain_id() == 5
    assert len(node.requests) == 2


def test_call_sends_what_changes_something_once(node: Node, rpc: Rpc) -> None:
    node.answers = [lambda _: (503, b""), _result("0x5")]
    with pytest.raises(Unavailable):
        rpc.send_raw(b"\x01")
    assert len(node.requests) == 1


def test_call_refused_names_the_nodes_reason(node: Node, rpc: Rpc) -> None:
    node.answers = [_error(code=-32000, message="nonce too low")]
    with pytest.raises(RpcRefused, match="refused eth_sendRawTransaction: nonce too low") as caught:
        rpc.send_raw(b"\x01")
    assert (caught.value.code, caught.value.reason) == (-32000, "nonce too low")


@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: {"data": data}, lambda data: {"result": data}])
def test_call_reverted_names_the_contracts_error(node: Node, rpc: Rpc, wrap: Callable[[str], Any]) -> None:
    data = hex0x(keccak(b"DeadlineAhead(uint40)")[:4] + abi_encode(["uint40"], [1_700_000_000]))
    node.answers = [_error(code=3, message="execution reverted", data=wrap(data))]
    with pytest.raises(RpcRefused, match=r"DeadlineAhead\(1700000000\)"):
        rpc.read("0x" + "11" * 20, b"")


def test_batch_gives_answers_in_the_order_of_the_calls(node: Node, rpc: Rpc) -> None:
    def shuffled(request: Any) -> tuple[int, Any]:
        answers = [{"id": call["id"], "result": call["params"][0]} for call in request]
        answers[1] = {"id": request[1]["id"], "error": {"code": 1, "message": "no"}}
        return 200, answers[::-1]

    node.answers = [shuffled]
    first, second, third = rpc.batch([("eth_getBalance", "a"), ("eth_getBalance", "b"), ("eth_getBalance", "c")])
    assert (first, third) == ("a", "c")
    assert isinstance(second, RpcRefused)
    with pytest.raises(RpcRefused):
        rpc.batch_all([("eth_getBalance", "a"), ("eth_getBalance", "b")])


def test_batch_is_cut_into_requests(node: Node, rpc: Rpc) -> None:
    node.answers = [lambda request: (200, [{"id": call["id"], "result": call["params"][0]} for call in request])]
    assert rpc.batch([("eth_getBalance", i) for i in range(250)]) == list(range(250))
    assert [len(request) for request in node.requests] == [100, 100, 50]
    assert rpc.batch([]) == []


def test_batch_refused_as_a_whole_is_refused_for_each(node: Node, rpc: Rpc) -> None:
    node.answers = [lambda _: (200, {"id": None, "error": {"code": -32005, "message": "too many"}})]
    assert all(isinstance(answer, RpcRefused) for answer in rpc.batch([("eth_chainId",), ("eth_chainId",)]))


def test_wait_until_gives_up() -> None:
    assert not wait_until(lambda: False, seconds=0.01)
    assert wait_until(lambda: True, seconds=0)

"""The files of the pages: small on the way, and the worker where its scope needs it."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_files_are_compressed_and_answers_are_not(client: TestClient) -> None:
    """Compressing what holds secrets beside what somebody else chose tells the secrets by the size (BREACH)."""
    for path in ("/static/status/main.js", "/lib/preact/dist/preact.mjs"):
        answer = client.get(path)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == "no-cache"
    assert "Content-Encoding" not in client.get("/openapi.json").headers


def test_worker_stands_at_the_root(client: TestClient) -> None:
    answer = client.get("/worker.js")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"

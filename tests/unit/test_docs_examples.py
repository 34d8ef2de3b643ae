"""Code that the documents give to copy does what they say."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ledger_service.webhook_sending import new_secret, signed_headers

ROOT = Path(__file__).resolve().parents[2]


def test_example_that_verifies_a_webhook(capsys: Any) -> None:
    page = (ROOT / "docs" / "merchant.md").read_text("utf-8")
    code = page.partition("<!-- verify -->\n```python\n")[2].partition("```\n<!-- /verify -->")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    secret, body = new_secret(), '{"type":"case.settled","data":{"reference":"RMA-1001"}}'
    headers = signed_headers("evt_1", int(time.time()), body, [secret])
    assert names["receive"](secret, headers, body.encode()) == 204
    assert names["receive"](secret, headers, body.encode()) == 204
    assert capsys.readouterr().out == "case.settled RMA-1001\n"
    assert names["receive"](new_secret(), headers, body.encode()) == 400
    assert names["receive"](secret, headers, body.replace("1001", "1002").encode()) == 400
    late = signed_headers("evt_2", int(time.time()) - 600, body, [secret])
    assert names["receive"](secret, late, body.encode()) == 400

"""Long exports in parts that one request takes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from .types import RefundUpload

_MOST = 200_000  # bytes of one part; the service takes 256 KiB unless its operator says otherwise
_COUNTS = ("rows", "new", "changed", "unchanged", "unclaimed", "refused")


def parts_of(provider: str, export: str | bytes) -> Iterator[tuple[int, bytes]]:
    """How many rows come before each part, and the part. Raises ValueError or csv.Error for what cannot be taken
    apart."""
    text = export.decode("utf-8-sig") if isinstance(export, bytes) else export.removeprefix("\ufeff")
    rows, head, tail, between = _csv_rows(text) if provider == "csv" else _json_rows(text)
    part: list[bytes] = []
    before = size = 0
    for number, row in enumerate(rows):
        if part and size + len(row) > _MOST:
            yield before, head + between.join(part) + tail
            before, part, size = number, [], 0
        part.append(row)
        size += len(row) + len(between)
    if part or not before:
        yield before, head + between.join(part) + tail


def _json_rows(text: str) -> tuple[list[bytes], bytes, bytes, bytes]:
    try:
        found = json.loads(text)
    except ValueError:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(found, dict):
        found = found["data"] if found.get("object") == "list" else [found]
    return [json.dumps(one).encode() for one in found], b"[", b"]", b","


def _csv_rows(text: str) -> tuple[list[bytes], bytes, bytes, bytes]:
    head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    return [_line(row) for row in rows], _line(head), b"", b""


def _line(row: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue().encode()


def together(answers: Iterable[tuple[int, Any]]) -> RefundUpload:
    """The answers to all parts as one."""
    whole: dict[str, Any] = {**dict.fromkeys(_COUNTS, 0), "problems": []}
    for before, answer in answers:
        for name in _COUNTS:
            whole[name] += answer[name]
        whole["problems"] += [{**one, "row": one["row"] + before} for one in answer["problems"]]
    return cast("RefundUpload", whole)

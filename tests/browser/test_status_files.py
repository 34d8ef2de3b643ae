"""Files that are added as evidence: judged by their content, with their place if they tell one, and hashed here."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from .conftest import OpenPage, find_axe_violations
from .dispute_statuses import STATUSES
from .stub import StubService


def exif(order: str, *tags: int) -> bytes:
    """Exif data as a JPEG has them, in either order of bytes."""
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, 0) for tag in tags)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return head + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def jpeg(data: bytes = b"") -> bytes:
    segment = b"\xff\xe1" + struct.pack(">H", len(data) + 8) + b"Exif\0\0" + data
    return b"\xff\xd8" + segment + b"\xff\xd9"


def picture(content: bytes, name: str = "corner.jpg") -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": content}


@pytest.fixture
def dialog(open_status: OpenPage) -> Page:
    page = open_status(view=STATUSES["disputed_by_you"], size="phone")
    page.get_by_role("button", name="Add evidence").click()
    page.get_by_label("What the arbitrators should know").fill("The corner was dented.")
    return page


@pytest.mark.parametrize("order", ["<", ">"])
def test_picture_that_tells_its_place_is_pointed_out(order: str, dialog: Page) -> None:
    dialog.get_by_label("Files").set_input_files(picture(jpeg(exif(order, 0x010F, 0x8825))))
    expect(dialog.get_by_role("dialog")).to_contain_text("corner.jpg says where it was taken (GPS).")
    assert find_axe_violations(dialog) == []
    dialog.get_by_label("Files").set_input_files(picture(jpeg(exif(order, 0x010F))))
    expect(dialog.get_by_role("dialog")).not_to_contain_text("GPS")


def test_kind_and_fingerprint_are_those_of_the_content(dialog: Page, stub: StubService) -> None:
    content = jpeg()
    files = [picture(content), picture(b"\x89PNG\r\n\x1a\n" + bytes(9), "scan.jpg")]
    dialog.get_by_label("Files").set_input_files(files)
    dialog.get_by_role("button", name="Add it to the record").click()
    expect(dialog.get_by_role("dialog")).to_have_count(0)
    first, second = stub.acts[0][0]["data"]["attachments"]
    assert first == {"name": "corner.jpg", "media_type": "image/jpeg", "sha256": hashlib.sha256(content).hexdigest()}
    assert second["media_type"] == "image/png"


@pytest.mark.parametrize(
    ("size", "said"),
    [(8, "corner.jpg is no picture"), (26 * 1024 * 1024, "corner.jpg has more than 25 MB")],
    ids=["no picture", "too large"],
)
def test_what_is_no_picture_or_too_large_is_not_sent(
    size: int, said: str, dialog: Page, stub: StubService, tmp_path: Path
) -> None:
    path = tmp_path / "corner.jpg"
    with path.open("wb") as file:
        file.truncate(size)
    dialog.get_by_label("Files").set_input_files(path)
    expect(dialog.get_by_role("dialog")).to_contain_text(said)
    dialog.get_by_role("button", name="Add it to the record").click()
    expect(dialog.get_by_role("dialog")).to_be_visible()
    assert stub.acts == []

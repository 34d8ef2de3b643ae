"""The acknowledgement of a withdrawal, or of any request to return goods, as a PDF.

Article 11a(4) of Directive 2011/83/EU (inserted by Directive (EU) 2023/2673): on a durable medium, with the content of
the withdrawal and the date and time of its submission. Article 11a(2) says what that content is: the consumer's name,
what identifies the contract, and where the acknowledgement is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..domain.times import from_chain
from .story import quote
from .texts import Texts, fact, parts_in
from .typesetting import Attachment, fits, typeset
from .words import inline, one_line

_SHORT = 18  # characters of a case's id in the footer


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a consumer declared, and when. Moments are seconds since 1970 UTC; what is not known is None."""

    withdrawal: bool  # by the right of withdrawal, rather than by a promise of the shop
    merchant: str
    reference: str
    refund: str
    items: tuple[tuple[int, str], ...]  # quantity and description
    submitted_at: int  # as the shop states
    received_at: int
    name: str | None = None
    email: str | None = None
    order: str | None = None
    ordered_at: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves a declaration: its record, and the acknowledgement as the service signed it (a JWS)."""

    service: str
    case_id: str
    record_id: str
    commitment: str
    signed: str


def acknowledgement_pdf(
    declared: Declaration, proof: Proof, language: str, *, link: str | None, bundle: Attachment
) -> bytes:
    """The same bytes for the same declaration and bundle: it is dated by the receipt. A bundle beyond all measure is
    left out, and the page says so."""
    receipt = Attachment(
        f"acknowledgement-{proof.case_id[2:10]}.jws", "application/jose", proof.signed, "The signed acknowledgement"
    )
    files = [receipt, bundle] if fits(receipt, bundle) else [receipt]
    proven_by = "lines" if bundle in files else "left_out"
    pages = [_page(texts, declared, proof, receipt, proven_by) for texts in parts_in(language)]
    return typeset(
        "acknowledgement",
        title=pages[0]["title"],
        author=one_line(declared.merchant),
        at=from_chain(declared.received_at),
        link=link,
        files=files,
        parts=pages,
    )


def _page(texts: Texts, declared: Declaration, proof: Proof, receipt: Attachment, proven_by: str) -> dict[str, Any]:
    words = texts["acknowledgement"]
    head = words["withdrawal" if declared.withdrawal else "return"]
    lines = words["after"]["lines" if declared.withdrawal else "return_lines"]
    made = texts.moment(declared.received_at)
    return {
        **texts.frame(),
        "kind": head["kind"],
        "title": head["title"],
        "lead": head["lead"].format(shop=inline(declared.merchant)),
        "more": head["law"],
        "scan": words["scan"],
        "foot": words["foot"].format(case=f"{proof.case_id[:_SHORT]}…", moment=made),
        "when": {"title": words["when"]["title"], "rows": _when(texts, declared)},
        "content": {
            "title": words["content"]["title"],
            "rows": list(_content(texts, declared)),
            "said": [quote(words["content"]["reason"], declared.reason)] if declared.reason else [],
        },
        "after": {"title": words["after"]["title"], "lines": lines},
        "proof": _proof(texts, proof, receipt, proven_by),
    }


def _when(texts: Texts, declared: Declaration) -> list[dict[str, Any]]:
    words = texts["acknowledgement.when"]
    submitted, received = texts.moment(declared.submitted_at), texts.moment(declared.received_at)
    return [
        fact(words["submitted"], f"{submitted} ({words['submitted_by_shop']})", strong=True),
        fact(words["received"], f"{received} ({words['received_by_service']})"),
    ]


def _content(texts: Texts, declared: Declaration) -> Iterator[dict[str, Any]]:
    words = texts["acknowledgement.content"]
    yield fact(words["shop"], declared.merchant, strong=True)
    ordered = texts.day(from_chain(declared.ordered_at)) if declared.ordered_at is not None else None
    known = {"name": declared.name, "email": declared.email, "order": declared.order, "ordered": ordered}
    for name, value in known.items():
        if value:
            yield fact(words[name], value, strong=name == "name")
    yield fact(words["reference"], declared.reference)
    for number, (quantity, description) in enumerate(declared.items):
        label = "" if number else words["goods"]
        yield fact(label, texts.say("bundle.item", quantity=quantity, description=one_line(description)))
    yield fact(words["refund"], declared.refund)


def _proof(texts: Texts, proof: Proof, receipt: Attachment, lines: str) -> dict[str, Any]:
    words = texts["acknowledgement.proof"]
    rows = [
        fact(words["case"], proof.case_id, code=True),
        fact(words["record"], proof.record_id, code=True),
        fact(words["commitment"], proof.commitment, code=True),
        fact(words["file"], receipt.name, code=True),
        fact(words["sha256"], hashlib.sha256(receipt.content.encode("utf-8")).hexdigest(), code=True),
        fact(words["keys"], f"{proof.service}/.well-known/jwks.json", code=True),
    ]
    return {"title": words["title"], "lines": words[lines], "rows": rows}

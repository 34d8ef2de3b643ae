"""Single rows that no case's timeline shows: what is on its way to the chain, held keys, secrets, and what refers to
nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from sqlmodel import Session

from ..chain.transactions import read_transaction
from ..domain.panels import Panel
from ..errors import LedgerError
from ..keystore import LocalSigner, decrypt_key
from ..store import audit_rows as sql
from ..store.audit_reads import shared_facts
from ..store.tables import CaseRow, EndpointSecret, HeldKey, OutboxRow, PanelRow, TransactionRow, WebhookSecret
from .app import App, keystore_password
from .audit_problems import Problem, key_of
from .webhook_endpoints import sealed_about

_BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, LedgerError)
_UNOPENED = "It cannot be opened with the master key: it, or what it is bound to, was changed."
_NO_EFFECT = "It is said to be done, and the chain shows nothing of it."
_STUCK = "It is not done, its transaction is over, and nothing looks at it again."


def row_problems(app: App, tick: Callable[[int, int], None]) -> Iterator[Problem]:
    """What is wrong with them, table by table; `tick` is told how many looks of how many are done."""
    looks = (_dangling, _outbox, _done, _transactions, _held_keys, _secrets, _panels)
    for done, look in enumerate(looks):
        tick(done, len(looks))
        yield from look(app)
    tick(len(looks), len(looks))


def _dangling(app: App) -> Iterator[Problem]:
    with app.database.read() as session:
        for table, column, row, value in sql.dangling(session):
            case_id = str(value) if column == "case_id" else None
            said = f"It refers to {value!r} by its {column}, which is not there."
            yield Problem(said, case_id=case_id, table=table, row=row, column=column)
        for address, case_id in sql.signers_without_key(session):
            said = f"The service signed for {address}, whose key it does not hold any more."
            yield Problem(said, case_id=case_id, table="held_keys", row=f"address {address}")


# --- on its way to the chain -----------------------------------------------------------------------------------------


def _outbox(app: App) -> Iterator[Problem]:
    with app.database.read() as session:
        writers = sql.writers(session)
    for session, rows in sql.parts(app.database, OutboxRow):
        records, cases = sql.records_named(session, rows), sql.cases_named(session, rows)
        roots = sql.roots_named(session, rows)
        for row in rows:
            wrong = _wrong_work(row, records.get(row.record_id or ""), cases.get(row.case_id or ""))
            root = roots.get(row.tx_hash or "")
            if row.tx_hash is not None and (root is None or root.root != root.tx_hash):
                wrong.append("tx_hash")
            elif row.writer is not None and (row.writer not in writers or (root and root.writer != row.writer)):
                wrong.append("writer")
            if wrong:
                yield _of_work(row, f"What is to be sent does not fit together: {', '.join(wrong)}.", ", ".join(wrong))


def _wrong_work(row: OutboxRow, named: tuple[str, str] | None, case: CaseRow | None) -> list[str]:
    """The columns of what is to be sent that do not fit what it is about."""
    if row.action in ("open", "act", "vote"):
        if named is None:
            return ["record_id"]
        case_id, kind = named
        action = {"requested": "open", "vote": "vote"}.get(kind, "act")
        said = {"action": action, "subject": row.record_id, "case_id": case_id}
        return [name for name, value in said.items() if getattr(row, name) != value]
    wrong = [] if row.record_id is None else ["record_id"]
    if row.case_id is not None and case is None:
        return [*wrong, "case_id"]
    fits = _SUBJECTS[row.action](row, case) if row.action in _SUBJECTS else False
    return wrong if fits else [*wrong, "action, subject"]


def _is_of_parties(row: OutboxRow, case: CaseRow | None) -> bool:
    try:
        return case is None or bool(json.loads(case.terms)["parties"] == row.subject)
    except _BROKEN:
        return True  # somebody changed the terms, which the case's checks tell


def _is_credit(row: OutboxRow, _case: CaseRow | None) -> bool:
    parts = row.subject.split(":")
    return len(parts) == 3 and all(len(part) == 42 for part in parts[:2]) and parts[2].isdigit()


def _is_turn(row: OutboxRow, _case: CaseRow | None) -> bool:
    case_id, _, length = row.subject.rpartition(":")
    return case_id == row.case_id and length.isdigit()


def _is_hash(row: OutboxRow, _case: CaseRow | None) -> bool:
    return len(row.subject) == 66


# By action, whether a row's subject can be one of it.
_SUBJECTS: dict[str, Callable[[OutboxRow, CaseRow | None], bool]] = {
    "poke": _is_turn,
    "withdraw": lambda row, _case: row.subject == row.case_id,
    "withdraw_credit": _is_credit,
    "anchor": lambda row, _case: row.subject.isdigit(),
    "register_policy": _is_hash,
    "register_parties": _is_of_parties,
    "register_panel": _is_hash,
}


def _of_work(row: OutboxRow, detail: str, column: str) -> Problem:
    return Problem(
        f"{row.action}: {detail}",
        case_id=row.case_id,
        record_id=row.record_id,
        table="outbox",
        row=key_of(row),
        column=column,
    )


def _done(app: App) -> Iterator[Problem]:
    with app.database.read() as session:
        for row in sql.done_without_effect(session):
            yield _of_work(row, _NO_EFFECT, "done")
        for row in sql.undone_behind_their_transaction(session):
            yield _of_work(row, _STUCK, "done")
        yield from _credits_done(session)
        yield from _panels_done(session)


def _credits_done(session: Session) -> Iterator[Problem]:
    for row in sql.done_by_sums(session, "withdraw_credit"):
        if _is_credit(row, None):
            account, token, credited = row.subject.split(":")
            if sql.withdrawn_credit(session, account, token) < int(credited):
                yield _of_work(row, _NO_EFFECT, "done, subject")


def _panels_done(session: Session) -> Iterator[Problem]:
    _, _, panels = shared_facts(session)
    registered = {_panel_of(row) for row in panels}
    for row in sql.done_by_sums(session, "register_panel"):
        if row.subject not in registered:
            yield _of_work(row, _NO_EFFECT, "done, subject")


def _panel_of(row: dict[str, object]) -> str | None:
    """The id of a registered panel's content; None for what somebody changed, which the chain's events tell."""
    names = {"appealPanel": "appeal_panel", "fallbackPanel": "fallback_panel"}
    try:
        arbitrators = json.loads(str(row["arbitrators"]))
        numbers = {name: row[names.get(name, name)] for name in ("threshold", "appealPanel", "fallbackPanel", "fee")}
        return Panel.from_json({"arbitrators": arbitrators, **numbers}).id()
    except _BROKEN:
        return None


def _transactions(app: App) -> Iterator[Problem]:
    for session, rows in sql.parts(app.database, TransactionRow):
        roots = sql.first_attempts(session, rows)
        for row in rows:
            wrong = _wrong_transaction(row)
            root = roots.get(row.root)
            if root is None or (root.writer, root.nonce) != (row.writer, row.nonce):
                wrong.append("root")
            if wrong:
                said = f"A transaction that was sent is not the one that was signed: {', '.join(wrong)}."
                yield Problem(said, table="transactions", row=key_of(row), column=", ".join(wrong))


def _wrong_transaction(row: TransactionRow) -> list[str]:
    """The columns that say otherwise than the signed bytes. Where those were changed, their signer is anybody."""
    try:
        signed = read_transaction(row.raw)
    except _BROKEN:
        return ["raw"]
    said = {"tx_hash": signed.hash, "writer": signed.writer, "nonce": signed.nonce, "gas_price": signed.gas_price}
    wrong = [name for name, value in said.items() if getattr(row, name) != value]
    return ["raw"] if {"tx_hash", "writer"} <= set(wrong) else wrong


# --- keys, secrets, panels -------------------------------------------------------------------------------------------


def _held_keys(app: App) -> Iterator[Problem]:
    password = keystore_password(app.settings)
    for _, rows in sql.parts(app.database, HeldKey):
        for row in rows:
            if not _is_of_its_address(row, password):
                said = "A key that the service holds is not that of its address, or cannot be opened."
                yield Problem(said, table="held_keys", row=key_of(row), column="keystore")


def _is_of_its_address(row: HeldKey, password: bytes) -> bool:
    try:
        return LocalSigner(decrypt_key(row.keystore, password)).address == row.address
    except _BROKEN:
        return False


def _secrets(app: App) -> Iterator[Problem]:
    for _, providers in sql.parts(app.database, WebhookSecret):
        for row in providers:
            if not _opens(app, f"{row.provider}:{row.account_id}", row.sealed):
                yield Problem(_UNOPENED, table="webhook_secrets", row=key_of(row), column="sealed")
    for _, endpoints in sql.parts(app.database, EndpointSecret):
        for secret in endpoints:
            if not _opens(app, sealed_about(secret), secret.sealed):
                yield Problem(_UNOPENED, table="webhook_endpoint_secrets", row=key_of(secret), column="sealed")


def _opens(app: App, about: str, sealed: bytes) -> bool:
    try:
        return bool(app.vault.open_secret(about, sealed))
    except _BROKEN:
        return False


def _panels(app: App) -> Iterator[Problem]:
    for _, rows in sql.parts(app.database, PanelRow):
        for row in rows:
            try:
                whole = Panel.from_json(json.loads(row.content)).id() == row.panel_id
            except _BROKEN:
                whole = False
            if not whole:
                said = "A panel that was asked for is not kept as it was asked for."
                yield Problem(said, table="panels", row=key_of(row), column="content")

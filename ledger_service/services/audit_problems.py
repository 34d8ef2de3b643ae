"""What an audit found: in which case and row it stands, and what that means to somebody who runs no database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

_STATEMENT = (
    "What a party stated can no longer be shown as it was signed. The chain still proves when and by whom something "
    "was stated: restore this row from a backup."
)
_READ_MODEL = (
    "Pages and answers may show the case otherwise than the chain has it. Nothing that was signed is lost: `ledger "
    "rebuild` reads the chain anew."
)
_SENDING = (
    "What was accepted may not reach the chain, or not be counted as sent: stop the workers and restore the row from a "
    "backup before a deadline passes."
)
_LOG = (
    "Scans, readings or messages can no longer be shown to have been in the log when it was anchored: restore the "
    "database from a backup."
)
_SEALED = "A secret that the service needs cannot be used any more: restore the row from a backup, or make a new one."

# By table.
MEANINGS = {
    "records": _STATEMENT,
    "votes": _STATEMENT,
    "observations": _STATEMENT,
    "log_tiles": _LOG,
    "log_checkpoints": _LOG,
    "chain_anchors": _LOG,
    "cases": "What pages show of the case is not what its parties signed: restore this row from a backup.",
    "disclosures": "A personal field can no longer be shown, or is not the one that was stated: restore it.",
    "case_keys": "The personal fields of this case can no longer be opened: restore the key from a backup.",
    "erasures": "Somebody's data was to be destroyed, and it cannot be shown that it was: erase the case again.",
    "accounts": "Somebody else than the merchant who opened the case may see it and act in it: restore the account.",
    "held_keys": "The service can no longer sign for this party, who may lose by silence: restore the key.",
    "panels": "The panel is not the one that was asked for: restore this row from a backup.",
    "outbox": _SENDING,
    "transactions": _SENDING,
    "webhook_secrets": _SEALED,
    "webhook_endpoint_secrets": _SEALED,
    "chain_cursor": "It is not known how far the chain was read: `ledger rebuild` reads it anew.",
    "chain_blocks": _READ_MODEL,
    "chain_events": _READ_MODEL,
    "chain_records": _READ_MODEL,
    "chain_refusals": _READ_MODEL,
    "chain_panels": _READ_MODEL,
    "chain_votes": _READ_MODEL,
    "chain_cases": _READ_MODEL,
    "chain_balances": _READ_MODEL,
}
# By the number of verification's check, of what stands in no table of ours.
_BY_CHECK = {
    1: _STATEMENT,
    2: "Nobody can be held to this statement: its signature is not the one that was given.",
    3: "Somebody stated what was not theirs to state.",
    4: "The statement is not on the chain as it was said to be: until it is, it has no effect.",
    5: "The node does not show the case's timeline whole: ask another node, and do not rely on this one.",
    6: "A receipt or a block does not hold: when something was said cannot be proved by it.",
    7: "Scans, readings or messages can no longer be shown to have been in the log when it was anchored.",
    8: "Money moved otherwise than the records say, or is said to have.",
}
_OTHERWISE = "Database, chain and signatures do not say the same: find out which of them was changed."


@dataclass(frozen=True, slots=True)
class Problem:
    """`table`, `row` (its key) and `column` (one or more) name a place in the database, where it is one; `check` is the
    number of the check that it belongs to."""

    detail: str
    case_id: str | None = None
    record_id: str | None = None
    position: int | None = None
    check: int | None = None
    table: str | None = None
    row: str | None = None
    column: str | None = None

    @property
    def meaning(self) -> str:
        """In words for people who run no database."""
        if self.table is not None:
            return MEANINGS.get(self.table, _OTHERWISE)
        return _BY_CHECK.get(self.check or 0, _OTHERWISE)

    def as_json(self) -> dict[str, Any]:
        """With what is known alone."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return {**known, "meaning": self.meaning}


def key_of(row: Any, *names: str) -> str:
    """How a report names a row: by its key, or by these columns."""
    keys = names or [column.name for column in type(row).__table__.primary_key.columns]
    return ", ".join(f"{name} {getattr(row, name)}" for name in keys)

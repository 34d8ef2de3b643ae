"""Which personal fields somebody may have in a bundle, by name: the one table of who may see what of a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlmodel import Session

from ..domain.disclosures import read_disclosure
from ..errors import Forbidden, InvalidInput, LedgerError, NotFound
from ..store.cases import disclosures_of, find_case
from ..store.tables import Account, CaseRow
from .accepting import case_secret
from .access import require_visible
from .act_data import WORDS, is_name_of_file
from .app import App
from .evidence import Show

ALL = "all"
_PARCEL = frozenset({"shipment.tracking_code", "location", "receipt", "message", "event"})
_DISPUTE = frozenset({*WORDS, "location", "receipt", "reference", "message", "subject"})
# What a role may be shown in a case that it may see; None: everything. The merchant has told the service all of it,
# and whoever runs the service holds its keys.
MAY_SEE: dict[str, frozenset[str] | None] = {
    "merchant": None,
    "operator": None,
    "auditor": _DISPUTE | _PARCEL | {"order.reference"},
    "arbitrator": _DISPUTE,
    "carrier": _PARCEL,
    "warehouse": _PARCEL,
    "inspector": frozenset(),
}


def may_show(role: str, name: str) -> bool:
    """Whether a role may be shown the personal field of this name. What a file is called goes with what was said."""
    allowed = MAY_SEE[role]
    if allowed is None:
        return True
    return name in allowed or ("text" in allowed and is_name_of_file(name))


def reveal_for(app: App, account: Account, case_id: str, wanted: Sequence[str]) -> Show:
    """What a bundle shows to this caller: the fields that were asked for, and `all` for all that it may see.

    Raises NotFound for a case that is not the caller's, Forbidden for a field that its role is not shown, InvalidInput
    for one that the case does not have.
    """
    with app.database.read() as session:
        case = require_visible(session, account, find_case(session, case_id))
        role = _role_in(account, case)
        for name in wanted:
            if name != ALL and not may_show(role, name):
                raise Forbidden(
                    f"A {role} is not shown the field {name!r}.",
                    field="reveal",
                    remedy="Leave it out: every check holds without it. Or ask the case's merchant for a bundle.",
                )
        _require_known(app, session, case, wanted, lambda name: may_show(role, name))
    return lambda name: (ALL in wanted or name in wanted) and may_show(role, name)


def reveal_by_name(app: App, case_id: str, wanted: Sequence[str]) -> Show:
    """The same for the operator's command line, which may show everything."""
    with app.database.read() as session:
        case = find_case(session, case_id)
        if case is None:
            raise NotFound("There is no such case.", field="case_id", remedy="Check the id.")
        _require_known(app, session, case, wanted, lambda _: True)
    return lambda name: ALL in wanted or name in wanted


def _role_in(account: Account, case: CaseRow) -> str:
    """A merchant that is named as another's party is that party alone."""
    if account.role != "merchant" or case.merchant == account.address:
        return account.role
    return next(name for name in ("carrier", "warehouse", "inspector") if getattr(case, name) == account.address)


def _require_known(app: App, session: Session, case: CaseRow, wanted: Iterable[str], may: Show) -> None:
    """Whoever asks is told the names of fields that it may be shown, and of no others."""
    named = set(wanted) - {ALL}
    if not named:
        return
    if case.erased_at is not None:
        raise InvalidInput(
            "The personal fields of this case were erased.",
            field="reveal",
            remedy="Leave it out: their fingerprints stand, and every check holds without them.",
        )
    known = names_in(app, session, case.case_id)
    if unknown := sorted(named - known):
        raise InvalidInput(
            f"This case has no personal field {unknown[0]!r}.",
            field="reveal",
            remedy=f"It has {', '.join(sorted(filter(may, known))) or 'none'} that you may be shown.",
        )


def names_in(app: App, session: Session, case_id: str) -> set[str]:
    """The names of a case's personal fields, as far as they can be opened."""
    secret, names = case_secret(app, session, case_id), set()
    for row in disclosures_of(session, case_id) if secret is not None else ():
        try:
            names.add(read_disclosure(app.vault.open(secret or b"", row.digest, row.sealed).decode()).name)
        except (LedgerError, ValueError):
            continue  # check 1 of the verification says so
    return names

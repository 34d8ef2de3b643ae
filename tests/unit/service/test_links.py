"""How long a link lives: past whatever can still happen in its case."""

from __future__ import annotations

from ledger_service.domain.vocabulary import State
from ledger_service.services.app import App
from ledger_service.services.inputs import CaseInput
from ledger_service.services.links import last_window_ends
from ledger_service.services.opening import open_case
from ledger_service.store.tables import Account, CaseRow

_CASE = {
    "reference": "R-1",
    "items": [{"sku": "1", "quantity": 1, "unit_price": "1.00"}],
    "refund": {"amount": "1.00", "currency": "GBP"},
}
_ROUNDS = 5  # first, fallback, appeal, challenge, its fallback


def test_link_outlives_the_longest_case(app: App, shop: Account) -> None:
    for policy in app.policies.all():
        opened = open_case(app, shop, CaseInput.model_validate({**_CASE, "policy": policy.code}))
        longest = sum(policy.windows.values()) + (_ROUNDS - 1) * policy.windows[State.DISPUTED] + policy.notice
        with app.database.read() as session:
            case = session.get_one(CaseRow, opened["case_id"])
            assert last_window_ends(app, case) > case.opened_at + longest + 29 * 86_400

"""Opening: whose key the consumer's may be, what a balance covers, what an import does again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from asking import account_of
from coincurve import PrivateKey
from sqlalchemy import update
from sqlmodel import col

from ledger_service.domain.signatures import address_of
from ledger_service.domain.vocabulary import Grade, State
from ledger_service.errors import Conflict, InvalidInput, Unauthenticated
from ledger_service.services.accounts import create_account, disable_account, set_webhook_secret
from ledger_service.services.app import App
from ledger_service.services.importing import import_online_retail
from ledger_service.services.inputs import CaseInput
from ledger_service.services.opening import open_case
from ledger_service.services.sample import sample_file, sample_notes
from ledger_service.services.viewing import view_of
from ledger_service.store.cases import case_by_source, find_case
from ledger_service.store.stages import staged_records
from ledger_service.store.tables import Account, ChainRefusal, OutboxRow


def _request(**changes: Any) -> CaseInput:
    body = {
        "reference": "RMA-1",
        "consumer": {"email": "ana@customers.example"},
        "items": [{"sku": "1", "quantity": 1, "unit_price": "19.80"}],
        "refund": {"amount": "19.80", "currency": "GBP"},
        "policy": "eu-14",
        "escrow": "refund",
        **changes,
    }
    return CaseInput.model_validate(body)


def test_open_case_whose_consumer_is_the_merchant_is_refused(app: App, shop: Account) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_case(app, shop, _request(consumer={"email": "a@b.example", "address": shop.address}))
    assert refused.value.field == "consumer.address"


def test_open_case_whose_consumer_is_a_held_key_of_somebody_else_is_refused(app: App, shop: Account) -> None:
    other = create_account(app, "warehouse", "Other")["address"]
    with pytest.raises(InvalidInput) as refused:
        open_case(app, shop, _request(consumer={"email": "a@b.example", "address": other}))
    assert refused.value.field == "consumer.address"


def test_open_case_with_the_consumers_own_address_is_accepted(app: App, shop: Account) -> None:
    own = address_of(PrivateKey().public_key)
    assert open_case(app, shop, _request(consumer={"address": own}))["parties"]["consumer"] == own


def test_open_cases_beyond_the_balance_is_refused_before_the_chain_has_judged_any(app: App, shop: Account) -> None:
    for _ in range(5):
        open_case(app, shop, _request())
    with pytest.raises(Conflict) as refused:
        open_case(app, shop, _request())
    assert refused.value.field == "refund.amount"


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?q?a=0Ab?=@b.example",
        "a\x00|@[",
        "a b@c.example",
        "a@-c.example",
        "a@b@c.example",
        "<a@b.example>",
        "a@",
    ],
)
def test_email_that_mail_software_could_misread_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="email"):
        _request(consumer={"email": address})


def test_expected_amount_before_acceptance_includes_the_freight(app: App, shop: Account) -> None:
    request = _request(freight={"amount": "5.00", "currency": "GBP"})
    opened = open_case(app, shop, request)
    with app.database.read() as session:
        case = find_case(session, opened["case_id"])
        assert case is not None
        view = view_of(app, session, case)
    inspected = replace(view.state, state=State.INSPECTED, grade=Grade.DEFECTIVE, share=10_000)
    assert replace(view, state=inspected).expected == 2480
    assert replace(view, state=replace(inspected, grade=Grade.OPENED)).expected == 1980


def test_import_opens_a_note_again_whose_opening_the_contract_refused(app: App, shop: Account) -> None:
    first = import_online_retail(app, shop, sample_file())
    assert len(first.opened) == len(sample_notes())
    number, case_id = next(iter(first.opened.items()))
    source = f"online-retail:{shop.id}:{number}"
    with app.database.write() as session:
        (record,) = staged_records(session, case_id, 0)
        session.add(
            ChainRefusal(
                block_number=1,
                log_index=0,
                case_id=case_id,
                commitment=record.row.commitment,
                reason="EnforcedPause()",
                tx_hash="0x00",
            )
        )
        session.execute(update(OutboxRow).where(col(OutboxRow.record_id) == record.row.record_id).values(done=True))
    again = import_online_retail(app, shop, sample_file())
    assert list(again.opened) == [number]
    with app.database.read() as session:
        case = case_by_source(session, source)
    assert case is not None
    assert case.case_id == again.opened[number] != case_id
    assert not import_online_retail(app, shop, sample_file()).opened


def test_import_with_a_template_that_makes_no_address_opens_nothing(app: App, shop: Account) -> None:
    with pytest.raises(InvalidInput) as refused:
        import_online_retail(app, shop, sample_file(), escrow="refund", email="nobody")
    assert refused.value.field == "--email"


def test_import_counts_refused_notes_in_no_case(app: App, shop: Account) -> None:
    report = import_online_retail(app, shop, sample_file(), escrow="refund", email="c-{customer}@customers.example")
    assert report.refused
    assert report.total_minor <= 10_000
    assert len(report.opened) + len(report.refused) == len(sample_notes())


def test_key_of_a_disabled_account_is_refused(app: App) -> None:
    key = create_account(app, "auditor", "Eyes")["api_key"]
    assert account_of(app, key).name == "Eyes"
    disable_account(app, "auditor", "Eyes")
    with pytest.raises(Unauthenticated):
        account_of(app, key)


def test_webhook_secret_of_an_unknown_provider_is_refused(app: App, shop: Account) -> None:
    with pytest.raises(InvalidInput) as refused:
        set_webhook_secret(app, shop, "carrierpigeon", "long enough")
    assert refused.value.field == "provider"

"""The one record after the end: that a person's disclosures were destroyed."""

import pytest
from court import refusal
from support import link, records_of
from words import Kind, Mode, Role, State

ENDED = [State.Settled, State.Closed]


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize("mode", list(Mode))
def test_erase_once(court, ledger, state, mode):
    case = court.bring(state, mode=mode)
    before, head = case.view, bytes(ledger.head(case.id))
    court.world.travel(court.world.chain[-1].timestamp + 400 * 86_400)  # no deadline ends the time for it
    tx = case.act(Kind.Erased, Role.Merchant)
    (record,) = records_of(tx, case)
    assert (record["kind"], record["state"], record["deadline"]) == (Kind.Erased, state, 0)
    entry = bytes(tx.events["Recorded"]["entry"])
    assert bytes(ledger.head(case.id)) == link(head, court.world.merchant.address, record["commitment"], entry)
    assert case.view["erased"]
    assert case.view["length"] == before["length"] + 1
    assert set(tx.events.keys()) == {"Recorded"}  # no money moves
    assert refusal(case, Kind.Erased, Role.Merchant) == ("NotAllowed", state, Kind.Erased, Role.Merchant)


def test_erase_signed_by_the_merchant_alone(court):
    case = court.bring(State.Closed)
    for role in (Role.Consumer, Role.Carrier, Role.Warehouse, Role.Inspector):
        assert refusal(case, Kind.Erased, role) == ("NotAllowed", State.Closed, Kind.Erased, role)
    answer = refusal(case, Kind.Erased, Role.Merchant, key=court.world.consumer)
    assert answer == ("BadSignature", court.world.merchant.address)

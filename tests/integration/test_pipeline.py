"""From the outbox to the chain and back: the workers against real chains and the real contracts."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from ledger_service.chain.abi import ESCROW, LEDGER, checksum, function
from ledger_service.chain.codec import encode_record_batch
from ledger_service.chain.faucet import pay_in
from ledger_service.clock import FixedClock
from ledger_service.domain.hashing import from_hex, word
from ledger_service.domain.messages import Act
from ledger_service.domain.times import from_chain
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role
from ledger_service.services.projection import act_of
from ledger_service.store.cases import enqueue
from ledger_service.store.tables import ChainBalance, OutboxRow, RecordRow
from ledger_service.workers.deadlines import DeadlineWorker
from ledger_service.workers.indexer import Indexer

from .cases import Case
from .conftest import Ledger


def fund(ledger: Ledger, minor: int, currency: str = "GBP") -> str:
    """Deposits for the book's merchant, reads it, and answers the token's address."""
    token = ledger.deployment.tokens[currency]
    pay_in(ledger.rpc.url, ledger.deployment, token, ledger.book.address(Role.MERCHANT), minor)
    ledger.run_until(lambda: _balance(ledger, token.address) is not None)
    return token.address


def _balance(ledger: Ledger, token: str) -> ChainBalance | None:
    with ledger.database.read() as session:
        return session.get(ChainBalance, (ledger.book.address(Role.MERCHANT), token))


def head_on_chain(ledger: Ledger, case_id: bytes) -> str:
    view = function(LEDGER, "head")
    (head,) = view.decode(ledger.rpc.read(ledger.deployment.ledger, view.encode(case_id)))
    return "0x" + head.hex()


def test_submit_skips_what_the_contract_refuses_and_names_the_reason(ledger: Ledger) -> None:
    case = ledger.book.open()
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT, nonce=7)
    ledger.book.state(case, Kind.INSPECTED, Role.INSPECTOR, grade=Grade.USED, share=9_000)
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(ledger.book.settled)

    assert ledger.book.stages(case) == [
        ("requested", "final", None),
        ("authorised", "rejected", "WrongNonce(merchant, 1, 7)"),
        ("inspected", "rejected", "NotAllowed(requested, inspected, inspector)"),
        ("authorised", "final", None),
    ]
    assert ledger.book.timeline(case) == ["requested", "authorised"]


def test_submit_opening_without_balance_is_rejected_with_its_acts(ledger: Ledger) -> None:
    case = ledger.book.open(Mode.REFUND)
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(ledger.book.settled)

    (_, opening, reason), (_, act, why) = ledger.book.stages(case)
    assert (opening, act) == ("rejected", "rejected")
    assert str(reason).startswith("BalanceTooLow(")
    assert why == f"UnknownCase({case.id})"
    assert ledger.book.chain_case(case) is None


def test_index_ignores_what_a_stranger_had_refused(ledger: Ledger) -> None:
    case = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    record = ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    _send_spoiled(ledger, record)
    ledger.run_until(lambda: ledger.workers.health().behind == 0 and ledger.book.settled())

    assert ledger.book.stages(case)[1] == ("authorised", "final", None)


def _send_spoiled(ledger: Ledger, record_id: str) -> None:
    """A stranger's batch that names our commitment under another signature."""
    with ledger.database.read() as session:
        row = session.exec(select(RecordRow).where(RecordRow.record_id == record_id)).one()
    assert _send_unseen(ledger, encode_record_batch([(act_of(row), bytes(64) + b"\x1b")])) == 1


def test_a_copied_commitment_in_the_same_case_is_not_our_record(ledger: Ledger) -> None:
    """The merchant reads what the consumer is about to state, and has an act of its own recorded under it first."""
    case = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    record = ledger.book.state(case, Kind.CANCELLED, Role.CONSUMER)
    _copy(ledger, record, case)

    assert ledger.book.state_of(case) == "authorised"
    assert ledger.book.stages(case)[1] == ("cancelled", "accepted", None)
    assert not ledger.book.settled()
    ledger.run_until(ledger.book.settled)
    assert ledger.book.stages(case)[1] == ("cancelled", "final", None)
    assert ledger.book.timeline(case)[:2] == ["requested", "authorised"]
    assert "cancelled" in ledger.book.timeline(case)[2:]


def test_a_copied_commitment_in_another_case_is_not_our_record(ledger: Ledger) -> None:
    case, other = ledger.book.open(), ledger.book.open()
    ledger.run_until(ledger.book.settled)
    record = ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    _copy(ledger, record, other)

    assert ledger.book.state_of(other) == "authorised"
    assert ledger.book.stages(case)[1] == ("authorised", "accepted", None)
    ledger.run_until(ledger.book.settled)
    assert ledger.book.stages(case)[1] == ("authorised", "final", None)
    assert ledger.book.stages(other)[1:] == []


def test_a_copied_commitment_of_an_opening_does_not_open_it(ledger: Ledger) -> None:
    other = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    case = ledger.book.open()
    (opening,) = ledger.book.outbox(action="open", case_id=case.id)
    _copy(ledger, str(opening.record_id), other)

    assert ledger.book.stages(case) == [("requested", "accepted", None)]
    ledger.run_until(ledger.book.settled)
    assert ledger.book.stages(case) == [("requested", "final", None)]


def test_a_refusal_of_ours_counts_although_somebody_copied_the_commitment(ledger: Ledger) -> None:
    case, other = ledger.book.open(), ledger.book.open()
    ledger.run_until(ledger.book.settled)
    record = ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT, nonce=7)
    _copy(ledger, record, other)
    ledger.run_until(ledger.book.settled)
    assert ledger.book.stages(case)[1] == ("authorised", "rejected", "WrongNonce(merchant, 1, 7)")


def _copy(ledger: Ledger, record_id: str, case: Case) -> None:
    """The merchant authorises `case` at the contract itself, under the commitment of our record; the indexer reads it
    before our record is sent."""
    with ledger.database.read() as session:
        row = session.exec(select(RecordRow).where(RecordRow.record_id == record_id)).one()
    until, commitment = ledger.clock.seconds() + 86_400, from_hex(row.commitment)
    act = Act(case.case_id, Kind.AUTHORISED, Role.MERCHANT, 1, until, commitment)
    signature = case.keys[Role.MERCHANT].sign(ledger.deployment.domain.digest(act.struct_hash()))
    _send_unseen(ledger, encode_record_batch([(act, signature)]))
    indexer = Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id)
    while indexer.step().behind:
        pass


def test_wallet_that_was_bound_behind_our_back_holds_up_nobody(ledger: Ledger) -> None:
    """The contract asks whoever holds the role when it is mined; what we last read is another account, without code."""
    bound, *others = [ledger.book.open() for _ in range(4)]
    ledger.run_until(ledger.book.settled)
    wallet = _wallet_that_wastes_gas(ledger)
    assert _send_unseen(ledger, _binding(ledger, bound, wallet)) == 2
    for case in others:
        ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.book.state(bound, Kind.CANCELLED, Role.CONSUMER, nonce=1)
    ledger.run_until(lambda: ledger.workers.health().behind == 0 and ledger.book.settled())

    found = ledger.book.chain_case(bound)
    assert found is not None
    assert found.consumer == wallet
    assert {ledger.book.state_of(case) for case in others} == {"authorised"}
    (refused,) = [stage for stage in ledger.book.stages(bound) if stage[0] == "cancelled"]
    assert refused[1] == "rejected"
    assert str(refused[2]).startswith("BadSignature")


def _wallet_that_wastes_gas(ledger: Ledger) -> str:
    """A contract that answers nothing, and uses up all that it is given."""
    rich = ledger.rpc.call("eth_accounts")[3]
    made = "0x6001600c60003960016000f3" + "fe"  # returns the one instruction INVALID
    sent = ledger.rpc.call("eth_sendTransaction", {"from": rich, "data": made, "gas": hex(200_000)})
    return checksum(ledger.rpc.wait_for_receipt(sent)["contractAddress"])


def _binding(ledger: Ledger, case: Case, key: str) -> bytes:
    act = Act(case.case_id, Kind.KEY_BOUND, Role.CONSUMER, 0, ledger.clock.seconds() + 86_400, word(7), key=key)
    signature = case.keys[Role.CONSUMER].sign(ledger.deployment.domain.digest(act.struct_hash()))
    return encode_record_batch([(act, signature)])


def _send_unseen(ledger: Ledger, data: bytes) -> int:
    """What somebody else sends to the ledger; how many events it left."""
    rich = ledger.rpc.call("eth_accounts")[3]
    request = {"from": rich, "to": ledger.deployment.ledger, "data": "0x" + data.hex(), "gas": hex(2_000_000)}
    receipt = ledger.rpc.wait_for_receipt(ledger.rpc.call("eth_sendTransaction", request))
    return len(receipt["logs"])


def test_whole_life_with_refund_pays_the_consumer(ledger: Ledger) -> None:
    token = fund(ledger, 5_000)
    case = ledger.book.open(Mode.REFUND, refund=1_999)
    ledger.book.advance_to_inspected(case, grade=Grade.USED, share=9_000)
    ledger.book.state(case, Kind.ACCEPTED, Role.CONSUMER)
    ledger.run_until(lambda: _withdrawn(ledger, case) > 0)

    found = ledger.book.chain_case(case)
    assert found is not None
    assert found.state == "settled"
    assert (found.to_consumer, found.to_merchant) == (1_800, 199)
    assert (found.locked_refund, found.withdrawn, found.withdrawn_to) == (0, 1_800, found.consumer)
    assert found.head == head_on_chain(ledger, case.case_id)
    assert ledger.book.timeline(case)[-2:] == ["accepted", "settled"]
    balance = _balance(ledger, token)
    assert balance is not None
    assert (balance.minor, balance.deposited) == (5_000 - 1_999 + 199, 5_000)
    assert _tokens_of(ledger, token, found.consumer) == 1_800 * ledger.deployment.tokens["GBP"].unit
    assert _due(ledger, case.id) == 0


def _withdrawn(ledger: Ledger, case: Case) -> int:
    found = ledger.book.chain_case(case)
    return found.withdrawn if found else 0


def _tokens_of(ledger: Ledger, token: str, holder: str) -> int:
    view = function("TestToken", "balanceOf")
    return int(view.decode(ledger.rpc.read(token, view.encode(holder)))[0])


def _due(ledger: Ledger, case_id: str) -> int:
    view = function(ESCROW, "dueOf")
    return int(view.decode(ledger.rpc.read(ledger.deployment.escrow, view.encode(from_hex(case_id))))[0])


def test_poke_follows_the_deadline(ledger: Ledger) -> None:
    case = ledger.book.open(policy="us-30")
    ledger.run_until(ledger.book.settled)
    found = ledger.book.chain_case(case)
    assert found is not None
    ledger.world.chain.advance(found.deadline - ledger.clock.seconds() + 2)
    ledger.run_until(lambda: ledger.book.state_of(case) == "authorised")
    ledger.run_until(ledger.book.settled)

    assert ledger.book.timeline(case) == ["requested", "authorised"]
    (poke,) = ledger.book.outbox(action="poke", case_id=case.id)
    assert poke.subject == f"{case.id}:1"
    assert poke.done


def test_poke_waits_for_acts_that_were_accepted(ledger: Ledger) -> None:
    case = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    found = ledger.book.chain_case(case)
    assert found is not None
    ledger.book.state(case, Kind.DECLINED, Role.MERCHANT)
    ledger.world.chain.advance(found.deadline - ledger.clock.seconds() + 2)
    DeadlineWorker(ledger.database, ledger.clock).step()
    assert ledger.book.outbox(action="poke", case_id=case.id) == []


def test_poke_refused_because_the_chain_is_behind_is_asked_for_again(ledger: Ledger) -> None:
    case = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    with ledger.database.write() as session:
        enqueue(session, "poke", f"{case.id}:1", ledger.clock.seconds(), case_id=case.id)
    ledger.run_until(lambda: not ledger.book.outbox(action="poke", case_id=case.id))
    assert ledger.book.state_of(case) == "requested"
    assert ledger.book.stages(case) == [("requested", "final", None)]


def test_deadline_that_is_refused_is_asked_for_after_ever_longer_pauses(ledger: Ledger) -> None:
    case = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    found = ledger.book.chain_case(case)
    assert found is not None
    clock = FixedClock(from_chain(found.deadline))
    worker = DeadlineWorker(ledger.database, clock)

    def asked(seconds: int) -> bool:
        """Whether the poke is asked for `seconds` later; then it is taken away again, as after a refusal."""
        clock.move(timedelta(seconds=seconds))
        count = worker.step()
        with ledger.database.write() as session:
            session.execute(delete(OutboxRow).where(col(OutboxRow.action) == "poke"))
        return count == 1

    assert [asked(after) for after in (0, 1, 4, 1, 9, 1)] == [False, True, False, True, False, True]


def test_many_openings_and_acts_go_in_batches(ledger: Ledger) -> None:
    cases = [ledger.book.open() for _ in range(150)]
    for case in cases:
        ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(ledger.book.settled, seconds=120)

    assert {ledger.book.state_of(case) for case in cases} == {"authorised"}
    acts, openings = ({row.tx_hash for row in ledger.book.outbox(action=action)} for action in ("act", "open"))
    assert len(acts) == 1
    assert len(openings) <= 2

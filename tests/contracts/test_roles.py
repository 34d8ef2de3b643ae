"""Who may do what at the contracts, line by line of the tables in docs/security.md"""

import re
from pathlib import Path

import pytest
from brownie import CheckpointAnchor, accounts, web3
from court import undone
from eth_utils import keccak
from panel_support import as_panel, sign_vote, vote_of
from support import World, deploy_all, errors_of, keyed, make_policy, pack, sign
from till import permit_of_anybody
from words import FAR, FULL, KEEP_PAYEE, NO_WORD, WITHDRAW_BALANCE, WITHDRAW_TO, Kind, Role, State

WORDS = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
SECTION = re.search(r"## Who may do what at the contracts\n(.*?)\n## ", WORDS, re.DOTALL).group(1)
RIGHTS, PAUSED = (
    [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    for table in re.findall(r"(?:^\|.*\n?)+", SECTION, re.MULTILINE)
)
YES, NO = "yes", "–"
WHO = RIGHTS[0][1:]
SKIPS = {keccak(text="Skipped(bytes32,bytes32,uint256,bytes)")}
SKIPS |= {keccak(text="VoteSkipped(bytes32,address,bytes32,uint256,bytes)")}
SKIPS |= {keccak(text="WithdrawalSkipped(bytes32,bytes)")}
UNAUTHORISED = "AccessControlUnauthorizedAccount"
UNITS = 10_000  # token units in a cent
OPERATOR = keccak(text="OPERATOR")


@pytest.fixture(scope="module")
def staff(world):
    """The contracts with another account for every role, and who these accounts are."""
    deployer, panels_operator, anchors_operator, writer = accounts[5:9]
    eur = world.tokens["EUR"]
    ledger, escrow, panel, lens = deploy_all(
        world.operator, world.guardian, [(eur.address, b"EUR", 2)], deployer, panels_operator
    )
    anchor = CheckpointAnchor.deploy(anchors_operator, writer, 100, {"from": deployer})
    parts = {"ledger": ledger, "escrow": escrow, "panel": panel, "lens": lens, "anchor": anchor, "tokens": {"EUR": eur}}
    staff = World(**{**vars(world), **parts})
    staff.errors |= errors_of(anchor)
    staff.who = dict(
        zip(
            WHO,
            [deployer, world.operator, world.guardian, panels_operator, anchors_operator, writer, world.stranger],
            strict=True,
        )
    )
    staff.register_policy(make_policy())
    staff.parties()
    staff.arbitrator = keyed("arbitrator")
    panel.registerPanel(as_panel([staff.arbitrator], 1), {"from": panels_operator})
    staff.fund(eur, 100_000)
    return staff


# --- what each line is about: a function and its arguments ----------------------------------------------------------


def opening(staff, signed=True):
    return staff.ledger.open, staff.prepare(key=None if signed else staff.stranger_key).opening


def openings(staff):
    return staff.ledger.openBatch, [staff.prepare().opening]


def act(staff, signed=True):
    key = None if signed else staff.stranger_key
    return staff.ledger.record, *staff.open().signed(Kind.Authorised, Role.Merchant, key=key)


def acts(staff):
    return staff.ledger.recordPacked, pack(*act(staff)[1:])


def poke(staff, due=True):
    case = staff.open()
    if due:
        staff.pass_deadline(case)
    return staff.ledger.poke, case.id


def settled(staff, **options):
    case = staff.open(**options).reach(State.Settled)
    assert staff.escrow.dueOf(case.id) == 19_80
    return case


def by_consumer(staff, case, fields, name, signed=True, **changed):
    """The arguments of what a consumer signs at the escrow, and the signature."""
    message = {"caseId": case.id, "to": staff.merchant.address, "nonce": 0, "validUntil": FAR, **changed}
    message = {field: message[field] for field in fields}
    key = staff.consumer if signed else staff.stranger_key
    return *message.values(), sign(key, staff.escrow, "RefundEscrow", name, message, **{name: fields})


def payment_elsewhere(staff, signed=True):
    case = settled(staff, consumerKeyHeld=False)
    return staff.escrow.withdrawTo, *by_consumer(staff, case, WITHDRAW_TO, "WithdrawTo", signed)


def objection(staff, signed=True):
    case = settled(staff)
    staff.send(staff.escrow.withdrawTo, *by_consumer(staff, case, WITHDRAW_TO, "WithdrawTo"))
    return staff.escrow.keepPayee, *by_consumer(staff, case, KEEP_PAYEE, "KeepPayee", signed, nonce=1)


def own_balance(staff):
    for account in staff.who.values():
        staff.fund(staff.tokens["EUR"], 5, merchant=account)
    return staff.escrow.withdrawBalance, staff.tokens["EUR"], 5, staff.merchant.address


def merchants_balance(staff, signed=True):
    merchant, eur = staff.merchant.address, staff.tokens["EUR"].address
    values = dict(zip(WITHDRAW_BALANCE, (merchant, eur, 5, merchant, 0, FAR), strict=True))
    key = staff.merchant if signed else staff.stranger_key
    typed = "RefundEscrow", "WithdrawBalance", values
    return (
        staff.escrow.withdrawBalanceFor,
        *values.values(),
        sign(key, staff.escrow, *typed, WithdrawBalance=WITHDRAW_BALANCE),
    )


def deposit(staff):
    eur = staff.tokens["EUR"]
    for account in staff.who.values():
        eur.mint(account, UNITS, {"from": account})
        eur.approve(staff.escrow, UNITS, {"from": account})
    return staff.escrow.deposit, staff.merchant.address, eur, UNITS


def deposit_with_permit(staff):
    """A permit that somebody else has used first, or nobody signed, stands in the way of no allowance."""
    return staff.escrow.depositWithPermit, *deposit(staff)[1:], *permit_of_anybody()


def vote(staff, signed=True):
    case = staff.open(panel=1, reserve=1_000).reach(State.Authorised)
    case.act(Kind.Disputed, Role.Consumer, share=FULL)
    values = vote_of(case.id, staff.arbitrator, 5_000)
    key = staff.arbitrator if signed else staff.stranger_key
    return staff.panel.vote, tuple(values.values()), sign_vote(key, staff.panel, values)


def votes(staff):
    return staff.panel.voteBatch, [vote(staff)[1:]]


def credit(staff):
    staff.send(*vote(staff))
    return staff.escrow.withdrawCredit, staff.arbitrator.address, staff.tokens["EUR"]


def roles(contract):
    """The lines that every contract with roles has."""
    name = {"ledger": "ReturnLedger", "panel": "ArbitrationPanel", "anchor": "CheckpointAnchor"}[contract]
    holder = {"ledger": "operator", "panel": "panels' operator", "anchor": "anchor's operator"}[contract]

    def call(method, who):
        return lambda staff: (getattr(getattr(staff, contract), method), OPERATOR, who(staff))

    return {
        f"`{name}.grantRole`": (call("grantRole", lambda staff: staff.stranger), UNAUTHORISED),
        f"`{name}.revokeRole`": (call("revokeRole", lambda staff: staff.who[holder]), UNAUTHORISED),
        f"`{name}.renounceRole` of another": (
            call("renounceRole", lambda staff: keyed("another").address),
            "AccessControlBadConfirmation",
        ),
    }


def locked(staff):
    return staff.escrow.lock, b"\7" * 32, staff.merchant.address, staff.tokens["EUR"], 5, 0, 0


def outcome(staff):
    return staff.escrow.settle, staff.open().id, staff.merchant.address, (FULL, 0, False, 0, [])


def ruling(staff):
    return staff.ledger.rule, vote(staff)[1][0], FULL, b"\7" * 32, False


# What each line calls, and how those are refused who may not.
LINES = {
    "`ReturnLedger.registerPolicy` for future cases": (
        lambda staff: (staff.ledger.registerPolicy, make_policy(fee_cap=7)),
        UNAUTHORISED,
    ),
    "`ReturnLedger.registerInspector` for future cases": (
        lambda staff: (staff.ledger.registerInspector, staff.inspector.address, True),
        UNAUTHORISED,
    ),
    "`ReturnLedger.registerParties`": (
        lambda staff: (staff.ledger.registerParties, [staff.merchant.address] * 4),
        None,
    ),
    "`ReturnLedger.pause`": (lambda staff: (staff.ledger.pause,), UNAUTHORISED),
    "`ReturnLedger.unpause`": (lambda staff: (paused(staff).unpause,), UNAUTHORISED),
    "`ReturnLedger.open` with the merchant's signature": (opening, "EnforcedPause"),
    "`ReturnLedger.open` without it": (lambda staff: opening(staff, False), "BadSignature"),
    "`ReturnLedger.openBatch` with the merchant's signature": (openings, "skipped"),
    "`ReturnLedger.record` with the actor's signature": (act, None),
    "`ReturnLedger.record` without it": (lambda staff: act(staff, False), "BadSignature"),
    "`ReturnLedger.recordPacked` with the actor's signature": (acts, None),
    "`ReturnLedger.poke` after a deadline": (poke, None),
    "`ReturnLedger.poke` before it": (lambda staff: poke(staff, False), "DeadlineAhead"),
    "`ReturnLedger.pokeBatch` after a deadline": (lambda staff: (staff.ledger.pokeBatch, [poke(staff)[1]]), None),
    "`ReturnLedger.rule`, the panel contract's alone": (ruling, "NotThePanel"),
    "`RefundEscrow.deposit` of one's own tokens": (deposit, None),
    "`RefundEscrow.depositWithPermit` of one's own tokens": (deposit_with_permit, None),
    "`RefundEscrow.lock`, the ledger's alone": (locked, "NotTheLedger"),
    "`RefundEscrow.settle`, the ledger's alone": (outcome, "NotTheLedger"),
    "`RefundEscrow.withdrawFor` to the consumer": (lambda staff: (staff.escrow.withdrawFor, settled(staff).id), None),
    "`RefundEscrow.withdrawForBatch` to the consumer": (
        lambda staff: (staff.escrow.withdrawForBatch, [settled(staff).id]),
        None,
    ),
    "`RefundEscrow.withdrawTo` with the consumer's signature": (payment_elsewhere, None),
    "`RefundEscrow.withdrawTo` without it": (lambda staff: payment_elsewhere(staff, False), "BadWithdrawalSignature"),
    "`RefundEscrow.keepPayee` with the consumer's signature": (objection, None),
    "`RefundEscrow.keepPayee` without it": (lambda staff: objection(staff, False), "BadWithdrawalSignature"),
    "`RefundEscrow.withdrawCredit` to the arbitrator": (credit, None),
    "`RefundEscrow.withdrawBalance` of one's own": (own_balance, None),
    "`RefundEscrow.withdrawBalanceFor` with the merchant's signature": (merchants_balance, None),
    "`RefundEscrow.withdrawBalanceFor` without it": (
        lambda staff: merchants_balance(staff, False),
        "BadWithdrawalSignature",
    ),
    "`ArbitrationPanel.registerPanel` for future cases": (
        lambda staff: (staff.panel.registerPanel, as_panel([staff.arbitrator], 1)),
        UNAUTHORISED,
    ),
    "`ArbitrationPanel.vote` with the arbitrator's signature": (vote, None),
    "`ArbitrationPanel.vote` without it": (lambda staff: vote(staff, False), "BadVoteSignature"),
    "`ArbitrationPanel.voteBatch` with the arbitrator's signature": (votes, None),
    "`CheckpointAnchor.anchor`": (lambda staff: (staff.anchor.anchor, 5, b"\7" * 32), "NotTheWriter"),
    "`CheckpointAnchor.replaceWriter`": (lambda staff: (staff.anchor.replaceWriter, staff.stranger), UNAUTHORISED),
    "`CheckpointAnchor.nameSuccessor`": (lambda staff: (staff.anchor.nameSuccessor, staff.stranger), UNAUTHORISED),
    **roles("ledger"),
    **roles("panel"),
    **roles("anchor"),
}


def paused(staff):
    staff.ledger.pause({"from": staff.guardian})
    return staff.ledger


def attempt(staff, account, method, *args):
    """How an account is refused, None where what it asks for is done; nothing of it stays."""
    refused = staff.refusal(method, *args, sender=account)
    if refused is not None:
        return refused[0]
    with undone():
        call = {"from": str(account), "to": method._address, "data": method.encode_input(*args), "gas": hex(5_000_000)}
        sent = web3.provider.make_request("eth_sendTransaction", [{**call, "gasPrice": hex(3 * 10**9)}])
        receipt = web3.eth.wait_for_transaction_receipt(sent["result"], timeout=60, poll_latency=0.005)
        assert receipt["status"] == 1
        return "skipped" if any(bytes(log["topics"][0]) in SKIPS for log in receipt["logs"]) else None


# --- the tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", RIGHTS[2:], ids=lambda line: line[0])
def test_roles_are_as_the_table_says(staff, line):
    prepare, refusal = LINES[line[0]]
    method, *args = prepare(staff)
    expected = dict(zip(WHO, line[1:], strict=True))
    assert set(expected.values()) <= {YES, NO}
    found = {who: attempt(staff, account, method, *args) for who, account in staff.who.items()}
    assert found == {who: None if may == YES else refusal for who, may in expected.items()}


@pytest.mark.parametrize("line", PAUSED[2:], ids=lambda line: line[0])
def test_pause_stops_what_the_table_says(staff, line):
    call, goes_on = line
    prepare, refusal = LINES[call]
    method, *args = prepare(staff)
    paused(staff)
    able = {who: may for who, may in zip(WHO, rights_of(call), strict=True) if may == YES}
    found = {who: attempt(staff, staff.who[who], method, *args) for who in able}
    assert goes_on in (YES, NO)
    assert found == dict.fromkeys(able, None if goes_on == YES else refusal)


def rights_of(call):
    (rights,) = [line[1:] for line in RIGHTS if line[0] == call]
    return rights


def test_pause_table_has_every_line_that_anybody_has_a_right_to_but_roles():
    """Roles are given and taken whether new cases are paused or not, and the log has nothing to do with cases."""
    able = {line[0] for line in RIGHTS[2:] if YES in line}
    apart = {line for line in able if "Role`" in line or "CheckpointAnchor" in line or "ause`" in line}
    assert {line[0] for line in PAUSED[2:]} - {"`CheckpointAnchor.anchor`"} == able - apart


def test_roles_table_has_every_function_that_writes(staff):
    writing = {
        f"{contract._name}.{item['name']}"
        for contract in (staff.ledger, staff.escrow, staff.panel, staff.lens, staff.anchor)
        for item in contract.abi
        if item["type"] == "function" and item["stateMutability"] not in ("view", "pure")
    }
    assert {re.match(r"`([^`]+)`", line[0]).group(1) for line in RIGHTS[2:]} == writing
    assert {line[0] for line in RIGHTS[2:]} == set(LINES)


def test_roles_the_operator_of_one_contract_is_nobody_at_the_others(staff):
    operators = {"ledger": "operator", "panel": "panels' operator", "anchor": "anchor's operator"}
    for contract, holder in operators.items():
        for who, account in staff.who.items():
            for role in (NO_WORD, OPERATOR):
                assert getattr(staff, contract).hasRole(role, account) == (who == holder)

"""What the tests of the contracts share: signing, opening and moving cases, and reading refusals."""

import secrets
from functools import cache

from brownie import ArbitrationPanel, RefundEscrow, ReturnLedger, ReturnLens, web3
from eth_abi import decode, encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import function_abi_to_4byte_selector, keccak, to_checksum_address
from rlp import encode as rlp_encode
from words import ACTS, FAR, OPEN, TERMS, ZERO, Grade, Kind, Mode, Role, State


def next_contract(deployer, ahead):
    """The address of a contract that this account deploys after `ahead` other transactions."""
    return to_checksum_address(keccak(rlp_encode([bytes.fromhex(deployer.address[2:]), deployer.nonce + ahead]))[12:])


def deploy_all(operator, guardian, listed, deployer=None, panels_operator=None):
    """Escrow, ledger and panel, each of which has to know another's address, and the lens on them."""
    sender = {"from": deployer or operator}
    escrow = RefundEscrow.deploy(next_contract(sender["from"], 1), listed, sender)
    ledger = ReturnLedger.deploy(escrow, next_contract(sender["from"], 1), operator, guardian, sender)
    panel = ArbitrationPanel.deploy(ledger, panels_operator or operator, sender)
    lens = ReturnLens.deploy(ledger, escrow, sender)
    return ledger, escrow, panel, lens


def keyed(name):
    """An actor with a key of its own; its name makes the key."""
    return Account.from_key(keccak(text=name))


NEW_KEY = keyed("a key of the consumer's own")


def typed(contract, name, primary, message, **types):
    """EIP-712 typed data on the domain of a contract, ready to sign."""
    domain = {"name": name, "version": "1", "chainId": chain_id(), "verifyingContract": contract.address}
    listed = {kind: [{"name": n, "type": t} for n, t in fields.items()] for kind, fields in types.items()}
    return encode_typed_data(domain, {primary: listed.pop(primary), **listed}, message)


def sign(key, *typed_data, **types):
    return key.sign_message(typed(*typed_data, **types)).signature


def digest_of(*typed_data, **types):
    signable = typed(*typed_data, **types)
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@cache
def chain_id():
    return web3.eth.chain_id


# --- refusals -------------------------------------------------------------------------------------------------------


def errors_of(*contracts):
    """Typed errors by their selector."""
    known = {
        function_abi_to_4byte_selector(item): item
        for contract in contracts
        for item in contract.abi
        if item["type"] == "error"
    }
    panic = {"type": "function", "name": "Panic", "inputs": [{"type": "uint256", "name": "code"}]}
    return {**known, function_abi_to_4byte_selector(panic): panic}


def read_error(errors, data):
    """An error as a tuple of its name and values; an empty tuple for a revert that gives no reason."""
    data = bytes(data)
    if len(data) < 4:  # brownie shows no bytes at all as one
        return ()
    item = errors[data[:4]]
    values = decode([field["type"] for field in item["inputs"]], data[4:])
    return (item["name"], *(to_checksum_address(v) if isinstance(v, str) else v for v in values))


def call_raw(sender, to, data, gas=5_000_000):
    """The answer of `eth_call` and what it reverted with, one of them None. Without `to`, it is a deployment."""
    call = {"from": str(sender), "data": data, "gas": hex(gas)}
    if to is not None:
        call["to"] = str(to)
    answer = web3.provider.make_request("eth_call", [call, "latest"])
    if "error" not in answer:
        return answer["result"], None
    reason = answer["error"].get("data", "0x")
    if isinstance(reason, dict):  # Ganache's way
        reason = reason.get("result", "0x")
    return None, bytes.fromhex((reason or "0x")[2:])


# --- cases ----------------------------------------------------------------------------------------------------------


class Case:
    """A case and what its parties need to go on with it."""

    def __init__(self, world, terms, parties, opening):
        self.world = world
        self.terms = terms
        self.parties = parties
        self.opening = opening
        self.id = typed(world.ledger, "ReturnLedger", "Terms", terms, Terms=TERMS).body
        self.nonces = dict.fromkeys(Role, 0)
        self.nonces[Role.Merchant] = 1  # the opening was its first

    @property
    def view(self):
        return self.world.lens.getCase(self.id).dict()

    @property
    def state(self):
        return State(self.view["state"])

    @property
    def deadline(self):
        return self.view["deadline"]

    def message(self, kind, role, **changed):
        """The values of an act, as a dictionary in the order of the contract's struct."""
        act = {
            "caseId": self.id,
            "kind": kind,
            "role": role,
            "nonce": self.nonces[role],
            "validUntil": FAR,
            "commitment": secrets.token_bytes(32),
            "grade": Grade.AsNew if kind == Kind.Inspected else Grade.None_,
            "share": 10_000 if kind == Kind.Inspected else 0,
            "fee": 0,
            "key": NEW_KEY.address if kind == Kind.KeyBound else ZERO,
        }
        if "bound" in changed:  # since `key` is who signs
            changed["key"] = changed.pop("bound").address
        unknown = changed.keys() - act.keys()
        assert not unknown, unknown
        return {**act, **changed}

    def signed(self, kind, role, key=None, **changed):
        """The two arguments of `record`."""
        act = self.message(kind, role, **changed)
        return tuple(act.values()), self.sign(act, key or self.parties[role])

    def sign(self, act, key):
        fields = ACTS.get(act["kind"])
        if fields is None:
            return b"\0" * 65
        message = {label: act[label] for label in fields}
        name = Kind(act["kind"]).name
        return sign(key, self.world.ledger, "ReturnLedger", name, message, **{name: fields})

    def packed(self, kind, role, key=None, **changed):
        """The item of `recordPacked`; its nonce counts as used."""
        act, signature = self.signed(kind, role, key, **changed)
        self.nonces[role] += 1
        return pack(act, signature)

    def act(self, kind, role, key=None, **changed):
        act, signature = self.signed(kind, role, key, **changed)
        tx = self.world.ledger.record(act, signature, {"from": self.world.relayer})
        self.nonces[role] += 1
        return tx

    def poke(self):
        """Waits until the deadline has passed, and pokes as somebody of no importance."""
        self.world.pass_deadline(self)
        return self.world.ledger.poke(self.id, {"from": self.world.stranger})

    def reach(self, state, **inspection):
        """Goes the usual way to a state, in as few transactions as there are."""
        items = []
        for step in PATHS[state]:
            if isinstance(step, tuple):
                items.append(self.packed(*step, **(inspection if step[0] == Kind.Inspected else {})))
                continue
            self.relay(items)
            items = []
            if self.state != step:  # an act may have led there by itself
                self.world.pass_deadline(self)
                self.world.send(self.world.ledger.poke, self.id)
        self.relay(items)
        assert self.state == state, self.state
        return self

    def relay(self, items):
        if items:
            self.world.send(self.world.ledger.recordPacked, b"".join(items))


_AUTHORISED = [(Kind.Authorised, Role.Merchant)]
_PICKED_UP = [*_AUTHORISED, (Kind.PickedUp, Role.Carrier)]
_RECEIVED = [*_PICKED_UP, (Kind.Received, Role.Warehouse)]
_INSPECTED = [*_RECEIVED, (Kind.Inspected, Role.Inspector)]
_AGREED = [(Kind.ExchangeAgreed, Role.Merchant), (Kind.ExchangeAgreed, Role.Consumer)]
_EXCHANGING = [*_INSPECTED, *_AGREED, State.Exchanging]
# The usual way to a state: acts, and a state where the deadline, or a notice, has to bring it about.
PATHS = {
    State.Requested: [],
    State.Declined: [(Kind.Declined, Role.Merchant)],
    State.Authorised: _AUTHORISED,
    State.PickedUp: _PICKED_UP,
    State.Received: _RECEIVED,
    State.Inspected: _INSPECTED,
    State.Exchanging: _EXCHANGING,
    State.Delivered: [*_EXCHANGING, (Kind.ExchangeDelivered, Role.Carrier)],
    State.Payable: [*_INSPECTED, (Kind.Accepted, Role.Consumer)],
    State.Refunded: [*_INSPECTED, (Kind.Accepted, Role.Consumer), (Kind.Refunded, Role.Merchant)],
    State.Disputed: [*_AUTHORISED, (Kind.PickedUp, Role.Consumer), State.Disputed],
    State.Settled: [*_INSPECTED, (Kind.Accepted, Role.Consumer), State.Settled],
    State.Closed: [(Kind.Cancelled, Role.Consumer), State.Closed],
}


def pack(act, signature):
    """The 143 bytes of an act and its signature, and a new key's 20."""
    case_id, kind, role, nonce, valid_until, commitment, grade, share, fee, key = act
    small = valid_until.to_bytes(5, "big") + nonce.to_bytes(2, "big") + bytes([role, kind])
    small += fee.to_bytes(2, "big") + share.to_bytes(2, "big") + bytes([grade])
    return case_id + commitment + small + signature + (bytes.fromhex(key[2:]) if kind == Kind.KeyBound else b"")


class World:
    """The deployed contracts, the actors, and what is registered."""

    def __init__(self, **parts):
        self.__dict__.update(parts)
        self.errors = errors_of(self.ledger, self.escrow, self.panel, *self.tokens.values())

    def refusal(self, method, *args, sender=None):
        """What a call is refused with, as `read_error` reads it. None where it is not refused."""
        _, reason = call_raw(sender or self.stranger, method._address, method.encode_input(*args))
        return None if reason is None else read_error(self.errors, reason)

    def parties(self, **changed):
        """Registers parties; the default ones are the fixture's actors. Answers who they are and their id."""
        who = {
            Role.Merchant: self.merchant,
            Role.Carrier: self.carrier,
            Role.Warehouse: self.warehouse,
            Role.Inspector: self.inspector,
        }
        who.update({Role[name.capitalize()]: actor for name, actor in changed.items()})
        addresses = tuple(actor.address for actor in who.values())
        self.ledger.registerParties(addresses, {"from": self.stranger})
        return who, keccak(encode(["address"] * 4, addresses))

    def register_policy(self, policy):
        self.ledger.registerPolicy(policy, {"from": self.operator})
        return policy_id(policy)

    def prepare(
        self, mode=Mode.Refund, consumer=None, parties=None, commitment=None, valid_until=FAR, key=None, **changed
    ):
        """A case that nobody has opened yet."""
        who, parties_id = parties or (self.default_parties, self.parties_id)
        consumer = consumer or self.consumer
        paid = mode != Mode.None_
        terms = {
            "salt": secrets.token_bytes(32),
            "consumer": consumer.address,
            "consumerKeyHeld": True,
            "parties": parties_id,
            "policy": self.policy_id,
            "panel": 0,
            "mode": mode,
            "token": self.tokens["EUR"].address if paid else ZERO,
            "refund": 19_80 if paid else 0,
            "freight": 0,
            "reserve": 0,
            **changed,
        }
        commitment = commitment or secrets.token_bytes(32)
        message = {"terms": terms, "commitment": commitment, "validUntil": valid_until}
        signature = sign(
            key or who[Role.Merchant], self.ledger, "ReturnLedger", "Open", message, Open=OPEN, Terms=TERMS
        )
        opening = (tuple(terms.values()), commitment, valid_until, signature)
        return Case(self, terms, {**who, Role.Consumer: consumer}, opening)

    def open(self, **options):
        case = self.prepare(**options)
        case.tx = self.ledger.open(case.opening, {"from": self.relayer})
        return case

    def send(self, method, *args):
        """A transaction of which only the effect and the raw receipt matter: a good deal faster than brownie's."""
        call = {"from": str(self.stranger), "to": method._address, "data": method.encode_input(*args)}
        call = {**call, "gas": hex(15_000_000), "gasPrice": hex(3 * 10**9)}
        answer = web3.provider.make_request("eth_sendTransaction", [call])
        assert "error" not in answer, answer
        receipt = web3.eth.wait_for_transaction_receipt(answer["result"], timeout=60, poll_latency=0.005)
        assert receipt["status"] == 1
        return receipt

    def fund(self, token, amount, merchant=None):
        """Deposits minor units for a merchant."""
        units = amount * self.escrow.tokenInfo(token)["unit"]
        self.send(token.mint, self.stranger, units)
        self.send(token.approve, self.escrow, units)
        self.send(self.escrow.deposit, (merchant or self.merchant).address, token, units)

    def pass_deadline(self, case):
        """Lets time pass until one second after the deadline of the case's state."""
        self.travel(case.deadline + 1)

    def travel(self, when):
        """Mines a block at that time or, since a clock ticks on, a little later."""
        ahead = when - self.chain[-1].timestamp
        if ahead > 0:
            web3.provider.make_request("evm_increaseTime", [ahead])
            web3.provider.make_request("evm_mine", [])

    def block_at(self, when):
        """Mines a block of that very time; calls then see its clock."""
        web3.provider.make_request("evm_mine", [when])
        assert self.chain[-1].timestamp == when


def policy_id(policy):
    return keccak(encode(["(uint256,uint256,bytes32)"], [policy]))


def make_policy(
    freight=0, fee_cap=1_500, notice=2 * 86_400, min_share=(0, 9_000, 7_000, 5_000, 0, 10_000), windows=None
):
    """A policy with another window for every state, so that no two can be mixed up."""
    if windows is None:
        windows = [0] + [(10 + state) * 86_400 for state in range(1, 13)] + [0, 0, 0]
    hours = sum(window // 3_600 << 16 * state for state, window in enumerate(windows))
    rules = sum(share << 16 * grade for grade, share in enumerate(min_share))
    return (hours, rules | fee_cap << 96 | int(freight) << 112 | notice // 3_600 << 120, b"\x11" * 32)


def read_policy(content):
    """The fields of a registered policy, from the documented layout of its two words: windows and notice in seconds."""
    windows, rules = content["windows"], content["rules"]
    assert windows >> 16 * 16 == 0
    assert rules >> 136 == 0
    return {
        "windows": [(windows >> 16 * state & 0xFFFF) * 3_600 for state in range(16)],
        "min_share": [rules >> 16 * grade & 0xFFFF for grade in range(6)],
        "fee_cap": rules >> 96 & 0xFFFF,
        "freight": rules >> 112 & 0xFF,
        "notice": (rules >> 120 & 0xFFFF) * 3_600,
        "document": bytes(content["document"]),
    }


# --- records --------------------------------------------------------------------------------------------------------


def read_entry(entry):
    """The fields of an entry word, from its documented layout."""
    word = int.from_bytes(bytes(entry), "big")
    layout = [
        ("position", 24),
        ("kind", 8),
        ("role", 8),
        ("state", 8),
        ("deadline", 40),
        ("time", 40),
        ("grade", 8),
        ("share", 16),
        ("fee", 16),
        ("flags", 8),
    ]
    fields = {}
    for name, bits in layout:
        fields[name] = word & ((1 << bits) - 1)
        word >>= bits
    assert word == 0
    return fields


def skipped(world, tx):
    """What a batch left out: index, case, commitment, and the refusal."""
    if "Skipped" not in tx.events:
        return []
    return [
        (event["index"], bytes(event["caseId"]), bytes(event["commitment"]), read_error(world.errors, event["reason"]))
        for event in tx.events["Skipped"]
    ]


def records_of(tx, case):
    """The records that a transaction added to a case, with their entries read."""
    return [
        {"actor": event["actor"], "commitment": bytes(event["commitment"]), **read_entry(event["entry"])}
        for event in tx.events["Recorded"]
        if bytes(event["caseId"]) == case.id
    ]


def link(head, actor, commitment, entry):
    """The next head, as the interface documents it."""
    return keccak(head + bytes.fromhex(actor[2:]).rjust(32, b"\0") + commitment + entry)

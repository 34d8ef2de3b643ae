"""What the tests of the escrow share: an escrow behind a ledger that says what it is told, and the people in it."""

import secrets

from brownie import LedgerStub, RefundEscrow, TestToken, accounts, chain
from eth_account.messages import encode_typed_data
from support import World, call_raw, chain_id, errors_of, keyed, sign
from words import FAR, FULL, KEEP_PAYEE, PERMIT, WITHDRAW_BALANCE, WITHDRAW_TO

DAY = 86_400
NOTICE = 2 * DAY

# Currency, ISO 4217 exponent, decimals of its token, token units of one minor unit.
COINS = {
    "JPY": (0, 0, 1),
    "EUR": (2, 2, 1),
    "USD": (2, 6, 10**4),
    "GBP": (2, 18, 10**16),
}


class Till(World):
    """A world of which the escrow alone is real, and that speaks for the ledger. Amounts are minor units; whoever signs
    is a key, whoever pays in is `payer`."""

    def __init__(self, tokens):
        """`tokens`: token contract, currency and exponent of each that the escrow takes."""
        self.chain = chain
        self.operator, self.payer, self.stranger = accounts[0], accounts[1], accounts[3]
        self.other = accounts[2].address
        self.merchant, self.consumer, self.arbitrator = keyed("merchant"), keyed("consumer"), keyed("arbitrator")
        listed = [(token.address, code.encode(), exponent) for token, code, exponent in tokens]
        self.tokens = {code: token for token, code, _ in tokens}
        self.ledger = LedgerStub.deploy({"from": self.operator})
        self.escrow = RefundEscrow.deploy(self.ledger, listed, {"from": self.operator})
        self.errors = errors_of(self.escrow, *self.tokens.values())
        self.send(self.ledger.setEscrow, self.escrow)

    def unit(self, token):
        return self.escrow.tokenInfo(token)["unit"]

    def give(self, token, units):
        """Tokens for the payer, and the escrow's allowance for them."""
        token.mint(self.payer, units, {"from": self.payer})
        token.approve(self.escrow, units, {"from": self.payer})

    def lock(self, token, refund, freight=0, reserve=0, merchant=None):
        """A new case with its money locked; the balance has to be there."""
        case = secrets.token_bytes(32)
        merchant = (merchant or self.merchant).address
        self.send(self.ledger.lock, case, merchant, token, refund, freight, reserve)
        return case

    def settle(self, case, merchant=None, **outcome):
        merchant = (merchant or self.merchant).address
        return self.ledger.settle(case, merchant, outcome_of(**outcome), {"from": self.stranger})

    def due(self, token, amount, merchant=None, consumer=None, notice=0):
        """A settled case with that much due to its consumer."""
        self.fund(token, amount, merchant)
        case = self.lock(token, amount, merchant=merchant)
        self.send(self.ledger.setPayee, case, (consumer or self.consumer).address, notice)
        self.send(self.ledger.settle, case, (merchant or self.merchant).address, outcome_of())
        return case

    def credit(self, token, amount, arbitrator=None, merchant=None):
        """A settled case whose reserve went to an arbitrator, with nothing due to its consumer."""
        self.fund(token, amount + 1, merchant)
        case = self.lock(token, 1, reserve=amount, merchant=merchant)
        awards = [((arbitrator or self.arbitrator).address, amount)]
        merchant = (merchant or self.merchant).address
        self.send(self.ledger.settle, case, merchant, outcome_of(share=0, awards=awards))
        return case

    def call_with_gas(self, method, *args, gas):
        """The answer of a call that has no more gas than that, and what it reverted with."""
        return call_raw(self.stranger, method._address, method.encode_input(*args), gas=gas)

    # --- messages: the arguments of the function that takes each ----------------------------------------------------

    def withdraw_to(self, case, to, nonce=0, valid_until=FAR, key=None):
        values = {"caseId": case, "to": to, "nonce": nonce, "validUntil": valid_until}
        return (*values.values(), self._sign(key or self.consumer, "WithdrawTo", values, WITHDRAW_TO))

    def keep_payee(self, case, nonce=1, valid_until=FAR, key=None):
        values = {"caseId": case, "nonce": nonce, "validUntil": valid_until}
        return (*values.values(), self._sign(key or self.consumer, "KeepPayee", values, KEEP_PAYEE))

    def withdraw_balance_for(self, token, amount, key=None, **changed):
        values = {
            "merchant": self.merchant.address,
            "token": token.address,
            "amount": amount,
            "to": self.other,
            "nonce": self.escrow.withdrawalNonce(self.merchant.address),
            "validUntil": FAR,
            **changed,
        }
        return (*values.values(), self._sign(key or self.merchant, "WithdrawBalance", values, WITHDRAW_BALANCE))

    def _sign(self, key, name, values, fields):
        return sign(key, self.escrow, "RefundEscrow", name, values, **{name: fields})


def outcome_of(share=FULL, fee=0, freight_to_consumer=False, fees_from_consumer=0, awards=()):
    """The contract's struct; `awards` are pairs of an address and an amount."""
    return (share, fee, freight_to_consumer, fees_from_consumer, list(awards))


def open_till():
    """A till that takes a well-behaved token of every kind in `COINS`."""
    tokens = []
    for code, (exponent, decimals, _) in COINS.items():
        token = TestToken.deploy(f"Test {code}", f"t{code}", decimals, {"from": accounts[0]})
        tokens.append((token, code, exponent))
    return Till(tokens)


def permit(token, owner, spender, units, deadline=FAR):
    """The last four arguments of `permit`, signed by the owner's key."""
    domain = {"name": token.name(), "version": "1", "chainId": chain_id(), "verifyingContract": token.address}
    message = {
        "owner": owner.address,
        "spender": spender.address,
        "value": units,
        "nonce": token.nonces(owner.address),
        "deadline": deadline,
    }
    types = {"Permit": [{"name": name, "type": kind} for name, kind in PERMIT.items()]}
    signed = owner.sign_message(encode_typed_data(domain, types, message))
    return deadline, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def permit_of_anybody():
    """What looks like a permit, and is nobody's."""
    return FAR, 27, b"\1" * 32, b"\1" * 32

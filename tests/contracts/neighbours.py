"""Other people in an escrow that takes a hostile token: what they have has to stay theirs, to the unit."""

from collections import namedtuple

from brownie import TestToken, accounts
from support import keyed
from till import Till

UNIT = 10**4  # of all tokens here: six decimals, two of them a cent's
PLACE = keyed("a place of the consumer's choice").address
NEIGHBOUR = keyed("another merchant")
CUSTOMER = keyed("another consumer")
COLLEAGUE = keyed("another arbitrator")


class Neighbours:
    """Other people's money in an escrow, of every kind and in every token, and what has to stay true of it."""

    def __init__(self, till):
        self.till, self.dues, self.locks = till, {}, {}
        for token in till.tokens.values():
            till.fund(token, 60_00, NEIGHBOUR)
            self.locks[token] = till.lock(token, 9_00, 1_00, 2_00, NEIGHBOUR)
            self.dues[token] = till.due(token, 20_00, NEIGHBOUR, CUSTOMER)
            till.credit(token, 3_00, COLLEAGUE, NEIGHBOUR)
        self.books = self.read()

    def read(self):
        escrow = self.till.escrow
        accounts_of = [[tuple(a) for a in escrow.accountsOf(who.address)] for who in (NEIGHBOUR, COLLEAGUE)]
        locks = [tuple(escrow.lockOf(case)) for case in [*self.locks.values(), *self.dues.values()]]
        return accounts_of, locks

    def assert_untouched(self, *cases):
        """Their books are as they were, and the escrow holds enough for them and for everybody of this test."""
        assert self.read() == self.books
        for token in self.till.tokens.values():
            assert token.balanceOf(self.till.escrow) >= UNIT * self.owed(token, cases)

    def owed(self, token, cases=()):
        escrow = self.till.escrow
        people = [NEIGHBOUR, COLLEAGUE, self.till.merchant, self.till.arbitrator]
        amount = sum(sum(escrow.accountOf(who.address, token)) for who in people)
        index = escrow.tokenInfo(token)["index"]
        known = [*self.dues.values(), *cases]
        return amount + sum(escrow.dueOf(case) for case in known if escrow.lockOf(case)["token"] == index)

    def take_all(self, token):
        """They are paid all they have in a token, down to the unit."""
        till = self.till
        till.settle(self.locks[token], NEIGHBOUR, share=0)
        till.send(till.escrow.withdrawFor, self.dues[token])
        till.send(till.escrow.withdrawCredit, COLLEAGUE.address, token)
        free = till.escrow.balanceOf(NEIGHBOUR.address, token)
        order = {"merchant": NEIGHBOUR.address, "key": NEIGHBOUR, "to": PLACE, "nonce": self.nonce()}
        till.send(till.escrow.withdrawBalanceFor, *till.withdraw_balance_for(token, free, **order))
        assert token.balanceOf(CUSTOMER.address) == 20_00 * UNIT
        assert token.balanceOf(COLLEAGUE.address) == 3_00 * UNIT
        # 60.00, and 0.01 for the case that paid the arbitrator.
        assert token.balanceOf(PLACE) == 60_01 * UNIT

    def nonce(self):
        return self.till.escrow.withdrawalNonce(NEIGHBOUR.address)


Scene = namedtuple("Scene", "token good till neighbours")


def open_with(kind):
    """A till that takes a hostile token and a good one, with neighbours in both."""
    token = kind.deploy({"from": accounts[0]})
    good = TestToken.deploy("Good", "GOOD", 6, {"from": accounts[0]})
    till = Till([(token, "EUR", 2), (good, "USD", 2)])
    return Scene(token, good, till, Neighbours(till))


def set_state(method, *args):
    """Tells a mock what to do from now on."""
    method(*args, {"from": accounts[3]})


def ways_out(till, token, case):
    """Everything that pays tokens out, 10.00 of them, ready to be called."""
    escrow = till.escrow
    return {
        "withdrawFor": (escrow.withdrawFor, case),
        "withdrawTo": (escrow.withdrawTo, *till.withdraw_to(case, till.other)),
        "withdrawCredit": (escrow.withdrawCredit, till.arbitrator.address, token.address),
        "withdrawBalanceFor": (escrow.withdrawBalanceFor, *till.withdraw_balance_for(token, 10_00)),
    }

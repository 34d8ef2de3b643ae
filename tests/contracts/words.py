"""The numbers of the contracts' enums, and the EIP-712 messages, written down a second time.

Nothing here is read from the contracts or shared with the service: a slip in a type string or in the order of an
enum has to show as a failing test.
"""

from enum import IntEnum

State = IntEnum(
    "State",
    "None_ Requested Declined Authorised PickedUp Received Inspected Exchanging Delivered Disputed Ruled Payable"
    " Refunded Settled Closed",
    start=0,
)
Role = IntEnum("Role", "None_ Consumer Merchant Carrier Warehouse Inspector Panel", start=0)
Kind = IntEnum(
    "Kind",
    "None_ Requested Authorised Declined Cancelled PickedUp Received Inspected Accepted ExchangeAgreed ExchangeShipped"
    " ExchangeDelivered Refunded Challenged Disputed Evidence Objected KeyBound Ruled Appealed Split Settled Closed"
    " Erased",
    start=0,
)
Mode = IntEnum("Mode", "None_ Refund Bond", start=0)
Grade = IntEnum("Grade", "None_ AsNew Opened Used Damaged Defective", start=0)
Freight = IntEnum("Freight", "Consumer Reimbursed Supplied", start=0)


class Flag(IntEnum):
    CONSUMER_KEY_HELD = 1
    INSPECTOR_INDEPENDENT = 2
    PICKUP_BY_CARRIER = 4
    FREIGHT_TO_CONSUMER = 8
    UNPAID = 16
    APPEALED = 32
    FALLBACK = 64
    CHALLENGED = 128


DAY = 86_400
FULL = 10_000
FAR = 2**40 - 1  # a validUntil that no test reaches
ZERO = "0x" + "00" * 20
NO_WORD = b"\0" * 32

TERMS = {
    "salt": "bytes32",
    "consumer": "address",
    "consumerKeyHeld": "bool",
    "parties": "bytes32",
    "policy": "bytes32",
    "panel": "uint32",
    "mode": "uint8",
    "token": "address",
    "refund": "uint64",
    "freight": "uint64",
    "reserve": "uint64",
}
OPEN = {"terms": "Terms", "commitment": "bytes32", "validUntil": "uint40"}
ACT = {"caseId": "bytes32", "role": "uint8", "nonce": "uint16", "validUntil": "uint40", "commitment": "bytes32"}
CLAIM = {**ACT, "share": "uint16"}
INSPECTION = {**ACT, "grade": "uint8", "share": "uint16", "fee": "uint16"}
ACTS = {
    Kind.Authorised: ACT,
    Kind.Declined: ACT,
    Kind.Cancelled: ACT,
    Kind.PickedUp: ACT,
    Kind.Received: ACT,
    Kind.Inspected: INSPECTION,
    Kind.Accepted: ACT,
    Kind.ExchangeAgreed: ACT,
    Kind.ExchangeShipped: ACT,
    Kind.ExchangeDelivered: ACT,
    Kind.Refunded: ACT,
    Kind.Challenged: CLAIM,
    Kind.Disputed: CLAIM,
    Kind.Evidence: ACT,
    Kind.Objected: ACT,
    Kind.Appealed: CLAIM,
    Kind.Split: CLAIM,
    Kind.KeyBound: {**ACT, "key": "address"},
    Kind.Erased: ACT,
}
WITHDRAW_TO = {"caseId": "bytes32", "to": "address", "nonce": "uint32", "validUntil": "uint40"}
KEEP_PAYEE = {"caseId": "bytes32", "nonce": "uint32", "validUntil": "uint40"}
WITHDRAW_BALANCE = {
    "merchant": "address",
    "token": "address",
    "amount": "uint256",
    "to": "address",
    "nonce": "uint256",
    "validUntil": "uint40",
}
PERMIT = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}

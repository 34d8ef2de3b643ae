"""Deploys the contracts, and writes DATA/deployments/<chain id>.json, as `ledger deploy` does.

    LEDGER_DATA=./data ./scripts/workbench run deploy --network development

LEDGER_DATA      the installation's folder, ./data where it is not set
LEDGER_TOKENS    a JSON file, {"EUR": "0x…"}: a token's address for each currency. Without it, test tokens are deployed
                 on a local chain; no other chain gets any.
LEDGER_OPERATOR  who registers policies, inspectors and panels; on a local chain its first account, elsewhere the
                 deployer
LEDGER_GUARDIAN  who can pause new cases; on a local chain its second account, elsewhere it has to be named
LEDGER_WRITER    who anchors checkpoints; on a local chain its third account, elsewhere it has to be named
LEDGER_DEPLOYER  the name of a brownie account, needed where the chain has no accounts of its own
"""

import json
import os
from pathlib import Path

from brownie import (
    ArbitrationPanel,
    CheckpointAnchor,
    RefundEscrow,
    ReturnLedger,
    ReturnLens,
    TestToken,
    accounts,
    web3,
)
from eth_utils import keccak, to_checksum_address
from rlp import encode as rlp_encode

SETTINGS = dict(os.environ)  # noqa: TID251 - brownie has no ledger_service to ask
LOCAL_CHAINS = (1337, 31337)
# ISO 4217 minor units other than two.
EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
TEST_CURRENCIES = ("GBP", "EUR", "USD", "CNY", "JPY", "BRL", "AUD", "SGD", "SEK", "KWD")
TEST_DECIMALS = 6
MOST_GROWTH = 1_000_000  # observations that one checkpoint can add; see ICheckpointAnchor


class Refused(SystemExit):
    """What stands in the way, and what to do about it."""

    def __init__(self, problem, remedy):
        super().__init__(f"{problem}\n{remedy}")


def main():
    path = Path(SETTINGS.get("LEDGER_DATA", "data")) / "deployments" / f"{web3.eth.chain_id}.json"
    genesis = _hex(web3.eth.get_block(0)["hash"])
    if path.exists():
        _check_standing(path, genesis)
        print(f"{path}: the contracts stand already")
        return
    deployer = _deployer()
    operator, guardian, writer = _roles(deployer)
    tokens = _tokens(deployer)
    contracts = _deploy(deployer, operator, guardian, writer, tokens)
    deployment = {
        "format": 2,
        "chain_id": web3.eth.chain_id,
        "genesis_hash": genesis,
        "deployed_at_block": contracts[0].tx.block_number,
        "operator": operator,
        "guardian": guardian,
        "contracts": {contract._name: _described(contract) for contract in contracts},
        "tokens": tokens,
    }
    _write(path, deployment)
    print(f"{path} written")


def _is_local():
    return web3.eth.chain_id in LOCAL_CHAINS


def _deployer():
    if name := SETTINGS.get("LEDGER_DEPLOYER"):
        return accounts.load(name)
    if len(accounts) < 2 or not _is_local():
        raise Refused("This chain has no accounts to deploy from.", "Set LEDGER_DEPLOYER to a brownie account's name.")
    return accounts[0]


def _roles(deployer):
    operator = SETTINGS.get("LEDGER_OPERATOR") or deployer.address
    guardian = _role("LEDGER_GUARDIAN", 1, "can pause new cases")
    return to_checksum_address(operator), guardian, _role("LEDGER_WRITER", 2, "anchors checkpoints")


def _role(setting, place, task):
    """The address that a setting names; without it, an account of a local chain."""
    if address := SETTINGS.get(setting):
        return to_checksum_address(address)
    if not _is_local() or len(accounts) <= place:
        raise Refused(f"Nobody is named who {task}.", f"Set {setting} to an address.")
    return accounts[place].address


def _tokens(deployer):
    """Currency to what the deployments file says of its token."""
    if listed := SETTINGS.get("LEDGER_TOKENS"):
        pairs = json.loads(Path(listed).read_text(encoding="utf-8"))
        return {code: _token(code, address, test=False) for code, address in pairs.items()}
    if not _is_local():
        raise Refused("Test tokens belong on a local chain.", "Set LEDGER_TOKENS to a JSON file of token addresses.")
    made = {
        code: TestToken.deploy(f"Test {code}", f"t{code}", TEST_DECIMALS, {"from": deployer})
        for code in TEST_CURRENCIES
    }
    return {code: _token(code, token.address, test=True) for code, token in made.items()}


def _token(code, address, test):
    address = to_checksum_address(address)
    decimals = TestToken.at(address).decimals()
    exponent = EXPONENTS.get(code, 2)
    if decimals < exponent:
        raise Refused(f"The token at {address} cannot hold {code} to its last digit.", "Choose one with more decimals.")
    return {"address": address, "decimals": decimals, "unit": str(10 ** (decimals - exponent)), "test": test}


def _deploy(deployer, operator, guardian, writer, tokens):
    """Those that are named before they exist get their addresses from the deployer's next nonces."""
    sender = {"from": deployer}
    listed = [(token["address"], code.encode(), EXPONENTS.get(code, 2)) for code, token in tokens.items()]
    escrow = RefundEscrow.deploy(_next(deployer, 1), listed, sender)
    ledger = ReturnLedger.deploy(escrow, _next(deployer, 1), operator, guardian, sender)
    panel = ArbitrationPanel.deploy(ledger, operator, sender)
    anchor = CheckpointAnchor.deploy(operator, writer, MOST_GROWTH, sender)
    lens = ReturnLens.deploy(ledger, escrow, sender)
    if (escrow.ledger(), ledger.panel()) != (ledger.address, panel.address):
        raise Refused(
            f"{escrow.address} and {ledger.address} do not name {ledger.address} and {panel.address}: another "
            "transaction came between.",
            "Let nobody else use the deployer's account meanwhile, and deploy again.",
        )
    return escrow, ledger, panel, anchor, lens


def _next(deployer, ahead):
    """The address of a contract that the deployer creates after `ahead` other transactions."""
    sender = bytes.fromhex(deployer.address[2:])
    return to_checksum_address(keccak(rlp_encode([sender, deployer.nonce + ahead]))[12:])


def _described(contract):
    code = web3.eth.get_code(contract.address)
    return {"address": contract.address, "code_hash": _hex(keccak(code)), "transaction": contract.tx.txid}


def _check_standing(path, genesis):
    """Refuses to replace what an installation rests on."""
    deployment = json.loads(path.read_text(encoding="utf-8"))
    if deployment["genesis_hash"] != genesis:
        raise Refused(f"{path} is of another chain with the same id.", "Set LEDGER_DATA to another folder.")
    for name, contract in deployment["contracts"].items():
        if _hex(keccak(web3.eth.get_code(contract["address"]))) != contract["code_hash"]:
            raise Refused(f"At {contract['address']} there is no {name} of {path}.", "Bring back the chain's own data.")


def _write(path, deployment):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(deployment, indent=2, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _hex(value):
    return "0x" + bytes(value).hex()

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, CaseView, Freight, Kind, Parties, Role} from "../../contracts/interfaces/CaseTypes.sol";
import {IArbitrationPanel} from "../../contracts/interfaces/IArbitrationPanel.sol";
import {Outcome} from "../../contracts/interfaces/IRefundEscrow.sol";
import {TestToken} from "../../contracts/mocks/TestToken.sol";
import {Handler} from "./Handler.sol";
import {Moves} from "./Moves.sol";
import {IMintable} from "./World.sol";

/// @notice What a hostile relayer, a stranger and the operator try on top of it. None of it may move a case or its money.
contract Attacker is Handler {
    using Moves for CaseView;

    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    /// A message once more: as it was, in another case, and through a batch.
    function replay(uint256 seed) public {
        if (sent.length == 0) return open(seed);
        Sent memory m = sent[seed % sent.length];
        _mustRefuse(m);
        bytes32 heads = _heads();
        ledger.recordPacked(_pack(m));
        vm.assertEq(_heads(), heads, "a message counted twice");
        m.act.caseId = ids[_pick(seed, "case") % ids.length];
        if (m.act.caseId != sent[seed % sent.length].act.caseId) _mustRefuse(m);
    }

    /// An act that the rules allow, with something wrong about its signature.
    function forge_(uint256 seed) public {
        if (ids.length == 0) return open(seed);
        bytes32 id = ids[seed % ids.length];
        CaseView memory v = lens.getCase(id);
        Moves.List memory list = v.possible();
        if (list.length == 0) return;
        Moves.Move memory move = list.moves[_pick(seed, "move") % list.length];
        Act memory a = _actOf(seed, id, v, move.kind, move.role);
        uint256 how = _pick(seed, "how") % 7;
        address signer = _signerOf(v, move.role);
        if (how == 0) ++a.nonce;
        else if (how == 1) a.validUntil = uint40(block.timestamp - 1);
        else if (how == 2) signer = newKey("stranger", seed);
        if (how == 3) vm.chainId(block.chainid + 1);
        bytes memory signature = sign(signer, lens.digestOf(a));
        if (how == 3) vm.chainId(block.chainid - 1);
        if (how == 4) signature = _highS(signature);
        if (how == 5) a.commitment = ~a.commitment;
        if (how == 6) signature = sign(signer, escrowDigest(keccak256(abi.encode(a))));
        _mustRefuse(Sent(a, signature));
    }

    /// Whatever kind by whatever role, signed by that role: what the list of moves does not have is refused.
    function overreach(uint256 seed) public {
        if (ids.length == 0) return open(seed);
        bytes32 id = ids[seed % ids.length];
        CaseView memory v = lens.getCase(id);
        Kind kind = Kind(_pick(seed, "kind") % (uint8(type(Kind).max) + 1));
        Role role = Role(1 + _pick(seed, "role") % 5);
        Moves.List memory list = v.possible();
        for (uint256 i = 0; i < list.length; ++i) {
            if (list.moves[i].kind == kind && list.moves[i].role == role) return;
        }
        Act memory a;
        (a.caseId, a.kind, a.role, a.nonce, a.validUntil) = (id, kind, role, v.nonces[uint8(role)], FAR);
        a.commitment = keccak256(abi.encode("overreach", seed));
        _mustRefuse(Sent(a, sign(_signerOf(v, role), lens.digestOf(a))));
    }

    /// What only the ledger, the panel or the operator may call; and a token that is not on the list.
    function trespass(uint256 seed) public {
        address stranger = newKey("stranger", seed);
        bytes32 id = ids.length == 0 ? bytes32(seed) : ids[seed % ids.length];
        bytes32 heads = _heads();
        Outcome memory outcome;
        outcome.share = FULL;
        _asStranger(stranger, address(escrow), abi.encodeCall(escrow.settle, (id, merchants[0], outcome)));
        _asStranger(
            stranger, address(escrow), abi.encodeCall(escrow.lock, (bytes32(seed), merchants[0], tokens[0], 1, 0, 0))
        );
        _asStranger(stranger, address(ledger), abi.encodeCall(ledger.rule, (id, FULL, bytes32(seed), false)));
        _asStranger(
            stranger, address(ledger), abi.encodeCall(ledger.registerPolicy, (makePolicy(Freight.Consumer, 0, seed)))
        );
        _asStranger(stranger, address(ledger), abi.encodeCall(ledger.registerInspector, (stranger, true)));
        _asStranger(stranger, address(ledger), abi.encodeCall(ledger.pause, ()));
        TestToken unlisted = new TestToken("Unlisted", "UNLISTED", 6);
        unlisted.mint(stranger, 1_00);
        _asStranger(stranger, address(escrow), abi.encodeCall(escrow.deposit, (merchants[0], address(unlisted), 1_00)));
        vm.assertEq(_heads(), heads, "a stranger moved a case");
    }

    /// What the operator and the guardian may do touches no case that lives.
    function administer(uint256 seed) public {
        bytes32 heads = _heads();
        uint256 what = seed % 5;
        if (what == 0) {
            paused = !paused;
            if (paused) ledger.pause();
            else ledger.unpause();
        } else if (what == 1) {
            ledger.registerPolicy(makePolicy(Freight(seed % 3), seed % 100, uint256(keccak256(abi.encode(seed)))));
        } else if (what == 2) {
            ledger.registerInspector(parties[0].inspector, seed % 2 == 0);
        } else if (what == 3) {
            address[] memory one = new address[](1);
            one[0] = newKey("arbitrator of later", seed);
            panel.registerPanel(IArbitrationPanel.Panel(one, 1, 0, 0, uint48(seed % 100)));
        } else {
            address anybody = newKey("party", seed);
            ledger.registerParties(Parties(anybody, anybody, anybody, anybody));
        }
        vm.assertEq(_heads(), heads, "an admin's change touched a live case");
    }

    function _mustRefuse(Sent memory m) private {
        bytes32 heads = _heads();
        try ledger.record(m.act, m.signature) {
            vm.assertTrue(false, "the ledger took what it has to refuse");
        } catch {}
        vm.assertEq(_heads(), heads, "a refusal left a trace");
    }

    function _asStranger(address stranger, address to, bytes memory data) private {
        vm.prank(stranger);
        (bool done,) = to.call(data);
        vm.assertTrue(!done, "a stranger was let in");
    }

    function _highS(bytes memory signature) private pure returns (bytes memory) {
        (bytes32 r, uint256 s, uint8 v) = (bytes32(0), 0, uint8(signature[64]));
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        return abi.encodePacked(r, ORDER - s, v == 27 ? uint8(28) : uint8(27));
    }

    /// All that the ledger holds of all cases.
    function _heads() private view returns (bytes32 hash) {
        for (uint256 i = 0; i < ids.length; ++i) {
            hash = keccak256(abi.encode(hash, ledger.slotsOf(ids[i])));
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {
    Act,
    CaseView,
    Freight,
    Grade,
    Kind,
    Mode,
    Opening,
    Parties,
    Role,
    State,
    Terms
} from "../../contracts/interfaces/CaseTypes.sol";
import {IArbitrationPanel} from "../../contracts/interfaces/IArbitrationPanel.sol";
import {RegulatedToken} from "../../contracts/mocks/RegulatedToken.sol";
import {CaseFlags} from "../../contracts/libraries/CaseFlags.sol";
import {Book} from "./Book.sol";
import {Moves} from "./Moves.sol";
import {IMintable} from "./World.sol";

/// @notice What people do with cases, by chance but within the rules: none of it may be refused.
abstract contract Handler is Book {
    using Moves for CaseView;

    uint256 internal constant MOST_CASES = 10;

    struct Sent {
        Act act;
        bytes signature;
    }

    Sent[] internal sent;
    bool internal paused;
    uint256 private _salt;

    // --- cases -----------------------------------------------------------------------------------------------------

    function open(uint256 seed) public {
        if (ids.length >= MOST_CASES) return act(seed);
        uint256 who = _pick(seed, "parties") % parties.length;
        uint256 token = _pick(seed, "token") % tokens.length;
        Opening memory opening = _opening(seed, who, token);
        bytes32 id = lens.caseIdOf(opening.terms);
        if (paused) {
            try ledger.open(opening) {
                vm.assertTrue(false, "a case opened in a pause");
            } catch {}
            return;
        }
        uint256 total = uint256(opening.terms.refund) + opening.terms.freight + opening.terms.reserve;
        address merchant = parties[who].merchant;
        if (escrow.balanceOf(merchant, tokens[token]) < total) _deposit(merchant, token, total);
        (uint256 free, uint256 locked,) = escrow.accountOf(merchant, tokens[token]);
        ledger.open(opening);
        (uint256 freeAfter, uint256 lockedAfter,) = escrow.accountOf(merchant, tokens[token]);
        vm.assertEq(free - freeAfter, total, "a lock comes from the merchant's balance");
        vm.assertEq(lockedAfter - locked, total, "and nothing is lost on the way");
        ids.push(id);
        (termsOf[id], tokenOf[id], partiesOf[id]) = (opening.terms, token, who);
    }

    /// Three acts in one case, so that lives get far.
    function act(uint256 seed) public {
        if (ids.length == 0) return;
        bytes32 id = ids[_pick(seed, "case") % ids.length];
        for (uint256 i = 0; i < 3; ++i) {
            _actOnce(_pick(seed, i), id);
        }
    }

    /// Pokes the case that is due first, so that the others stay as they are.
    function poke(uint256 seed) public {
        (bytes32 id, uint256 due) = _dueFirst();
        if (id == 0) return open(seed);
        if (block.timestamp <= due) vm.warp(due + 1);
        Snapshot memory s = _before(id);
        if (seed % 2 == 0) {
            ledger.poke(id);
        } else {
            bytes32[] memory one = new bytes32[](2);
            (one[0], one[1]) = (id, id); // the second is skipped, or pokes what follows at once
            ledger.pokeBatch(one);
        }
        _after(id, s);
    }

    /// A panel stays silent until its round is over.
    function silence(uint256 seed) public {
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes32 id = ids[addmod(i, seed, ids.length)];
            CaseView memory v = lens.getCase(id);
            if (v.state != State.Disputed) continue;
            if (block.timestamp <= _dueOf(v)) vm.warp(_dueOf(v) + 1);
            Snapshot memory s = _before(id);
            ledger.poke(id);
            _after(id, s);
            return;
        }
    }

    function wait_(uint256 seed) public {
        (, uint256 due) = _dueFirst();
        uint256 latest = due > block.timestamp ? due - block.timestamp : 1 days;
        vm.warp(block.timestamp + bound(seed, 0, latest));
    }

    /// One to three votes in a dispute.
    function vote(uint256 seed) public {
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes32 id = ids[(i + seed % ids.length) % ids.length];
            (uint32 version, uint8 round, uint40 deadline, uint16 most,, bool disputed) = ledger.disputeOf(id);
            if (!disputed || version == 0 || block.timestamp > deadline) continue;
            Snapshot memory s = _before(id);
            if (!_voteOnce(seed, id, _panelOf(version, round), round, most)) continue;
            for (uint256 more = 0; more < seed % 3; ++more) {
                (,,,,, bool still) = ledger.disputeOf(id);
                if (still) _voteOnce(_pick(seed, more), id, _panelOf(version, round), round, most);
            }
            CaseView memory v = lens.getCase(id);
            if (v.length > s.length) _after(id, s);
            return;
        }
    }

    // --- money -----------------------------------------------------------------------------------------------------

    function deposit(uint256 seed) public {
        _deposit(merchants[seed % merchants.length], _pick(seed, "t") % tokens.length, bound(seed, 1, 1_000_00));
    }

    function withdraw(uint256 seed) public {
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes32 id = ids[(i + seed % ids.length) % ids.length];
            if (!_isPayable(id)) continue;
            uint256 due = escrow.dueOf(id);
            address to = _payee(id);
            uint256 had = IMintable(tokens[tokenOf[id]]).balanceOf(to);
            escrow.withdrawFor(id);
            _paid(id, due);
            uint256 has = IMintable(tokens[tokenOf[id]]).balanceOf(to);
            vm.assertEq(has - had, due * units[tokenOf[id]], "the payee got what was due");
            return;
        }
    }

    /// All at once, with a consumer that its token has blocked: the others are paid all the same.
    function withdrawAll(uint256 seed) public {
        if (ids.length == 0) return open(seed);
        bytes32 victim = ids[seed % ids.length];
        RegulatedToken regulated = RegulatedToken(tokens[BLOCKLISTING]);
        address blocked = _payee(victim);
        regulated.setBlocked(blocked, true);
        uint256[] memory dues = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            dues[i] = escrow.dueOf(ids[i]);
        }
        escrow.withdrawForBatch(ids);
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 left = escrow.dueOf(ids[i]);
            bool stuck = tokenOf[ids[i]] == BLOCKLISTING && _payee(ids[i]) == blocked;
            bool waits = escrow.redirectOf(ids[i]).effectiveAt > block.timestamp;
            vm.assertEq(left, stuck || waits ? dues[i] : 0, "a recipient stood in another's way");
            if (left == 0 && dues[i] != 0) _paid(ids[i], dues[i]);
        }
        regulated.setBlocked(blocked, false);
    }

    /// A signed withdrawal to elsewhere; while the key is held it waits, and may be objected to.
    function withdrawElsewhere(uint256 seed) public {
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes32 id = ids[(i + seed % ids.length) % ids.length];
            if (escrow.dueOf(id) == 0) continue;
            uint32 nonce = escrow.redirectOf(id).nonce;
            (address consumer, uint32 notice) = ledger.payeeOf(id);
            if (escrow.redirectOf(id).effectiveAt > block.timestamp) {
                bytes32 keep = keccak256("KeepPayee(bytes32 caseId,uint32 nonce,uint40 validUntil)");
                bytes memory no = sign(consumer, escrowDigest(keccak256(abi.encode(keep, id, nonce, FAR))));
                escrow.keepPayee(id, nonce, FAR, no);
                return;
            }
            address to = newKey("elsewhere", seed);
            bytes32 kind = keccak256("WithdrawTo(bytes32 caseId,address to,uint32 nonce,uint40 validUntil)");
            bytes memory yes = sign(consumer, escrowDigest(keccak256(abi.encode(kind, id, to, nonce, FAR))));
            uint256 due = escrow.dueOf(id);
            escrow.withdrawTo(id, to, nonce, FAR, yes);
            if (notice == 0) _paid(id, due);
            vm.assertEq(escrow.dueOf(id), notice == 0 ? 0 : due, "paid at once, or not at all yet");
            try escrow.withdrawTo(id, to, nonce, FAR, yes) {
                vm.assertTrue(false, "a withdrawal counted twice");
            } catch {}
            return;
        }
    }

    function withdrawCredit(uint256 seed) public {
        for (uint256 i = 0; i < arbitrators.length * tokens.length; ++i) {
            uint256 place = addmod(i, seed, arbitrators.length * tokens.length);
            (address account, uint256 token) = (arbitrators[place / tokens.length], place % tokens.length);
            (,, uint256 credit) = escrow.accountOf(account, tokens[token]);
            if (credit == 0) continue;
            uint256 had = IMintable(tokens[token]).balanceOf(account);
            escrow.withdrawCredit(account, tokens[token]);
            paidOut[token] += credit;
            uint256 got = IMintable(tokens[token]).balanceOf(account) - had;
            vm.assertEq(got, credit * units[token], "an arbitrator got what was credited");
            return;
        }
    }

    function withdrawBalance(uint256 seed) public {
        address merchant = merchants[seed % merchants.length];
        uint256 token = _pick(seed, "t") % tokens.length;
        uint256 amount = bound(seed, 0, escrow.balanceOf(merchant, tokens[token]));
        if (seed % 2 == 0) {
            vm.prank(merchant);
            escrow.withdrawBalance(tokens[token], amount, merchant);
        } else {
            bytes32 kind = keccak256(
                "WithdrawBalance(address merchant,address token,uint256 amount,address to,uint256 nonce,uint40 validUntil)"
            );
            uint256 nonce = escrow.withdrawalNonce(merchant);
            bytes32 hash = keccak256(abi.encode(kind, merchant, tokens[token], amount, merchant, nonce, FAR));
            bytes memory signature = sign(merchant, escrowDigest(hash));
            escrow.withdrawBalanceFor(merchant, tokens[token], amount, merchant, nonce, FAR, signature);
        }
        paidOut[token] += amount;
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    function _actOnce(uint256 seed, bytes32 id) private {
        CaseView memory v = lens.getCase(id);
        if (!Moves.isOver(v.state) && block.timestamp > _dueOf(v)) return;
        Moves.List memory list = v.possible();
        if (list.length == 0) return;
        Moves.Move memory move = list.moves[_pick(seed, "move") % list.length];
        Act memory a = _actOf(seed, id, v, move.kind, move.role);
        Sent memory message = Sent(a, sign(_signerOf(v, move.role), lens.digestOf(a)));
        Snapshot memory s = _before(id);
        if (seed % 2 == 0) ledger.record(a, message.signature);
        else ledger.recordPacked(_pack(message));
        _after(id, s);
        kindsSeen |= 1 << uint8(a.kind);
        sent.push(message);
    }

    function _actOf(uint256 seed, bytes32 id, CaseView memory v, Kind kind, Role role) internal returns (Act memory a) {
        (a.caseId, a.kind, a.role, a.nonce, a.validUntil) = (id, kind, role, v.nonces[uint8(role)], FAR);
        a.commitment = keccak256(abi.encode("record", seed));
        if (kind == Kind.Inspected) {
            a.grade = Grade(1 + _pick(seed, "grade") % 5);
            a.share = uint16(bound(_pick(seed, "share"), LEAST_SHARE[uint8(a.grade)], FULL));
            a.fee = a.grade == Grade.Defective ? 0 : uint16(_pick(seed, "fee") % (FEE_CAP + 1));
        } else if (kind == Kind.Split) {
            // Half of the time what the other one has offered, so that offers meet.
            a.share = seed % 2 == 0 && v.offeredBy != Role.None ? v.offer : uint16(_pick(seed, "share") % (FULL + 1));
        } else if (kind == Kind.Appealed) {
            bool higher = role == Role.Consumer;
            a.share = uint16(
                higher ? bound(_pick(seed, "share"), v.share + 1, FULL) : bound(_pick(seed, "share"), 0, v.share - 1)
            );
        } else if (kind == Kind.Challenged || kind == Kind.Disputed) {
            bool challenges = kind == Kind.Challenged || _claimsRest(v, role);
            uint256 least = _leastClaim(id, v, kind, role);
            if (challenges && least == 0) least = 1;
            a.share = uint16(bound(_pick(seed, "share"), least, challenges ? v.share - v.fee : FULL));
        } else if (kind == Kind.KeyBound) {
            a.key = newKey("consumer's own", ++_salt);
        }
    }

    /// A held key cannot claim less than it has claimed in this dispute.
    function _leastClaim(bytes32 id, CaseView memory v, Kind kind, Role role) private view returns (uint256) {
        (, uint32 notice) = ledger.payeeOf(id);
        bool restates = kind == Kind.Disputed && role == Role.Consumer && v.state == State.Disputed;
        return restates && notice != 0 ? v.consumerClaim : 0;
    }

    function _claimsRest(CaseView memory v, Role role) private pure returns (bool) {
        return role == Role.Consumer && v.flags & CaseFlags.CHALLENGED != 0;
    }

    function _opening(uint256 seed, uint256 who, uint256 token) private returns (Opening memory opening) {
        Terms memory t;
        t.salt = bytes32(++_salt);
        t.consumer = newKey("consumer", _salt);
        t.consumerKeyHeld = _pick(seed, "held") % 2 == 0;
        t.parties = keccak256(abi.encode(parties[who]));
        uint256 policy = _pick(seed, "policy") % policies.length;
        t.policy = policies[policy];
        t.panel = [uint32(0), MAIN_PANEL, MAIN_PANEL, LONE_PANEL][_pick(seed, "panel") % 4];
        t.mode = Mode(_pick(seed, "mode") % 3);
        if (t.mode != Mode.None) {
            t.token = tokens[token];
            t.refund = uint64(bound(_pick(seed, "refund"), 1, 500_00));
            t.freight = policy == uint256(uint8(Freight.Supplied)) ? 0 : uint64(_pick(seed, "freight") % 20_00);
            t.reserve = uint64(_leastReserve(t.panel, t.mode) + _pick(seed, "reserve") % 10_00);
        }
        opening = Opening(t, keccak256(abi.encode("requested", seed)), FAR, "");
        opening.signature = sign(parties[who].merchant, lens.openingDigestOf(opening));
    }

    function _leastReserve(uint32 version, Mode mode) private view returns (uint256) {
        if (version == 0) return 0;
        (uint64 first, uint64 onAppeal) = panel.feesOf(version);
        return uint256(first) * (mode == Mode.Bond ? 2 : 1) + onAppeal;
    }

    /// @return whether somebody on that panel had a vote left
    function _voteOnce(uint256 seed, bytes32 id, uint32 version, uint8 round, uint16 most) private returns (bool) {
        address[] memory seats = panel.panelOf(version).arbitrators;
        uint256 ballot = uint256(panel.ballotOf(id, round));
        for (uint256 i = 0; i < seats.length; ++i) {
            uint256 seat = addmod(i, seed, seats.length);
            if (uint16(ballot >> (16 * seat)) != 0) continue;
            uint16 share = uint16(_pick(seed, "vote") % (uint256(most) + 1));
            IArbitrationPanel.Vote memory v =
                IArbitrationPanel.Vote(id, seats[seat], round, share, FAR, keccak256(abi.encode("vote", seed)));
            bytes memory signature = sign(seats[seat], panel.digestOf(v));
            panel.vote(v, signature);
            try panel.vote(v, signature) {
                vm.assertTrue(false, "a vote counted twice");
            } catch {}
            return true;
        }
        return false;
    }

    function _panelOf(uint32 version, uint8 round) private view returns (uint32) {
        if (round == 0 || round == 3) return version;
        IArbitrationPanel.Panel memory p = panel.panelOf(version);
        return round == 2 ? p.appealPanel : p.fallbackPanel;
    }

    function _deposit(address merchant, uint256 token, uint256 amount) internal {
        IMintable(tokens[token]).mint(address(this), amount * units[token]);
        escrow.deposit(merchant, tokens[token], amount * units[token]);
        deposited[token] += amount;
    }

    function _paid(bytes32 id, uint256 amount) internal {
        paid[id] += amount;
        paidOut[tokenOf[id]] += amount;
    }

    function _isPayable(bytes32 id) internal view returns (bool) {
        return escrow.dueOf(id) != 0 && escrow.redirectOf(id).effectiveAt <= block.timestamp;
    }

    function _payee(bytes32 id) internal view returns (address to) {
        to = escrow.redirectOf(id).to;
        if (to == address(0)) to = ledger.consumerOf(id);
    }

    function _signerOf(CaseView memory v, Role role) internal pure returns (address) {
        if (role == Role.Consumer) return v.consumer;
        if (role == Role.Merchant) return v.parties.merchant;
        if (role == Role.Carrier) return v.parties.carrier;
        return role == Role.Warehouse ? v.parties.warehouse : v.parties.inspector;
    }

    function _pack(Sent memory m) internal pure returns (bytes memory) {
        Act memory a = m.act;
        bytes memory fields = abi.encodePacked(a.validUntil, a.nonce, a.role, a.kind, a.fee, a.share, a.grade);
        bytes memory key = a.kind == Kind.KeyBound ? abi.encodePacked(a.key) : bytes("");
        return abi.encodePacked(a.caseId, a.commitment, fields, m.signature, key);
    }

    /// The live case whose deadline or notice comes first; zero where none lives.
    function _dueFirst() internal view returns (bytes32 id, uint256 due) {
        for (uint256 i = 0; i < ids.length; ++i) {
            CaseView memory v = lens.getCase(ids[i]);
            if (Moves.isOver(v.state) || (id != 0 && _dueOf(v) >= due)) continue;
            (id, due) = (ids[i], _dueOf(v));
        }
    }

    function _dueOf(CaseView memory v) internal pure returns (uint256) {
        bool sooner = v.notice.kind != Kind.None && v.notice.effectiveAt < v.deadline;
        return sooner ? v.notice.effectiveAt : v.deadline;
    }

    function _pick(uint256 seed, string memory what) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }

    function _pick(uint256 seed, uint256 what) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what)));
    }
}

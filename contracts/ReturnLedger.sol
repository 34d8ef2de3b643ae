// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {Cases} from "./base/Cases.sol";
import {CaseViews} from "./base/CaseViews.sol";
import {Lapses} from "./base/Lapses.sol";
import {
    Act,
    Freight,
    Grade,
    Kind,
    Mode,
    Opening,
    Parties,
    Policy,
    Role,
    State,
    Terms
} from "./interfaces/CaseTypes.sol";
import {IArbitrationPanel} from "./interfaces/IArbitrationPanel.sol";
import {IRefundEscrow} from "./interfaces/IRefundEscrow.sol";
import {CaseFlags} from "./libraries/CaseFlags.sol";
import {CaseMachine} from "./libraries/CaseMachine.sol";
import {CaseMarks} from "./libraries/CaseMarks.sol";
import {CaseWord, CaseWords} from "./libraries/CaseWord.sol";
import {Messages} from "./libraries/Messages.sol";
import {PackedAct} from "./libraries/PackedAct.sol";
import {Payout} from "./libraries/Payout.sol";
import {PolicyWords} from "./libraries/PolicyWords.sol";
import {Refusal, Refusals} from "./libraries/Refusals.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title See IReturnLedger and IReturnDisputes, which say all there is to say
contract ReturnLedger is Lapses, CaseViews, EIP712, Pausable {
    using PolicyWords for Policy;

    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");
    /// Gas that has to be left where a case of a batch is opened, so that a relayer cannot have the escrow or the panel
    /// refuse it by sending too little.
    uint256 public constant OPENING_GAS = 400_000;

    /// @param escrow_ the escrow that takes this ledger's word
    /// @param panel_ the panels whose rulings this ledger takes; both addresses are known before they are deployed
    constructor(IRefundEscrow escrow_, IArbitrationPanel panel_, address operator, address guardian)
        Cases(escrow_, panel_)
        EIP712("ReturnLedger", "1")
    {
        if (operator == address(0) || guardian == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, operator);
        _grantRole(OPERATOR, operator);
        _grantRole(GUARDIAN, guardian);
    }

    // --- acts ------------------------------------------------------------------------------------------------------

    function open(Opening calldata opening) external whenNotPaused returns (bytes32 caseId) {
        bytes memory reason;
        (caseId, reason) = _open(opening);
        _revertWith(reason);
    }

    function openBatch(Opening[] calldata openings) external whenNotPaused {
        for (uint256 i = 0; i < openings.length; ++i) {
            if (gasleft() < OPENING_GAS) revert BatchGasTooLow(i);
            (bytes32 caseId, bytes memory reason) = _open(openings[i]);
            if (reason.length != 0) emit Skipped(caseId, openings[i].commitment, i, reason);
        }
    }

    function record(Act calldata act, bytes calldata signature) external {
        _record(act, signature).revertIfAny(act.caseId);
    }

    function recordBatch(bytes calldata items) external {
        uint256 index = 0;
        uint256 end;
        for (uint256 start = 0; start < items.length; start = end) {
            uint256 free = _freeMemory();
            end = PackedAct.endOf(items, start);
            if (end > items.length) revert BadLength(items.length);
            (Act memory act, Refusal refusal) = PackedAct.unpack(items, start);
            if (refusal.isNone()) refusal = _record(act, PackedAct.signature(items, start));
            if (!refusal.isNone()) emit Skipped(act.caseId, act.commitment, index, refusal.encode(act.caseId));
            _freeMemoryFrom(free);
            ++index;
        }
    }

    function poke(bytes32 caseId) external {
        _poke(caseId).revertIfAny(caseId);
    }

    function pokeBatch(bytes32[] calldata caseIds) external {
        for (uint256 i = 0; i < caseIds.length; ++i) {
            Refusal refusal = _poke(caseIds[i]);
            if (!refusal.isNone()) emit Skipped(caseIds[i], bytes32(0), i, refusal.encode(caseIds[i]));
        }
    }

    function pause() external onlyRole(GUARDIAN) {
        _pause();
    }

    function unpause() external onlyRole(GUARDIAN) {
        _unpause();
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    /// @return caseId
    /// @return reason the ABI-encoded error of an opening that is refused, and then nothing has changed; else empty
    function _open(Opening calldata opening) private returns (bytes32 caseId, bytes memory reason) {
        Terms calldata terms = opening.terms;
        caseId = Messages.hashTerms(terms);
        Stored storage stored = _cases[caseId];
        uint32 parties = _partiesIndex[terms.parties];
        address merchant = _parties[parties].merchant;
        reason = _judgeOpening(opening, parties, caseId);
        if (reason.length == 0) reason = _judgeTerms(terms, parties);
        if (reason.length != 0) return (caseId, reason);
        bytes32 digest = _hashTypedDataV4(Messages.hashOpen(caseId, opening.commitment, opening.validUntil));
        if (!Signatures.isSignedBy(merchant, digest, opening.signature)) {
            return (caseId, abi.encodeWithSelector(BadSignature.selector, merchant));
        }
        // The lock comes first, since the escrow may refuse it; it calls nobody and moves no token.
        if (terms.mode != Mode.None) {
            try escrow.lock(caseId, merchant, terms.token, terms.refund, terms.freight, terms.reserve) {}
            catch (bytes memory refusal) {
                return (caseId, refusal);
            }
        }

        stored.consumer = terms.consumer;
        stored.panel = terms.panel;
        emit Opened(caseId, merchant, terms.consumer, terms);
        CaseWord c = CaseWords.opened(_policyIndex[terms.policy], parties, terms.mode, _flagsOf(terms, parties));
        c = _entering(c.countingNonce(Role.Merchant), State.Requested);
        stored.head = _link(caseId, caseId, c, Link(Kind.Requested, Role.Merchant, merchant, opening.commitment));
        stored.word = c.countingRecord();
    }

    function _judgeOpening(Opening calldata opening, uint32 parties, bytes32 caseId)
        private
        view
        returns (bytes memory)
    {
        Terms calldata terms = opening.terms;
        if (block.timestamp > opening.validUntil) {
            return abi.encodeWithSelector(SignatureExpired.selector, opening.validUntil);
        }
        if (parties == 0) return abi.encodeWithSelector(UnknownParties.selector, terms.parties);
        if (_policyIndex[terms.policy] == 0) return abi.encodeWithSelector(UnknownPolicy.selector, terms.policy);
        if (terms.consumer == address(0)) return abi.encodeWithSelector(ZeroAddress.selector);
        if (_cases[caseId].word.exists()) return abi.encodeWithSelector(AlreadyOpen.selector, caseId);
        return "";
    }

    function _judgeTerms(Terms calldata terms, uint32 parties) private returns (bytes memory) {
        bool funded = terms.token != address(0) && terms.refund != 0;
        bool empty = terms.token == address(0) && terms.refund == 0 && terms.freight == 0 && terms.reserve == 0;
        if (terms.mode == Mode.None ? !empty : !funded) return abi.encodeWithSelector(AmountsDoNotFitMode.selector);
        if (terms.freight != 0 && _policies[_policyIndex[terms.policy]].freightOf() == Freight.Supplied) {
            return abi.encodeWithSelector(FreightNotLockable.selector);
        }
        (uint64 least, bytes memory reason) = _leastReserve(parties, terms.panel, terms.mode);
        if (reason.length != 0) return reason;
        if (terms.reserve < least) return abi.encodeWithSelector(ReserveTooSmall.selector, terms.reserve, least);
        return "";
    }

    function _flagsOf(Terms calldata terms, uint32 parties) private view returns (uint8 flags) {
        if (terms.consumerKeyHeld) flags = CaseFlags.CONSUMER_KEY_HELD;
        if (_isIndependent(_parties[parties])) flags |= CaseFlags.INSPECTOR_INDEPENDENT;
    }

    /// @return refusal of an act that cannot be; then nothing has changed
    function _record(Act memory act, bytes calldata signature) private returns (Refusal refusal) {
        Stored storage stored = _cases[act.caseId];
        CaseWord c = stored.word;
        State to;
        (to, refusal) = _judge(stored, c, act);
        if (!refusal.isNone()) return refusal;
        address actor = _actorOf(stored, c, act.role);
        if (!Signatures.isSignedBy(actor, _hashTypedDataV4(Messages.hashAct(act)), signature)) {
            return Refusals.with(BadSignature.selector, uint160(actor));
        }

        bool moves = to != c.state();
        c = c.countingNonce(act.role);
        if (act.kind == Kind.Inspected) c = c.proposing(act.grade, act.share, act.fee);
        else if (act.kind == Kind.PickedUp && act.role == Role.Carrier) c = c.flagging(CaseFlags.PICKUP_BY_CARRIER);
        else if (act.kind > Kind.Inspected || act.kind == Kind.Cancelled) (c, to, moves) = _take(stored, c, act, to);
        Link memory by = Link(act.kind, act.role, actor, act.commitment);
        if (moves) _advance(act.caseId, stored, c, to, by);
        else _note(act.caseId, stored, c, by);
    }

    /// What the machine's table, the times, the nonce and the policy say to an act; the signature is asked last.
    function _judge(Stored storage stored, CaseWord c, Act memory act)
        private
        view
        returns (State to, Refusal refusal)
    {
        if (!c.exists()) return (to, Refusals.aboutCase(UnknownCase.selector));
        if (block.timestamp > act.validUntil) {
            return (to, Refusals.with(SignatureExpired.selector, act.validUntil));
        }
        uint40 due = _dueAt(stored, c);
        if (block.timestamp > due && due != 0) return (to, Refusals.with(DeadlinePassed.selector, due));
        Kind kind = act.kind;
        Role role = act.role;
        to = CaseMachine.next(c, kind, role);
        if (to == State.None) {
            return (to, Refusals.with(NotAllowed.selector, uint8(c.state()), uint8(kind), uint8(role)));
        }
        // A role whose last nonce is used up can act no more; the case then goes by its deadlines.
        uint16 nonce = c.nonce(role);
        if (act.nonce != nonce || nonce == type(uint16).max) {
            return (to, Refusals.with(WrongNonce.selector, uint8(role), nonce, act.nonce));
        }
        if (!Messages.isFullySigned(act)) return (to, Refusals.plain(UnsignedValue.selector));
        if (_crossesNotice(c, kind)) {
            return (to, Refusals.with(NoticeRuns.selector, stored.notice.effectiveAt));
        }
        if (kind == Kind.KeyBound && !_isUsableKey(stored, c, act.key)) {
            return (to, Refusals.with(KeyNotUsable.selector, uint160(act.key)));
        }
        if (kind == Kind.Inspected) return (to, _judgeProposal(_policies[c.policy()], act));
        if (act.share != 0 || kind == Kind.Challenged || kind == Kind.Disputed || kind == Kind.Appealed) {
            return (to, _judgeShare(stored, c, act));
        }
    }

    /// What the policy says to an inspector's proposal.
    function _judgeProposal(Policy storage policy, Act memory act) private view returns (Refusal) {
        if (act.grade == Grade.None) return Refusals.plain(GradeMissing.selector);
        uint16 least = policy.minShareOf(act.grade);
        if (act.share < least) return Refusals.with(ShareBelowPolicy.selector, act.share, least);
        if (act.share > Payout.FULL) return Refusals.with(BasisPointsOutOfBounds.selector, act.share);
        uint16 cap = act.grade == Grade.Defective ? 0 : policy.feeCapOf();
        if (act.fee > cap) return Refusals.with(FeeAbovePolicy.selector, act.fee, cap);
        return Refusals.NONE;
    }

    /// What the rarer acts change in a case, and where they really lead to: an offer leaves it where it is, and so does
    /// what has to wait out a notice.
    function _take(Stored storage stored, CaseWord c, Act memory act, State to)
        private
        returns (CaseWord, State, bool moves)
    {
        Kind kind = act.kind;
        State from = c.state();
        if (kind == Kind.Disputed || kind == Kind.Challenged || kind == Kind.Appealed) {
            return (_claiming(stored, c, kind, act.role, act.share), to, from != to);
        }
        if (kind == Kind.Objected) {
            emit NoticeVoided(act.caseId);
            return (c.unmarking(CaseMarks.NOTICED), to, false);
        }
        if (kind == Kind.Erased) return (c.marking(CaseMarks.ERASED), to, false);
        bool agrees = kind == Kind.Cancelled || kind == Kind.Accepted;
        if (kind == Kind.ExchangeAgreed) {
            agrees = act.role == Role.Consumer;
            if (!agrees) return (c.marking(CaseMarks.EXCHANGE_OFFERED), to, false);
        } else if (kind == Kind.Split) {
            (c, agrees) = _offering(stored, c, act.role, act.share);
            if (!agrees) return (c, to, false);
        }
        if (!agrees && kind != Kind.KeyBound) return (c, to, from != to);

        if (_givesUp(c, kind)) return (_givingNotice(stored, c, act), from, false);
        if (kind == Kind.KeyBound) return (_binding(act.caseId, stored, c, act.key), from, false);
        (c, to) = _agreeing(c, kind, act.share);
        return (c, to, true);
    }

    function _actorOf(Stored storage stored, CaseWord c, Role role) private view returns (address) {
        if (role == Role.Consumer) return stored.consumer;
        Parties storage parties = _parties[c.parties()];
        if (role == Role.Merchant) return parties.merchant;
        if (role == Role.Carrier) return parties.carrier;
        if (role == Role.Warehouse) return parties.warehouse;
        return parties.inspector; // the machine lets no other role through
    }

    /// Memory that an item of a batch has used serves the next one: it would cost more and more.
    function _freeMemory() private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := mload(0x40)
        }
    }

    function _freeMemoryFrom(uint256 pointer) private pure {
        assembly ("memory-safe") {
            mstore(0x40, pointer)
        }
    }

    function _revertWith(bytes memory reason) private pure {
        if (reason.length == 0) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}

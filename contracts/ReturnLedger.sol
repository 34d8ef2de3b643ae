// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

import {Cases} from "./base/Cases.sol";
import {CaseViews} from "./base/CaseViews.sol";
import {Lapses} from "./base/Lapses.sol";
import {
    Act,
    Binding,
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
import {Signatures} from "./libraries/Signatures.sol";

/// @title See IReturnLedger and IReturnDisputes, which say all there is to say
contract ReturnLedger is Lapses, CaseViews, EIP712, Pausable {
    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");
    /// Gas that opening one case of a batch may use. A batch that cannot give it is undone, so that a relayer cannot have
    /// an opening refused by sending too little gas.
    uint256 public constant OPENING_GAS = 500_000;

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
        Terms calldata terms = opening.terms;
        if (block.timestamp > opening.validUntil) revert SignatureExpired(opening.validUntil);
        CaseWord c = _newCase(terms);
        address merchant = _parties[c.parties()].merchant;
        caseId = Messages.hashTerms(terms);
        Stored storage stored = _cases[caseId];
        if (stored.word.exists()) revert AlreadyOpen(caseId);
        bytes32 digest = _hashTypedDataV4(Messages.hashOpen(caseId, opening.commitment, opening.validUntil));
        if (!Signatures.isSignedBy(merchant, digest, opening.signature)) revert BadSignature(merchant);

        stored.consumer = terms.consumer;
        stored.panel = terms.panel;
        emit Opened(caseId, merchant, terms.consumer, terms);
        c = _entering(c.countingNonce(Role.Merchant), State.Requested);
        stored.head = _link(caseId, caseId, c, Link(Kind.Requested, Role.Merchant, merchant, opening.commitment));
        stored.word = c.countingRecord();

        if (terms.mode != Mode.None) {
            escrow.lock(caseId, merchant, terms.token, terms.refund, terms.freight, terms.reserve);
        }
    }

    function openBatch(Opening[] calldata openings) external {
        for (uint256 i = 0; i < openings.length; ++i) {
            // EIP-150 passes on 63/64 of the gas; the rest is for the event that names a refused item.
            if (gasleft() < OPENING_GAS + OPENING_GAS / 32 + 20_000) revert BatchGasTooLow(i);
            try this.open{gas: OPENING_GAS}(openings[i]) {}
            catch (bytes memory reason) {
                emit Skipped(Messages.hashTerms(openings[i].terms), openings[i].commitment, i, reason);
            }
        }
    }

    function record(Act calldata act, bytes calldata signature) external {
        _revertWith(_record(act, address(0), signature));
    }

    function recordBatch(bytes calldata items) external {
        if (items.length % PackedAct.LENGTH != 0) revert BadLength(items.length);
        uint256 index = 0;
        for (uint256 start = 0; start < items.length; start += PackedAct.LENGTH) {
            uint256 free = _freeMemory();
            (Act memory act, bytes memory reason) = PackedAct.unpack(items, start);
            if (reason.length == 0) reason = _record(act, address(0), PackedAct.signature(items, start));
            if (reason.length != 0) emit Skipped(act.caseId, act.commitment, index, reason);
            _freeMemoryFrom(free);
            ++index;
        }
    }

    function bindKey(Act calldata act, address key, bytes calldata signature) external {
        _revertWith(_bindKey(act, key, signature));
    }

    function bindKeyBatch(Binding[] calldata bindings) external {
        for (uint256 i = 0; i < bindings.length; ++i) {
            Act calldata act = bindings[i].act;
            bytes memory reason = _bindKey(act, bindings[i].key, bindings[i].signature);
            if (reason.length != 0) emit Skipped(act.caseId, act.commitment, i, reason);
        }
    }

    function poke(bytes32 caseId) external {
        _revertWith(_poke(caseId));
    }

    function pokeBatch(bytes32[] calldata caseIds) external {
        for (uint256 i = 0; i < caseIds.length; ++i) {
            bytes memory reason = _poke(caseIds[i]);
            if (reason.length != 0) emit Skipped(caseIds[i], bytes32(0), i, reason);
        }
    }

    function pause() external onlyRole(GUARDIAN) {
        _pause();
    }

    function unpause() external onlyRole(GUARDIAN) {
        _unpause();
    }

    // --- views -----------------------------------------------------------------------------------------------------

    function caseIdOf(Terms calldata terms) external pure returns (bytes32) {
        return Messages.hashTerms(terms);
    }

    function digestOf(Act calldata act, address key) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hashAct(act, key));
    }

    function openingDigestOf(Opening calldata opening) external view returns (bytes32) {
        bytes32 caseId = Messages.hashTerms(opening.terms);
        return _hashTypedDataV4(Messages.hashOpen(caseId, opening.commitment, opening.validUntil));
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    function _newCase(Terms calldata terms) private returns (CaseWord) {
        uint32 parties = _partiesIndex[terms.parties];
        if (parties == 0) revert UnknownParties(terms.parties);
        uint16 policy = _policyIndex[terms.policy];
        if (policy == 0) revert UnknownPolicy(terms.policy);
        if (terms.consumer == address(0)) revert ZeroAddress();
        bool funded = terms.token != address(0) && terms.refund != 0;
        bool empty = terms.token == address(0) && terms.refund == 0 && terms.freight == 0 && terms.reserve == 0;
        if (terms.mode == Mode.None ? !empty : !funded) revert AmountsDoNotFitMode();
        if (terms.freight != 0 && _policies[policy].freight == Freight.Supplied) revert FreightNotLockable();
        uint64 least = _leastReserve(parties, terms.panel, terms.mode);
        if (terms.reserve < least) revert ReserveTooSmall(terms.reserve, least);
        uint8 flags = terms.consumerKeyHeld ? CaseFlags.CONSUMER_KEY_HELD : 0;
        if (_isIndependent(_parties[parties])) flags |= CaseFlags.INSPECTOR_INDEPENDENT;
        return CaseWords.opened(policy, parties, terms.mode, flags);
    }

    /// @return reason the ABI-encoded error of an act that is refused, and then nothing has changed; else empty
    function _record(Act memory act, address key, bytes calldata signature) private returns (bytes memory reason) {
        Stored storage stored = _cases[act.caseId];
        CaseWord c = stored.word;
        State to;
        (to, reason) = _judge(stored, c, act, key);
        if (reason.length != 0) return reason;
        address actor = _actorOf(stored, c, act.role);
        if (!Signatures.isSignedBy(actor, _hashTypedDataV4(Messages.hashAct(act, key)), signature)) {
            return abi.encodeWithSelector(BadSignature.selector, actor);
        }

        bool moves = to != c.state();
        c = c.countingNonce(act.role);
        if (act.kind == Kind.Inspected) c = c.proposing(act.grade, act.share, act.fee);
        else if (act.kind == Kind.PickedUp && act.role == Role.Carrier) c = c.flagging(CaseFlags.PICKUP_BY_CARRIER);
        else if (act.kind > Kind.Inspected || act.kind == Kind.Cancelled) (c, to, moves) = _take(stored, c, act, key, to);
        Link memory by = Link(act.kind, act.role, actor, act.commitment);
        if (moves) _advance(act.caseId, stored, c, to, by);
        else _note(act.caseId, stored, c, by);
    }

    /// What the machine's table, the times, the nonce and the policy say to an act; the signature is asked last.
    function _judge(Stored storage stored, CaseWord c, Act memory act, address key)
        private
        view
        returns (State to, bytes memory reason)
    {
        if (!c.exists()) return (to, abi.encodeWithSelector(UnknownCase.selector, act.caseId));
        if (block.timestamp > act.validUntil) {
            return (to, abi.encodeWithSelector(SignatureExpired.selector, act.validUntil));
        }
        uint40 due = _dueAt(stored, c);
        if (block.timestamp > due && due != 0) return (to, abi.encodeWithSelector(DeadlinePassed.selector, due));
        Kind kind = act.kind;
        Role role = act.role;
        to = CaseMachine.next(c, kind, role);
        bool withKey = key != address(0);
        if (to == State.None || withKey != (kind == Kind.KeyBound)) return (to, abi.encodeWithSelector(NotAllowed.selector, c.state(), kind, role));
        // A role whose last nonce is used up can act no more; the case then goes by its deadlines.
        uint16 nonce = c.nonce(role);
        if (act.nonce != nonce || nonce == type(uint16).max) {
            return (to, abi.encodeWithSelector(WrongNonce.selector, role, nonce, act.nonce));
        }
        if (!Messages.isFullySigned(act)) return (to, abi.encodeWithSelector(UnsignedValue.selector));
        if (_crossesNotice(c, kind)) {
            return (to, abi.encodeWithSelector(NoticeRuns.selector, stored.notice.effectiveAt));
        }
        if (kind == Kind.Inspected) return (to, _judgeProposal(_policies[c.policy()], act));
        if (act.share != 0 || kind == Kind.Challenged || kind == Kind.Disputed || kind == Kind.Appealed) {
            return (to, _judgeShare(stored, c, act));
        }
    }

    /// What the policy says to an inspector's proposal.
    function _judgeProposal(Policy storage policy, Act memory act) private view returns (bytes memory) {
        if (act.grade == Grade.None) return abi.encodeWithSelector(GradeMissing.selector);
        uint16 least = policy.minShare[uint8(act.grade)];
        if (act.share < least) return abi.encodeWithSelector(ShareBelowPolicy.selector, act.share, least);
        if (act.share > Payout.FULL) return abi.encodeWithSelector(BasisPointsOutOfBounds.selector, act.share);
        uint16 cap = act.grade == Grade.Defective ? 0 : policy.feeCap;
        if (act.fee > cap) return abi.encodeWithSelector(FeeAbovePolicy.selector, act.fee, cap);
        return "";
    }

    /// What the rarer acts change in a case, and where they really lead to: an offer leaves it where it is, and so does
    /// what has to wait out a notice.
    function _take(Stored storage stored, CaseWord c, Act memory act, address key, State to)
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

        if (_givesUp(c, kind)) return (_givingNotice(stored, c, act, key), from, false);
        if (kind == Kind.KeyBound) return (_binding(act.caseId, stored, c, key), from, false);
        (c, to) = _agreeing(c, kind, act.share);
        return (c, to, true);
    }

    function _bindKey(Act memory act, address key, bytes calldata signature) private returns (bytes memory reason) {
        Stored storage stored = _cases[act.caseId];
        if (!_isUsableKey(stored, stored.word, key)) return abi.encodeWithSelector(KeyNotUsable.selector, key);
        return _record(act, key, signature);
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

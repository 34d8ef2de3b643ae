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
import {ActWord, ActWords} from "./libraries/ActWord.sol";
import {CaseFlags} from "./libraries/CaseFlags.sol";
import {CaseMachine, Rule} from "./libraries/CaseMachine.sol";
import {CaseMarks} from "./libraries/CaseMarks.sol";
import {CaseWord, CaseWords} from "./libraries/CaseWord.sol";
import {Envelope, Messages} from "./libraries/Messages.sol";
import {PackedAct, PackedActs} from "./libraries/PackedAct.sol";
import {Payout} from "./libraries/Payout.sol";
import {PolicyWords} from "./libraries/PolicyWords.sol";
import {Refusal, Refusals} from "./libraries/Refusals.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title See IReturnLedger and IReturnDisputes, which say all there is to say
contract ReturnLedger is Lapses, CaseViews, EIP712, Pausable {
    using PolicyWords for Policy;

    string private constant NAME = "ReturnLedger";
    string private constant VERSION = "1";
    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");
    /// Gas that has to be left where a case of a batch is opened, so that a relayer cannot have the escrow or the panel
    /// refuse it by sending too little.
    uint256 public constant OPENING_GAS = 400_000;

    /// @param escrow_ the escrow that takes this ledger's word
    /// @param panel_ the panels whose rulings this ledger takes; both addresses are known before they are deployed
    constructor(IRefundEscrow escrow_, IArbitrationPanel panel_, address operator, address guardian)
        Cases(escrow_, panel_)
        EIP712(NAME, VERSION)
    {
        if (operator == address(0) || guardian == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, operator);
        _grantRole(OPERATOR, operator);
        _grantRole(GUARDIAN, guardian);
    }

    // --- acts ------------------------------------------------------------------------------------------------------

    function open(Opening calldata opening) external returns (bytes32 caseId) {
        bytes memory reason;
        (caseId, reason) = _open(opening);
        _revertWith(reason);
    }

    function openBatch(Opening[] calldata openings) external {
        for (uint256 i = 0; i < openings.length; ++i) {
            if (gasleft() < OPENING_GAS) revert BatchGasTooLow(i);
            (bytes32 caseId, bytes memory reason) = _open(openings[i]);
            if (reason.length != 0) emit Skipped(caseId, openings[i].commitment, i, reason);
        }
    }

    function record(Act calldata act, bytes calldata signature) external {
        Envelope domain = Messages.envelope(_domainSeparatorV4());
        _record(domain, act.caseId, act.commitment, ActWords.of_(act), uint160(act.key), signature)
            .revertIfAny(act.caseId);
    }

    function recordPacked(bytes calldata items) external {
        Envelope domain = Messages.envelope(_domainSeparatorV4());
        uint256 index = 0;
        (PackedAct item, PackedAct end) = PackedActs.all(items);
        while (item.isBefore(end)) {
            PackedAct next = item.next();
            if (!_recordPlain(domain, item)) next = _recordAny(domain, item, index);
            item = next;
            unchecked {
                ++index;
            }
        }
        if (end.isBefore(item)) revert BadLength(items.length);
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

    /// @dev As OpenZeppelin has it, but for the code that a name too long for a word would need.
    function eip712Domain()
        public
        view
        override
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", NAME, VERSION, block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    /// @return caseId
    /// @return reason the ABI-encoded error of an opening that is refused, and then nothing has changed; else empty
    function _open(Opening calldata opening) private returns (bytes32 caseId, bytes memory reason) {
        Terms calldata terms = opening.terms;
        caseId = Messages.hashTerms(terms);
        if (paused()) return (caseId, abi.encodeWithSelector(EnforcedPause.selector));
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
                return (caseId, _reasonIn(refusal));
            }
        }

        stored.consumer = terms.consumer;
        stored.panel = terms.panel;
        emit Opened(caseId, merchant, terms.consumer, terms);
        CaseWord c = CaseWords.opened(_policyIndex[terms.policy], parties, terms.mode, _flagsOf(terms, parties));
        c = _entering(c.countingNonce(uint8(Role.Merchant)), uint8(State.Requested));
        stored.head =
            _link(caseId, caseId, c, CaseWords.saying(Kind.Requested, Role.Merchant), merchant, opening.commitment);
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

    /// The short way for what most items are: a milestone by one of the registered parties, against which nothing stands,
    /// signed by the party's own key. It takes nothing that `_record` would not take, to the same effect.
    /// @return done false where an item is anything else, or anything is wrong with it; then nothing has changed
    function _recordPlain(Envelope domain, PackedAct item) private returns (bool done) {
        ActWord act = item.fields();
        Rule rule = CaseMachine.milestoneOf(act.kind());
        if (!rule.isNone()) {
            Stored storage stored = _cases[item.caseId()];
            CaseWord c = stored.word;
            uint256 role = act.role();
            Policy storage policy = _policyOf(c);
            if (_isPlain(c, policy, rule, act, role)) {
                Parties storage parties = _partiesOf(c);
                address actor;
                assembly ("memory-safe") {
                    actor := sload(add(parties.slot, sub(role, 2))) // as in `_actorOf`
                }
                if (item.isSignedBy(actor, item.digestOf(domain, act, rule))) {
                    if (rule.signsProposal()) c = c.proposing(act.values());
                    c = c.countingNonce(role).flagging(rule.pickup()); // the consumer's does not come here
                    _step(item.caseId(), stored, c, policy, rule.target(), act.said(), actor, item.commitment());
                    done = true;
                }
            }
        }
    }

    /// All that may stand against a milestone is asked at once: a difference of small numbers has its highest bit where it
    /// is negative. A case that has ended has no deadline, and its 0 becomes the last second there is.
    /// @return whether it is a party's milestone against which `_judge` has nothing, while no notice runs
    function _isPlain(CaseWord c, Policy storage policy, Rule rule, ActWord act, uint256 role)
        private
        view
        returns (bool)
    {
        unchecked {
            uint256 nonce = c.nonce(role);
            uint256 beyond = 0 - act.values();
            if (rule.signsProposal()) beyond = PolicyWords.beyond(policy.rules, act);
            beyond |= (rule.allowance(c, role) - 1) | c.noticeAtTop() | (role - uint8(Role.Merchant))
                | (act.validUntil() - block.timestamp) | (0 - (nonce ^ act.nonce()))
                | (CaseWords.LAST_NONCE - 1 - nonce) | (((c.deadline() - 1) & type(uint40).max) - (block.timestamp - 1));
            return beyond >> 255 == 0;
        }
    }

    /// Records an item, or announces why not.
    /// @return where it ends
    function _recordAny(Envelope domain, PackedAct item, uint256 index) private returns (PackedAct) {
        ActWord act = item.fields();
        bytes32 caseId = item.caseId();
        Refusal refusal = _record(domain, caseId, item.commitment(), act, item.key(act), item.signature());
        if (!refusal.isNone()) emit Skipped(caseId, item.commitment(), index, refusal.encode(caseId));
        return item.end(act);
    }

    /// @return refusal of an act that cannot be; then nothing has changed
    function _record(
        Envelope domain,
        bytes32 caseId,
        bytes32 commitment,
        ActWord act,
        uint256 key,
        bytes calldata signature
    ) private returns (Refusal refusal) {
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        Rule rule = CaseMachine.ruleOf(act.kind());
        refusal = _judge(stored, c, rule, act, key);
        if (!refusal.isNone()) return refusal;
        address actor = _actorOf(stored, c, act.role());
        bytes32 structHash = Messages.hashAct(rule, caseId, commitment, act, key);
        if (!Signatures.isSignedBy(actor, Messages.digestOf(domain, structHash), signature)) {
            return Refusals.with(BadSignature.selector, uint160(actor));
        }

        c = c.countingNonce(act.role()).flagging(act.role() == uint8(Role.Carrier) ? rule.pickup() : 0);
        uint256 to = rule.target();
        bool moves = to != 0;
        if (rule.signsProposal()) c = c.proposing(act.values());
        else if (rule.isRare()) (c, to, moves) = _take(caseId, commitment, stored, c, act, key, rule.guarded(c, act));
        if (moves) _advance(caseId, stored, c, to, act.said(), actor, commitment);
        else _note(caseId, stored, c, act.said(), actor, commitment);
    }

    /// What the times, the machine's table, the nonce, the policy and the case say to an act; the signature is asked last.
    /// @return refusal the first reason there is against it
    function _judge(Stored storage stored, CaseWord c, Rule rule, ActWord act, uint256 key)
        private
        view
        returns (Refusal refusal)
    {
        if (!c.exists()) return Refusals.aboutCase(UnknownCase.selector);
        if (block.timestamp > act.validUntil()) return Refusals.with(SignatureExpired.selector, act.validUntil());
        uint256 due = _dueAt(stored, c);
        if (block.timestamp > due && due != 0) return Refusals.with(DeadlinePassed.selector, due);
        if (!rule.allows(c, act.role())) return _notAllowed(c, act);
        // A role whose last nonce is used up can act no more; the case then goes by its deadlines.
        uint256 nonce = c.nonce(act.role());
        if (nonce != act.nonce() || nonce == CaseWords.LAST_NONCE) {
            return Refusals.with(WrongNonce.selector, act.role(), nonce, act.nonce());
        }
        if (rule.guarded(c, act) == 0) return _notAllowed(c, act);
        if (!Messages.isFullySigned(rule, act, key)) return Refusals.plain(UnsignedValue.selector);
        if (rule.signsProposal()) return _judgeProposal(_policyOf(c).rules, act);
        if (rule.isRare()) return _judgeRare(stored, c, act, key);
    }

    function _notAllowed(CaseWord c, ActWord act) private pure returns (Refusal) {
        if (!act.isKnown()) return _unknown(act);
        return Refusals.with(NotAllowed.selector, c.stateNumber(), act.kind(), act.role());
    }

    function _unknown(ActWord act) private pure returns (Refusal) {
        return Refusals.with(UnknownWord.selector, act.kind(), act.role(), act.grade());
    }

    function _judgeRare(Stored storage stored, CaseWord c, ActWord act, uint256 key) private view returns (Refusal) {
        if (c.marked(CaseMarks.NOTICED) && _crossesNotice(act.kind())) {
            return Refusals.with(NoticeRuns.selector, stored.notice.effectiveAt);
        }
        if (act.kind() == uint8(Kind.KeyBound) && !_isUsableKey(stored, c, address(uint160(key)))) {
            return Refusals.with(KeyNotUsable.selector, key);
        }
        return _judgeShare(stored, c, act);
    }

    /// What a policy's rules say to an inspector's proposal.
    function _judgeProposal(uint256 rules, ActWord act) private pure returns (Refusal refusal) {
        uint256 grade = act.grade();
        if (grade == uint8(Grade.None)) return Refusals.plain(GradeMissing.selector);
        if (!act.isKnown()) return _unknown(act);
        uint256 least = PolicyWords.minShare(rules, grade);
        if (act.share() < least) return Refusals.with(ShareBelowPolicy.selector, act.share(), least);
        if (act.share() > Payout.FULL) return Refusals.with(BasisPointsOutOfBounds.selector, act.share());
        uint256 cap = grade == uint8(Grade.Defective) ? 0 : PolicyWords.feeCap(rules);
        if (act.fee() > cap) return Refusals.with(FeeAbovePolicy.selector, act.fee(), cap);
    }

    /// What the rarer acts change in a case, and where they really lead to: an offer leaves it where it is, and so does
    /// what has to wait out a notice.
    function _take(
        bytes32 caseId,
        bytes32 commitment,
        Stored storage stored,
        CaseWord c,
        ActWord act,
        uint256 key,
        uint256 to
    ) private returns (CaseWord, uint256, bool moves) {
        uint256 kind = act.kind();
        uint256 role = act.role();
        uint256 from = c.stateNumber();
        if (kind == uint8(Kind.Disputed) || kind == uint8(Kind.Challenged) || kind == uint8(Kind.Appealed)) {
            return (_claiming(stored, c, kind, role, act.share()), to, from != to);
        }
        if (kind == uint8(Kind.Objected)) {
            emit NoticeVoided(caseId);
            return (c.unmarking(CaseMarks.NOTICED), to, false);
        }
        if (kind == uint8(Kind.Erased)) return (c.marking(CaseMarks.ERASED), to, false);
        if (kind == uint8(Kind.ExchangeAgreed) && role == uint8(Role.Merchant)) {
            return (c.marking(CaseMarks.EXCHANGE_OFFERED), to, false);
        }
        if (kind == uint8(Kind.Split)) {
            bool met;
            (c, met) = _offering(stored, c, role, act.share());
            if (!met) return (c, to, false);
        }
        // Cancelled, Accepted, ExchangeAgreed by the consumer, Split by the second, KeyBound
        if (_givesUp(c, kind)) {
            return (_givingNotice(caseId, commitment, stored, c, kind, act.share(), address(uint160(key))), from, false);
        }
        if (kind == uint8(Kind.KeyBound)) return (_binding(caseId, stored, c, address(uint160(key))), from, false);
        (c, to) = _agreeing(c, kind, act.share());
        return (c, to, true);
    }

    /// @param role number of a Role; the machine lets neither None nor Panel through
    function _actorOf(Stored storage stored, CaseWord c, uint256 role) private view returns (address actor) {
        if (role == uint8(Role.Consumer)) {
            actor = stored.consumer;
        } else {
            Parties storage parties = _partiesOf(c);
            assembly ("memory-safe") {
                actor := sload(add(parties.slot, sub(role, 2))) // Parties stand in the order of Role
            }
        }
    }

    function _revertWith(bytes memory reason) private pure {
        if (reason.length == 0) return;
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {
    Act,
    Case,
    CaseView,
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
import {IRefundEscrow} from "./interfaces/IRefundEscrow.sol";
import {IReturnLedger} from "./interfaces/IReturnLedger.sol";
import {CaseFlags} from "./libraries/CaseFlags.sol";
import {CaseMachine} from "./libraries/CaseMachine.sol";
import {Entry} from "./libraries/Entry.sol";
import {Messages} from "./libraries/Messages.sol";
import {PackedAct} from "./libraries/PackedAct.sol";
import {Payout} from "./libraries/Payout.sol";

/// @title See IReturnLedger, which says all there is to say
contract ReturnLedger is IReturnLedger, EIP712, Pausable, AccessControl {
    bytes32 public constant OPERATOR = keccak256("OPERATOR");
    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");
    uint32 public constant SHORTEST_WINDOW = 1 hours;
    uint32 public constant LONGEST_WINDOW = 180 days;
    /// Gas that an item of a batch may use. A batch that cannot give it to an item is undone, so that a relayer cannot
    /// have an item refused by sending too little gas.
    uint256 public constant ITEM_GAS = 400_000;

    IRefundEscrow public immutable escrow;

    mapping(bytes32 caseId => Case) private _cases;
    mapping(bytes32 caseId => bytes32) private _heads;
    mapping(bytes32 caseId => Consumer) private _consumers;
    mapping(bytes32 policy => uint16) private _policyIndex; // from 1
    mapping(uint16 index => Policy) private _policies;
    mapping(uint16 index => bytes32) private _policyIds;
    mapping(bytes32 parties => uint32) private _partiesIndex; // from 1
    mapping(uint32 index => Parties) private _parties;
    mapping(address inspector => bool) private _independent;
    uint16 private _policyCount;
    uint32 private _partiesCount;

    struct Consumer {
        address key;
        uint32 panel;
    }

    /// @param escrow_ the escrow that takes this ledger's word; its address is known before it is deployed
    constructor(IRefundEscrow escrow_, address operator, address guardian) EIP712("ReturnLedger", "1") {
        if (address(escrow_) == address(0) || operator == address(0) || guardian == address(0)) revert ZeroAddress();
        escrow = escrow_;
        _grantRole(DEFAULT_ADMIN_ROLE, operator);
        _grantRole(OPERATOR, operator);
        _grantRole(GUARDIAN, guardian);
    }

    // --- acts ------------------------------------------------------------------------------------------------------

    function open(Opening calldata opening) external whenNotPaused returns (bytes32 caseId) {
        Terms calldata terms = opening.terms;
        if (block.timestamp > opening.validUntil) revert SignatureExpired(opening.validUntil);
        Case memory c = _newCase(terms);
        address merchant = _parties[c.parties].merchant;
        caseId = Messages.hashTerms(terms);
        if (_cases[caseId].state != State.None) revert AlreadyOpen(caseId);
        _requireSignature(
            merchant, Messages.hashOpen(caseId, opening.commitment, opening.validUntil), opening.signature
        );

        _consumers[caseId] = Consumer(terms.consumer, terms.panel);
        c.nonces = _bumped(c.nonces, Role.Merchant);
        emit Opened(caseId, merchant, terms.consumer, terms);
        _enter(c, State.Requested);
        bytes32 head_ = _append(caseId, caseId, c, Kind.Requested, Role.Merchant, merchant, opening.commitment);
        _save(caseId, c, head_);

        if (terms.mode != Mode.None) {
            escrow.lock(caseId, merchant, terms.token, terms.refund, terms.freight, terms.reserve);
        }
    }

    function openBatch(Opening[] calldata openings) external {
        for (uint256 i = 0; i < openings.length; ++i) {
            _requireItemGas(i);
            try this.open{gas: ITEM_GAS}(openings[i]) {}
            catch (bytes memory reason) {
                emit Skipped(Messages.hashTerms(openings[i].terms), openings[i].commitment, i, reason);
            }
        }
    }

    function record(Act calldata act, bytes calldata signature) external {
        _record(act, signature);
    }

    function recordPacked(bytes calldata item) external {
        if (item.length != PackedAct.LENGTH) revert BadLength(item.length);
        (Act memory act, bytes memory signature) = PackedAct.decode(item);
        _record(act, signature);
    }

    function recordBatch(bytes calldata items) external {
        if (items.length % PackedAct.LENGTH != 0) revert BadLength(items.length);
        uint256 count = items.length / PackedAct.LENGTH;
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata item = items[i * PackedAct.LENGTH:(i + 1) * PackedAct.LENGTH];
            _requireItemGas(i);
            try this.recordPacked{gas: ITEM_GAS}(item) {}
            catch (bytes memory reason) {
                emit Skipped(bytes32(item[0:32]), bytes32(item[32:64]), i, reason);
            }
        }
    }

    function poke(bytes32 caseId) external {
        Case memory c = _cases[caseId];
        if (c.state == State.None) revert UnknownCase(caseId);
        if (!CaseMachine.isLive(c.state)) revert NothingDue(c.state);
        if (block.timestamp <= c.deadline) revert DeadlineAhead(c.deadline);

        State from = c.state;
        bool pickupProven =
            c.flags & CaseFlags.PICKUP_BY_CARRIER != 0 && _policies[c.policy].freight == Freight.Supplied;
        bool selfInspected = c.flags & CaseFlags.INSPECTOR_INDEPENDENT == 0 && c.share < Payout.FULL;
        (Kind kind, State to) = CaseMachine.lapse(from, pickupProven, selfInspected);

        if (to == State.Payable && CaseMachine.lapsesInFull(from)) _decide(c, Payout.FULL, 0, true);
        else if (to == State.Payable) _decide(c, c.share, c.fee, false);
        if (to == State.Settled && from == State.Payable && c.mode == Mode.None) c.flags |= CaseFlags.UNPAID;
        // Once the provider paid, the lock has done its work: nothing of it is the consumer's.
        bool releases = to == State.Closed || from == State.Refunded;
        _advance(caseId, c, to, kind, Role.None, address(this), bytes32(0), releases);
    }

    function pokeBatch(bytes32[] calldata caseIds) external {
        for (uint256 i = 0; i < caseIds.length; ++i) {
            _requireItemGas(i);
            try this.poke{gas: ITEM_GAS}(caseIds[i]) {}
            catch (bytes memory reason) {
                emit Skipped(caseIds[i], bytes32(0), i, reason);
            }
        }
    }

    // --- registers -------------------------------------------------------------------------------------------------

    function registerPolicy(Policy calldata policy) external onlyRole(OPERATOR) returns (bytes32 id) {
        id = keccak256(abi.encode(policy));
        if (_policyIndex[id] != 0) return id;
        for (uint8 i = 0; i < policy.windows.length; ++i) {
            uint32 window = policy.windows[i];
            bool live = i <= uint8(type(State).max) && CaseMachine.isLive(State(i));
            if (live ? (window < SHORTEST_WINDOW || window > LONGEST_WINDOW) : window != 0) {
                revert WindowOutOfBounds(State(i <= uint8(type(State).max) ? i : 0), window);
            }
        }
        if (policy.notice > LONGEST_WINDOW) revert NoticeOutOfBounds(policy.notice);
        for (uint256 i = 0; i < policy.minShare.length; ++i) {
            if (policy.minShare[i] > Payout.FULL) revert BasisPointsOutOfBounds(policy.minShare[i]);
        }
        if (policy.feeCap > Payout.FULL) revert BasisPointsOutOfBounds(policy.feeCap);

        uint16 index = ++_policyCount;
        _policyIndex[id] = index;
        _policies[index] = policy;
        _policyIds[index] = id;
        emit PolicyRegistered(id, index, policy);
    }

    function registerParties(Parties calldata parties) external returns (bytes32 id) {
        id = keccak256(abi.encode(parties));
        if (_partiesIndex[id] != 0) return id;
        if (
            parties.merchant == address(0) || parties.carrier == address(0) || parties.warehouse == address(0)
                || parties.inspector == address(0)
        ) revert ZeroAddress();

        uint32 index = ++_partiesCount;
        _partiesIndex[id] = index;
        _parties[index] = parties;
        emit PartiesRegistered(id, index, parties);
    }

    function registerInspector(address inspector, bool independent) external onlyRole(OPERATOR) {
        _independent[inspector] = independent;
        emit InspectorRegistered(inspector, independent);
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

    function digestOf(Act calldata act) external view returns (bytes32) {
        return _hashTypedDataV4(Messages.hashAct(act));
    }

    function openingDigestOf(Opening calldata opening) external view returns (bytes32) {
        bytes32 caseId = Messages.hashTerms(opening.terms);
        return _hashTypedDataV4(Messages.hashOpen(caseId, opening.commitment, opening.validUntil));
    }

    function getCase(bytes32 caseId) external view returns (CaseView memory v) {
        Case memory c = _cases[caseId];
        v.state = c.state;
        v.mode = c.mode;
        v.grade = c.grade;
        v.flags = c.flags;
        v.share = c.share;
        v.fee = c.fee;
        v.deadline = c.deadline;
        v.length = c.length;
        for (uint8 role = uint8(Role.Consumer); role <= uint8(Role.Inspector); ++role) {
            v.nonces[role] = _nonce(c.nonces, Role(role));
        }
        v.head = _heads[caseId];
        v.consumer = _consumers[caseId].key;
        v.panel = _consumers[caseId].panel;
        v.parties = _parties[c.parties];
        v.policy = _policyIds[c.policy];
    }

    function head(bytes32 caseId) external view returns (bytes32) {
        return _heads[caseId];
    }

    function consumerOf(bytes32 caseId) external view returns (address) {
        return _consumers[caseId].key;
    }

    function isPolicy(bytes32 policy) external view returns (bool) {
        return _policyIndex[policy] != 0;
    }

    function isParties(bytes32 parties) external view returns (bool) {
        return _partiesIndex[parties] != 0;
    }

    function isIndependent(address inspector) external view returns (bool) {
        return _independent[inspector];
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    function _record(Act memory act, bytes memory signature) private {
        Case memory c = _cases[act.caseId];
        if (c.state == State.None) revert UnknownCase(act.caseId);
        if (block.timestamp > act.validUntil) revert SignatureExpired(act.validUntil);
        State to = CaseMachine.next(c.state, act.kind, act.role);
        if (to == State.None) revert NotAllowed(c.state, act.kind, act.role);
        if (c.deadline != 0 && block.timestamp > c.deadline) revert DeadlinePassed(c.deadline);
        uint16 expected = _nonce(c.nonces, act.role);
        if (act.nonce != expected) revert WrongNonce(act.role, expected, act.nonce);
        if (!Messages.isFullySigned(act)) revert UnsignedValue();
        address actor = _actorOf(act.caseId, c, act.role);
        _requireSignature(actor, Messages.hashAct(act), signature);

        c.nonces = _bumped(c.nonces, act.role);
        if (act.kind == Kind.Inspected) _propose(c, act);
        if (act.kind == Kind.PickedUp && act.role == Role.Carrier) c.flags |= CaseFlags.PICKUP_BY_CARRIER;
        if (to == State.Payable) _decide(c, c.share, c.fee, false);
        _advance(act.caseId, c, to, act.kind, act.role, actor, act.commitment, to == State.Closed);
    }

    function _newCase(Terms calldata terms) private view returns (Case memory c) {
        c.parties = _partiesIndex[terms.parties];
        if (c.parties == 0) revert UnknownParties(terms.parties);
        c.policy = _policyIndex[terms.policy];
        if (c.policy == 0) revert UnknownPolicy(terms.policy);
        if (terms.panel != 0) revert UnknownPanel(terms.panel);
        if (terms.consumer == address(0)) revert ZeroAddress();
        bool funded = terms.token != address(0) && terms.refund != 0;
        bool empty = terms.token == address(0) && terms.refund == 0 && terms.freight == 0 && terms.reserve == 0;
        if (terms.mode == Mode.None ? !empty : !funded) revert AmountsDoNotFitMode();
        if (terms.freight != 0 && _policies[c.policy].freight == Freight.Supplied) revert FreightNotLockable();
        c.mode = terms.mode;
        if (terms.consumerKeyHeld) c.flags |= CaseFlags.CONSUMER_KEY_HELD;
        if (_independent[_parties[c.parties].inspector]) c.flags |= CaseFlags.INSPECTOR_INDEPENDENT;
    }

    /// Takes over what the inspector proposes, within the policy.
    function _propose(Case memory c, Act memory act) private view {
        Policy storage policy = _policies[c.policy];
        if (act.grade == Grade.None) revert GradeMissing();
        uint16 least = policy.minShare[uint8(act.grade)];
        if (act.share < least) revert ShareBelowPolicy(act.share, least);
        if (act.share > Payout.FULL) revert BasisPointsOutOfBounds(act.share);
        uint16 cap = act.grade == Grade.Defective ? 0 : policy.feeCap;
        if (act.fee > cap) revert FeeAbovePolicy(act.fee, cap);
        c.grade = act.grade;
        c.share = act.share;
        c.fee = act.fee;
    }

    /// Fixes the outcome. Whoever made the consumer wait past a deadline bears the freight as well.
    function _decide(Case memory c, uint16 share, uint16 fee, bool bySilence) private view {
        c.share = share;
        c.fee = fee;
        bool merchantBears =
            bySilence || c.grade == Grade.Defective || _policies[c.policy].freight == Freight.Reimbursed;
        if (share != 0 && merchantBears) c.flags |= CaseFlags.FREIGHT_TO_CONSUMER;
    }

    /// Enters a state by one record, and at once the next where nothing is left to wait for; then moves the money.
    function _advance(
        bytes32 caseId,
        Case memory c,
        State to,
        Kind kind,
        Role role,
        address actor,
        bytes32 commitment,
        bool releases
    ) private {
        _enter(c, to);
        bytes32 head_ = _append(caseId, _heads[caseId], c, kind, role, actor, commitment);
        if (to == State.Payable && (c.mode == Mode.Refund || c.share == 0)) {
            _enter(c, State.Settled);
            head_ = _append(caseId, head_, c, Kind.Settled, Role.None, address(this), bytes32(0));
        }
        _save(caseId, c, head_);

        if (CaseMachine.isLive(c.state) || c.mode == Mode.None) return;
        address merchant = _parties[c.parties].merchant;
        if (releases) escrow.settle(caseId, merchant, 0, 0, false);
        else escrow.settle(caseId, merchant, c.share, c.fee, c.flags & CaseFlags.FREIGHT_TO_CONSUMER != 0);
    }

    function _enter(Case memory c, State to) private view {
        c.state = to;
        c.deadline =
            CaseMachine.isLive(to) ? uint40(block.timestamp) + _policies[c.policy].windows[uint8(to)] : uint40(0);
    }

    function _append(
        bytes32 caseId,
        bytes32 head_,
        Case memory c,
        Kind kind,
        Role role,
        address actor,
        bytes32 commitment
    ) private returns (bytes32) {
        bytes32 entry = Entry.pack(c, kind, role);
        c.length += 1;
        emit Recorded(caseId, actor, commitment, entry);
        return Entry.link(head_, actor, commitment, entry);
    }

    function _save(bytes32 caseId, Case memory c, bytes32 head_) private {
        _cases[caseId] = c;
        _heads[caseId] = head_;
    }

    function _actorOf(bytes32 caseId, Case memory c, Role role) private view returns (address) {
        if (role == Role.Consumer) return _consumers[caseId].key;
        Parties storage parties = _parties[c.parties];
        if (role == Role.Merchant) return parties.merchant;
        if (role == Role.Carrier) return parties.carrier;
        if (role == Role.Warehouse) return parties.warehouse;
        return parties.inspector; // the machine lets no other role through
    }

    function _requireSignature(address signer, bytes32 structHash, bytes memory signature) private view {
        if (!SignatureChecker.isValidSignatureNow(signer, _hashTypedDataV4(structHash), signature)) {
            revert BadSignature(signer);
        }
    }

    /// EIP-150 passes on 63/64 of the gas; the rest is for the event that names a refused item.
    function _requireItemGas(uint256 index) private view {
        if (gasleft() < ITEM_GAS + ITEM_GAS / 32 + 20_000) revert BatchGasTooLow(index);
    }

    function _nonce(uint80 nonces, Role role) private pure returns (uint16) {
        return uint16(nonces >> (16 * (uint8(role) - 1)));
    }

    /// A role whose 65,535 nonces are used up can act no more; the case then goes by its deadlines.
    function _bumped(uint80 nonces, Role role) private pure returns (uint80) {
        if (_nonce(nonces, role) == type(uint16).max) revert WrongNonce(role, type(uint16).max, type(uint16).max);
        return nonces + (uint80(1) << (16 * (uint8(role) - 1)));
    }
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {Registers} from "./base/Registers.sol";
import {
    Act,
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
import {CaseFlags} from "./libraries/CaseFlags.sol";
import {CaseMachine} from "./libraries/CaseMachine.sol";
import {CaseWord, CaseWords} from "./libraries/CaseWord.sol";
import {Messages} from "./libraries/Messages.sol";
import {PackedAct} from "./libraries/PackedAct.sol";
import {Payout} from "./libraries/Payout.sol";

/// @title See IReturnLedger, which says all there is to say
contract ReturnLedger is Registers, EIP712, Pausable {
    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");
    /// Gas that an item of a batch may use. A batch that cannot give it to an item is undone, so that a relayer cannot
    /// have an item refused by sending too little gas.
    uint256 public constant ITEM_GAS = 400_000;

    IRefundEscrow public immutable escrow;

    /// A case in three slots; whoever acts but the consumer needs two of them.
    struct Stored {
        CaseWord word;
        bytes32 head;
        address consumer;
        uint32 panel;
    }

    mapping(bytes32 caseId => Stored) private _cases;

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
        CaseWord c = _newCase(terms);
        address merchant = _parties[c.parties()].merchant;
        caseId = Messages.hashTerms(terms);
        Stored storage stored = _cases[caseId];
        if (stored.word.exists()) revert AlreadyOpen(caseId);
        _requireSignature(
            merchant, Messages.hashOpen(caseId, opening.commitment, opening.validUntil), opening.signature
        );

        stored.consumer = terms.consumer;
        stored.panel = terms.panel;
        emit Opened(caseId, merchant, terms.consumer, terms);
        c = _entering(c.countingNonce(Role.Merchant), State.Requested);
        stored.head = _link(caseId, caseId, c, Kind.Requested, Role.Merchant, merchant, opening.commitment);
        stored.word = c.countingRecord();

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
        Stored storage stored = _cases[act.caseId];
        CaseWord c = stored.word;
        if (!c.exists()) revert UnknownCase(act.caseId);
        if (block.timestamp > act.validUntil) revert SignatureExpired(act.validUntil);
        uint40 deadline = c.deadline();
        if (block.timestamp > deadline && deadline != 0) revert DeadlinePassed(deadline);
        Kind kind = act.kind;
        Role role = act.role;
        State to = CaseMachine.next(c.state(), kind, role);
        if (to == State.None) revert NotAllowed(c.state(), kind, role);
        // A role whose last nonce is used up can act no more; the case then goes by its deadlines.
        uint16 nonce = c.nonce(role);
        if (act.nonce != nonce || nonce == type(uint16).max) revert WrongNonce(role, nonce, act.nonce);
        if (!Messages.isFullySigned(act)) revert UnsignedValue();
        address actor = _actorOf(stored, c, role);
        _requireSignature(actor, Messages.hashAct(act), signature);

        c = c.countingNonce(role);
        if (kind == Kind.Inspected) c = _proposing(c, act);
        if (kind == Kind.PickedUp && role == Role.Carrier) c = c.flagging(CaseFlags.PICKUP_BY_CARRIER);
        if (to == State.Payable) c = _deciding(c, c.share(), c.fee(), false);
        _advance(act.caseId, stored, c, to, kind, role, actor, act.commitment, to == State.Closed);
    }

    function recordBatch(bytes calldata items) external {
        if (items.length % PackedAct.LENGTH != 0) revert BadLength(items.length);
        uint256 index = 0;
        for (uint256 start = 0; start < items.length; start += PackedAct.LENGTH) {
            _requireItemGas(index);
            // A call of our own `record` in bytes: the compiler would refuse to pass on a value outside its enum.
            (bool done, bytes memory reason) = address(this).call{gas: ITEM_GAS}(PackedAct.toCall(items, start));
            if (!done) {
                emit Skipped(PackedAct.caseId(items, start), PackedAct.commitment(items, start), index, reason);
            }
            ++index;
        }
    }

    function poke(bytes32 caseId) external {
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        if (!c.exists()) revert UnknownCase(caseId);
        State from = c.state();
        if (!CaseMachine.isLive(from)) revert NothingDue(from);
        if (block.timestamp <= c.deadline()) revert DeadlineAhead(c.deadline());

        bool pickupProven = c.has(CaseFlags.PICKUP_BY_CARRIER) && _policies[c.policy()].freight == Freight.Supplied;
        bool selfInspected = !c.has(CaseFlags.INSPECTOR_INDEPENDENT) && c.share() < Payout.FULL;
        (Kind kind, State to) = CaseMachine.lapse(from, pickupProven, selfInspected);

        if (to == State.Payable && CaseMachine.lapsesInFull(from)) c = _deciding(c, Payout.FULL, 0, true);
        else if (to == State.Payable) c = _deciding(c, c.share(), c.fee(), false);
        else if (from == State.Delivered) c = _deciding(c, 0, 0, false); // a replacement came instead of the refund
        if (from == State.Payable && c.mode() == Mode.None) c = c.flagging(CaseFlags.UNPAID);
        // Once the provider paid, the lock has done its work: nothing of it is the consumer's.
        bool releases = to == State.Closed || from == State.Refunded;
        _advance(caseId, stored, c, to, kind, Role.None, address(this), bytes32(0), releases);
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
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        v.state = c.state();
        v.mode = c.mode();
        v.grade = c.grade();
        v.flags = c.flags();
        v.share = c.share();
        v.fee = c.fee();
        v.deadline = c.deadline();
        v.length = c.length();
        for (uint8 role = uint8(Role.Consumer); role <= uint8(Role.Inspector); ++role) {
            v.nonces[role] = c.nonce(Role(role));
        }
        v.head = stored.head;
        v.consumer = stored.consumer;
        v.panel = stored.panel;
        v.parties = _parties[c.parties()];
        v.policy = _policyIds[c.policy()];
    }

    function head(bytes32 caseId) external view returns (bytes32) {
        return _cases[caseId].head;
    }

    function consumerOf(bytes32 caseId) external view returns (address) {
        return _cases[caseId].consumer;
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    function _newCase(Terms calldata terms) private view returns (CaseWord) {
        uint32 parties = _partiesIndex[terms.parties];
        if (parties == 0) revert UnknownParties(terms.parties);
        uint16 policy = _policyIndex[terms.policy];
        if (policy == 0) revert UnknownPolicy(terms.policy);
        if (terms.panel != 0) revert UnknownPanel(terms.panel);
        if (terms.consumer == address(0)) revert ZeroAddress();
        bool funded = terms.token != address(0) && terms.refund != 0;
        bool empty = terms.token == address(0) && terms.refund == 0 && terms.freight == 0 && terms.reserve == 0;
        if (terms.mode == Mode.None ? !empty : !funded) revert AmountsDoNotFitMode();
        if (terms.freight != 0 && _policies[policy].freight == Freight.Supplied) revert FreightNotLockable();
        uint8 flags = terms.consumerKeyHeld ? CaseFlags.CONSUMER_KEY_HELD : 0;
        if (_isIndependent(_parties[parties])) flags |= CaseFlags.INSPECTOR_INDEPENDENT;
        return CaseWords.opened(policy, parties, terms.mode, flags);
    }

    /// Takes over what the inspector proposes, within the policy.
    function _proposing(CaseWord c, Act calldata act) private view returns (CaseWord) {
        Policy storage policy = _policies[c.policy()];
        if (act.grade == Grade.None) revert GradeMissing();
        uint16 least = policy.minShare[uint8(act.grade)];
        if (act.share < least) revert ShareBelowPolicy(act.share, least);
        if (act.share > Payout.FULL) revert BasisPointsOutOfBounds(act.share);
        uint16 cap = act.grade == Grade.Defective ? 0 : policy.feeCap;
        if (act.fee > cap) revert FeeAbovePolicy(act.fee, cap);
        return c.proposing(act.grade, act.share, act.fee);
    }

    /// Fixes the outcome. Whoever made the consumer wait past a deadline bears the freight as well.
    function _deciding(CaseWord c, uint16 share, uint16 fee, bool bySilence) private view returns (CaseWord) {
        bool merchantBears =
            bySilence || c.grade() == Grade.Defective || _policies[c.policy()].freight == Freight.Reimbursed;
        if (share != 0 && merchantBears) c = c.flagging(CaseFlags.FREIGHT_TO_CONSUMER);
        return c.deciding(share, fee);
    }

    /// Enters a state by one record, and at once the next where nothing is left to wait for; then moves the money.
    function _advance(
        bytes32 caseId,
        Stored storage stored,
        CaseWord c,
        State to,
        Kind kind,
        Role role,
        address actor,
        bytes32 commitment,
        bool releases
    ) private {
        c = _entering(c, to);
        bytes32 head_ = _link(stored.head, caseId, c, kind, role, actor, commitment);
        c = c.countingRecord();
        if (to == State.Payable && (c.mode() == Mode.Refund || c.share() == 0)) {
            to = State.Settled;
            c = _entering(c, to);
            head_ = _link(head_, caseId, c, Kind.Settled, Role.None, address(this), bytes32(0));
            c = c.countingRecord();
        }
        stored.word = c;
        stored.head = head_;

        if (CaseMachine.isLive(to) || c.mode() == Mode.None) return;
        address merchant = _parties[c.parties()].merchant;
        if (releases) escrow.settle(caseId, merchant, 0, 0, false);
        else escrow.settle(caseId, merchant, c.share(), c.fee(), c.has(CaseFlags.FREIGHT_TO_CONSUMER));
    }

    function _entering(CaseWord c, State to) private view returns (CaseWord) {
        if (!CaseMachine.isLive(to)) return c.entering(to, 0);
        return c.entering(to, uint40(block.timestamp) + _policies[c.policy()].windows[uint8(to)]);
    }

    /// Announces a record and gives the head that follows it.
    function _link(bytes32 head_, bytes32 caseId, CaseWord c, Kind kind, Role role, address actor, bytes32 commitment)
        private
        returns (bytes32)
    {
        bytes32 entry = c.entryOf(kind, role);
        emit Recorded(caseId, actor, commitment, entry);
        return keccak256(abi.encode(head_, actor, commitment, entry));
    }

    function _actorOf(Stored storage stored, CaseWord c, Role role) private view returns (address) {
        if (role == Role.Consumer) return stored.consumer;
        Parties storage parties = _parties[c.parties()];
        if (role == Role.Merchant) return parties.merchant;
        if (role == Role.Carrier) return parties.carrier;
        if (role == Role.Warehouse) return parties.warehouse;
        return parties.inspector; // the machine lets no other role through
    }

    /// A key's own signature counts first, whatever code its account has; then an ERC-1271 contract is asked.
    function _requireSignature(address signer, bytes32 structHash, bytes calldata signature) private view {
        bytes32 digest = _hashTypedDataV4(structHash);
        if (signature.length == 65) {
            (address recovered, ECDSA.RecoverError failure,) =
                ECDSA.tryRecover(digest, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
            if (recovered == signer && failure == ECDSA.RecoverError.NoError) return;
        }
        if (signer.code.length == 0 || !SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature)) {
            revert BadSignature(signer);
        }
    }

    /// EIP-150 passes on 63/64 of the gas; the rest is for the event that names a refused item.
    function _requireItemGas(uint256 index) private view {
        if (gasleft() < ITEM_GAS + ITEM_GAS / 32 + 20_000) revert BatchGasTooLow(index);
    }
}

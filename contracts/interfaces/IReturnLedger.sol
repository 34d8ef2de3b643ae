// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Kind, Opening, Parties, Policy, Role, State, Terms} from "./CaseTypes.sol";
import {IReturnDisputes} from "./IReturnDisputes.sol";

/// @title The cases: who may say what, when, and what follows when somebody stays silent
/// @notice Every act is an EIP-712 message of its actor, an EOA or an ERC-1271 contract; whoever relays it has no
/// authority. A case's records form a hash chain:
///
///     head(0)     = caseId
///     head(n + 1) = keccak256(head(n) ‖ actor as 32 bytes ‖ commitment ‖ entry)
///
/// so that one read of `head` proves a timeline complete and in order. What the contract does by itself (a deadline,
/// a settlement) enters the same chain, with the contract as actor and commitment zero.
/// @dev Not protected here: what a record says is its signer's word; the contract knows its fingerprint only. Block
/// times are the chain's, and whoever runs the chain can hold its clock within the chain's rules.
interface IReturnLedger is IReturnDisputes {
    /// A case has begun. `terms` hash to `caseId`.
    event Opened(bytes32 indexed caseId, address indexed merchant, address indexed consumer, Terms terms);
    /// A record has joined a case. `CaseWords.entryOf` lays `entry` out.
    event Recorded(bytes32 indexed caseId, address indexed actor, bytes32 commitment, bytes32 entry);
    /// An item of a batch was refused; `reason` is the ABI-encoded error. The rest of the batch went on.
    event Skipped(bytes32 indexed caseId, bytes32 indexed commitment, uint256 index, bytes reason);
    event PolicyRegistered(bytes32 indexed policy, uint16 index, Policy content);
    event PartiesRegistered(bytes32 indexed parties, uint32 index, Parties content);
    event InspectorRegistered(address indexed inspector, bool independent);

    error AlreadyOpen(bytes32 caseId);
    error UnknownCase(bytes32 caseId);
    error UnknownPolicy(bytes32 policy);
    error UnknownParties(bytes32 parties);
    error ZeroAddress();
    /// Mode None has neither token nor amounts; the other modes have both.
    error AmountsDoNotFitMode();
    /// A freight amount where the merchant supplies the label.
    error FreightNotLockable();
    error WindowOutOfBounds(State state, uint32 window);
    error NoticeOutOfBounds(uint32 notice);
    /// The rules have bits where no field is, or a freight that is none.
    error RulesMalformed(uint256 rules);
    error BasisPointsOutOfBounds(uint16 value);
    error SignatureExpired(uint40 validUntil);
    /// The actor did not sign this message for this chain and contract.
    error BadSignature(address actor);
    error WrongNonce(Role role, uint16 expected, uint16 given);
    /// In this state, this role may not do this.
    error NotAllowed(State state, Kind kind, Role role);
    /// Too late for an act: only `poke` moves the case now.
    error DeadlinePassed(uint40 deadline);
    /// Too early for `poke`.
    error DeadlineAhead(uint40 deadline);
    /// The case has ended; nothing is due.
    error NothingDue(State state);
    /// A value that this kind of act does not sign.
    error UnsignedValue();
    error GradeMissing();
    error ShareBelowPolicy(uint16 share, uint16 least);
    error FeeAbovePolicy(uint16 fee, uint16 cap);
    /// A number that stands for no kind, role or grade.
    error UnknownWord(uint8 kind, uint8 role, uint8 grade);
    error BadLength(uint256 length);
    /// The transaction carries too little gas to judge this opening fairly; the whole batch is undone.
    error BatchGasTooLow(uint256 index);

    /// @notice Opens a case, and in modes Refund and Bond locks its money, or does neither.
    /// @dev Reverts if
    /// - new cases are paused (EnforcedPause)
    /// - `validUntil` has passed (SignatureExpired)
    /// - the parties, the policy or the panel are not registered (UnknownParties, UnknownPolicy, UnknownPanelVersion)
    /// - the consumer is the zero address (ZeroAddress)
    /// - a case with these terms exists (AlreadyOpen)
    /// - a party is on the panel (PartyOnPanel)
    /// - the amounts do not fit the mode (AmountsDoNotFitMode, FreightNotLockable)
    /// - the reserve does not cover the panel's fees (ReserveTooSmall)
    /// - the merchant did not sign (BadSignature)
    /// - the escrow refuses the lock (its own errors)
    /// - the gas left does not suffice to ask an ERC-1271 wallet (WalletGasTooLow), or runs out in the panel or the escrow
    ///   (BatchGasTooLow)
    function open(Opening calldata opening) external returns (bytes32 caseId);

    /// @notice Opens many; an item that `open` refuses is skipped with its reason.
    /// @dev Reverts if
    /// - the gas left does not suffice to judge an item (BatchGasTooLow), or to ask an ERC-1271 wallet (WalletGasTooLow)
    function openBatch(Opening[] calldata openings) external;

    /// @notice Records one act.
    /// @dev Reverts if
    /// - the case does not exist (UnknownCase)
    /// - `validUntil` has passed (SignatureExpired)
    /// - the deadline of the case's state has passed (DeadlinePassed)
    /// - the role may not do this in this state (NotAllowed)
    /// - a notice runs that this would cross (NoticeRuns)
    /// - the nonce is not the role's next (WrongNonce)
    /// - the act carries a value that its message does not sign (UnsignedValue)
    /// - an inspection has no grade (GradeMissing), too small a share, or too great a fee (ShareBelowPolicy,
    ///   BasisPointsOutOfBounds, FeeAbovePolicy)
    /// - a claim or an offer passes 10,000 basis points (BasisPointsOutOfBounds)
    /// - a challenge, or the consumer's claim after one, asks for nothing, or for more than is owed (ShareAboveOwed)
    /// - a held consumer key claims less than before (ClaimLowered)
    /// - an appeal has nothing to gain (NothingToAppeal)
    /// - a new key is zero, a party's, or the present one (KeyNotUsable)
    /// - the actor did not sign (BadSignature)
    /// - the gas left does not suffice to ask an ERC-1271 wallet (WalletGasTooLow)
    function record(Act calldata act, bytes calldata signature) external;

    /// @notice Records many packed acts, one after the other; an item that `record` refuses is skipped with its reason, and
    /// so is one whose kind or role, or whose inspection's grade, is no word (UnknownWord).
    /// @dev Reverts if
    /// - the bytes do not end where an item does (BadLength)
    /// - the gas left does not suffice to ask an ERC-1271 wallet (WalletGasTooLow)
    function recordPacked(bytes calldata items) external;

    /// @notice Moves a case whose deadline or notice has passed. Anyone may call it.
    /// @dev Reverts if
    /// - the case does not exist (UnknownCase)
    /// - the case has ended (NothingDue)
    /// - neither the deadline nor a notice has passed (DeadlineAhead)
    function poke(bytes32 caseId) external;

    /// @notice Pokes many; a case that `poke` refuses is skipped with its reason.
    function pokeBatch(bytes32[] calldata caseIds) external;

    /// @notice Registers a policy for future cases. Registering it again changes nothing.
    /// @dev Reverts if
    /// - the caller is not the operator (AccessControlUnauthorizedAccount)
    /// - a live state's window is outside its bounds (WindowOutOfBounds)
    /// - the notice is longer than the longest window (NoticeOutOfBounds)
    /// - a share or the cap passes 10,000 basis points (BasisPointsOutOfBounds)
    /// - the rules hold anything else (RulesMalformed)
    function registerPolicy(Policy calldata policy) external returns (bytes32 id);

    /// @notice Registers parties. Anyone may; it gives nobody a right. Registering them again changes nothing.
    /// @dev Reverts if one of them is the zero address (ZeroAddress)
    function registerParties(Parties calldata parties) external returns (bytes32 id);

    /// @notice Says whether an inspector is independent of the merchants, for cases opened from now on.
    /// @dev Reverts if the caller is not the operator (AccessControlUnauthorizedAccount)
    function registerInspector(address inspector, bool independent) external;

    /// @notice Stops new cases. Live ones go on.
    /// @dev Reverts if the caller is not the guardian (AccessControlUnauthorizedAccount)
    function pause() external;

    /// @dev Reverts if the caller is not the guardian (AccessControlUnauthorizedAccount)
    function unpause() external;

    /// @notice A case as it stands in storage; `ReturnLens.getCase` spells it out.
    /// @return slots the case's word, its head, its consumer with panel, claims, offer and appellant, and its
    /// notice
    function slotsOf(bytes32 caseId) external view returns (bytes32[4] memory slots);

    /// @notice The parties that a case's word refers to; zeros for an unknown index.
    function partiesAt(uint32 index) external view returns (Parties memory);

    /// @notice The id of the policy that a case's word refers to; zero for an unknown index.
    function policyAt(uint16 index) external view returns (bytes32);

    /// @notice What `poke` would do to a live case, and the last second before it may. None for a case that has ended.
    /// @return kind what the contract would state
    /// @return to the state that follows; `Payable` where the outcome would be decided, which may settle at once
    function pokeOf(bytes32 caseId) external view returns (Kind kind, State to, uint40 after_);

    /// @notice The head of a case's hash chain; zero for an unknown case.
    function head(bytes32 caseId) external view returns (bytes32);

    function consumerOf(bytes32 caseId) external view returns (address);

    function isPolicy(bytes32 policy) external view returns (bool);

    function isParties(bytes32 parties) external view returns (bool);

    function isIndependent(address inspector) external view returns (bool);
}

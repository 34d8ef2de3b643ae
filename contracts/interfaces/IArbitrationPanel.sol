// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Parties} from "./CaseTypes.sol";
import {Award} from "./IRefundEscrow.sol";

/// @title Who may rule on a dispute, and how their votes become one ruling
/// @notice A vote is an EIP-712 message on this contract's domain:
///
///     Vote(bytes32 caseId,uint8 round,uint16 share,uint40 validUntil,bytes32 commitment)
///
/// signed by an arbitrator (EOA or ERC-1271), one a round; whoever relays it has no authority. Once `threshold` have
/// voted, the median is the ruling and later votes are refused; the threshold is odd, so that the median is somebody's
/// vote, and fewer than half of the quorum cannot push it beyond what the others said.
///
/// The rounds of a case:
///
///     0  the panel that the case opened with
///     1  its fallback panel, if round 0 ended without a quorum
///     2  its appeal panel
///     3  the panel that the case opened with, on a challenged refund
///     4  its fallback panel, if round 3 ended without a quorum
///
/// Each arbitrator whose vote stands in a round that reached its quorum has earned that panel's fee; a round without a
/// quorum pays nobody.
/// @dev Not protected here: a majority of the quorum that colludes; whoever registers panels for future cases; a key that
/// answers for two seats (its own and that of a wallet it owns), since a message names the case and not the seat.
interface IArbitrationPanel {
    /// A version of a panel. A case names one when it opens, and no version is ever changed.
    struct Panel {
        address[] arbitrators; // 1 to 15
        uint8 threshold; // votes that make a quorum: odd, at most all of them
        uint32 appealPanel; // version of the larger panel, 0 for none
        uint32 fallbackPanel; // version that takes over when this one stays silent, 0 for none
        uint48 fee; // minor units for each vote that counted
    }

    struct Vote {
        bytes32 caseId;
        address arbitrator;
        uint8 round;
        uint16 share; // basis points of the refund that the consumer gets
        uint40 validUntil; // last block time at which the signature counts
        bytes32 commitment; // keccak-256 of the vote's canonical document
    }

    /// A vote as an item of a batch.
    struct SignedVote {
        Vote vote;
        bytes signature;
    }

    event PanelRegistered(uint32 indexed version, Panel content);
    event Voted(
        bytes32 indexed caseId, address indexed arbitrator, uint8 indexed round, uint16 share, bytes32 commitment
    );
    /// An item of a batch was refused; `reason` is the ABI-encoded error. The rest of the batch went on.
    event VoteSkipped(
        bytes32 indexed caseId, address indexed arbitrator, bytes32 indexed commitment, uint256 index, bytes reason
    );

    error ZeroAddress();
    error UnknownPanelVersion(uint32 version);
    error PanelSizeOutOfBounds(uint256 size);
    error ThresholdOutOfBounds(uint8 threshold);
    error DuplicateArbitrator(address arbitrator);
    error AppealPanelNotLarger(uint32 version);
    error NotDisputed(bytes32 caseId);
    error NotAnArbitrator(address account);
    error PartyOnPanel(address account);
    error AlreadyVoted(address arbitrator, uint8 round);
    error RoundOver(uint8 round);
    error WrongRound(uint8 expected, uint8 given);
    error VoteOutOfBounds(uint16 share, uint16 most);
    error VoteExpired(uint40 validUntil);
    /// The arbitrator did not sign this vote for this chain and contract.
    error BadVoteSignature(address arbitrator);

    /// @notice Registers a new version; earlier versions stay as they are for the cases that named them.
    /// @dev Reverts if
    /// - the caller is not an operator (AccessControlUnauthorizedAccount)
    /// - there are no arbitrators, or more than 15 (PanelSizeOutOfBounds)
    /// - the threshold is even, or greater than the number of arbitrators (ThresholdOutOfBounds)
    /// - an arbitrator is zero (ZeroAddress)
    /// - an arbitrator is listed twice (DuplicateArbitrator)
    /// - the appeal or the fallback panel is not registered (UnknownPanelVersion)
    /// - the appeal panel has no more arbitrators, or no greater threshold, than this panel or its fallback
    ///   (AppealPanelNotLarger)
    function registerPanel(Panel calldata panel) external returns (uint32 version);

    /// @notice Counts one signed vote; the one that makes the quorum writes the ruling into the ledger.
    /// @dev Reverts if
    /// - the signature's time has passed (VoteExpired)
    /// - the case is not in dispute, or unknown (NotDisputed)
    /// - the case is in another round (WrongRound)
    /// - the round's deadline has passed, or it has its quorum (RoundOver)
    /// - the share is above the whole or, after a challenge, above what the consumer claims (VoteOutOfBounds)
    /// - the arbitrator is the consumer of the case (PartyOnPanel)
    /// - the arbitrator is not on the round's panel (NotAnArbitrator)
    /// - the arbitrator has voted in this round (AlreadyVoted)
    /// - the arbitrator did not sign it, or its wallet refuses, fails or takes too much gas (BadVoteSignature)
    /// - a wallet has to be asked and too little gas is left for it (WalletGasTooLow)
    function vote(Vote calldata v, bytes calldata signature) external;

    /// @notice Counts many; an item that `vote` refuses is skipped with its reason, and the rest goes on.
    /// @dev Reverts if
    /// - a wallet has to be asked and too little gas is left for it (WalletGasTooLow)
    function voteBatch(SignedVote[] calldata votes) external;

    /// @notice What an arbitrator signs.
    function digestOf(Vote calldata v) external view returns (bytes32);

    /// @dev Reverts if
    /// - the version is not registered (UnknownPanelVersion)
    function panelOf(uint32 version) external view returns (Panel memory);

    /// @notice The number of registered versions, which is the newest.
    function panelCount() external view returns (uint32);

    /// @notice The fallback of a version, 0 for none.
    function fallbackOf(uint32 version) external view returns (uint32);

    /// @notice The most that the fees of a case come to, in minor units.
    /// @return first of a dispute that is not appealed, by this panel or its fallback, whichever costs more
    /// @return onAppeal of the appeal on top
    /// @dev Reverts if
    /// - the version is not registered (UnknownPanelVersion)
    function feesOf(uint32 version) external view returns (uint64 first, uint64 onAppeal);

    /// @notice Passes if none of the parties sits on this panel, its fallback or its appeal panel. The consumer, who may
    /// bind another key later, is looked at with every vote.
    /// @dev Reverts if
    /// - the version is not registered (UnknownPanelVersion)
    /// - a party sits on one of the three (PartyOnPanel)
    function requireClear(uint32 version, Parties calldata parties) external view;

    /// @notice The votes of a round as they stand: a word laid out in the library `Ballots`. The word of a round with a
    /// quorum stands in the case's hash chain as its ruling's commitment.
    function ballotOf(bytes32 caseId, uint8 round) external view returns (bytes32);

    /// @notice What arbitrators have earned in a case that opened with this version, in the order of rounds and seats.
    /// @return awards one for each vote of a round that reached its quorum
    /// @return onAppeal what those of round 2 come to
    function awardsOf(bytes32 caseId, uint32 version) external view returns (Award[] memory awards, uint64 onAppeal);
}

// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Parties} from "./interfaces/CaseTypes.sol";
import {IArbitrationPanel} from "./interfaces/IArbitrationPanel.sol";
import {Award} from "./interfaces/IRefundEscrow.sol";
import {IReturnDisputes} from "./interfaces/IReturnDisputes.sol";
import {Ballot, Ballots} from "./libraries/Ballot.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title See IArbitrationPanel, which says all there is to say
contract ArbitrationPanel is IArbitrationPanel, AccessControl, EIP712 {
    bytes32 public constant OPERATOR = keccak256("OPERATOR");
    bytes32 private constant VOTE =
        keccak256("Vote(bytes32 caseId,uint8 round,uint16 share,uint40 validUntil,bytes32 commitment)");
    uint8 private constant FALLBACK = 1;
    uint8 private constant APPEAL = 2;
    uint8 private constant AFTER_CHALLENGE = 3;
    uint8 private constant FALLBACK_AFTER_CHALLENGE = 4;
    uint8 private constant ROUNDS = 5;

    IReturnDisputes public immutable ledger;

    /// All of a version but its arbitrators, in one slot. The most that fees come to is kept, since every case asks.
    struct Meta {
        uint8 size;
        uint8 threshold;
        uint32 appealPanel;
        uint32 fallbackPanel;
        uint48 fee;
        uint64 feesFirst;
        uint64 feesOnAppeal;
    }

    /// What a vote needs to know of its panel, in one slot.
    struct Seat {
        uint8 number; // from 1
        uint8 threshold;
    }

    /// What an accepted vote is counted with.
    struct Turn {
        uint32 panel; // that the case opened with
        Seat seat;
        Ballot ballot;
    }

    uint32 private _count;
    mapping(uint32 version => Meta) private _metas;
    mapping(uint32 version => address[]) private _arbitrators;
    mapping(uint32 version => mapping(address arbitrator => Seat)) private _seats;
    mapping(bytes32 caseId => mapping(uint8 round => Ballot)) private _ballots;

    /// @param ledger_ the ledger that takes this panel's rulings; its address is known before it is deployed
    constructor(IReturnDisputes ledger_, address operator) EIP712("ArbitrationPanel", "1") {
        if (address(ledger_) == address(0) || operator == address(0)) revert ZeroAddress();
        ledger = ledger_;
        _grantRole(DEFAULT_ADMIN_ROLE, operator);
        _grantRole(OPERATOR, operator);
    }

    // --- panels ----------------------------------------------------------------------------------------------------

    function registerPanel(Panel calldata panel) external onlyRole(OPERATOR) returns (uint32 version) {
        uint256 size = panel.arbitrators.length;
        if (size == 0 || size > Ballots.SEATS) revert PanelSizeOutOfBounds(size);
        if (panel.threshold % 2 == 0 || panel.threshold > size) revert ThresholdOutOfBounds(panel.threshold);
        Meta memory meta = Meta(
            uint8(size),
            panel.threshold,
            panel.appealPanel,
            panel.fallbackPanel,
            panel.fee,
            uint64(panel.fee) * panel.threshold,
            0
        );
        if (panel.fallbackPanel != 0) {
            uint64 fees = _quorumFees(_known(panel.fallbackPanel));
            if (fees > meta.feesFirst) meta.feesFirst = fees;
        }
        if (panel.appealPanel != 0) {
            Meta memory appeal = _known(panel.appealPanel);
            _requireLarger(panel.appealPanel, appeal, meta);
            if (panel.fallbackPanel != 0) _requireLarger(panel.appealPanel, appeal, _metas[panel.fallbackPanel]);
            meta.feesOnAppeal = _quorumFees(appeal);
        }

        version = ++_count;
        _metas[version] = meta;
        _arbitrators[version] = panel.arbitrators;
        for (uint8 i = 0; i < size; ++i) {
            address arbitrator = panel.arbitrators[i];
            if (arbitrator == address(0)) revert ZeroAddress();
            if (_seats[version][arbitrator].number != 0) revert DuplicateArbitrator(arbitrator);
            _seats[version][arbitrator] = Seat(i + 1, panel.threshold);
        }
        emit PanelRegistered(version, panel);
    }

    function panelOf(uint32 version) external view returns (Panel memory) {
        Meta memory meta = _known(version);
        return Panel(_arbitrators[version], meta.threshold, meta.appealPanel, meta.fallbackPanel, meta.fee);
    }

    function panelCount() external view returns (uint32) {
        return _count;
    }

    function fallbackOf(uint32 version) external view returns (uint32) {
        return _metas[version].fallbackPanel;
    }

    function feesOf(uint32 version) external view returns (uint64 first, uint64 onAppeal) {
        Meta memory meta = _known(version);
        return (meta.feesFirst, meta.feesOnAppeal);
    }

    function requireClear(uint32 version, Parties calldata parties) external view {
        Meta memory meta = _known(version);
        _requireClear(version, parties);
        if (meta.fallbackPanel != 0) _requireClear(meta.fallbackPanel, parties);
        if (meta.appealPanel != 0) _requireClear(meta.appealPanel, parties);
    }

    // --- votes -----------------------------------------------------------------------------------------------------

    function vote(Vote calldata v, bytes calldata signature) external {
        (bytes memory refusal, Turn memory turn) = _judge(v, signature);
        if (refusal.length != 0) {
            assembly ("memory-safe") {
                revert(add(refusal, 0x20), mload(refusal))
            }
        }
        _cast(v, turn);
    }

    function voteBatch(SignedVote[] calldata votes) external {
        for (uint256 i = 0; i < votes.length; ++i) {
            Vote calldata v = votes[i].vote;
            (bytes memory refusal, Turn memory turn) = _judge(v, votes[i].signature);
            if (refusal.length == 0) _cast(v, turn);
            else emit VoteSkipped(v.caseId, v.arbitrator, v.commitment, i, refusal);
        }
    }

    function digestOf(Vote calldata v) external view returns (bytes32) {
        return _digestOf(v);
    }

    function ballotOf(bytes32 caseId, uint8 round) external view returns (bytes32) {
        return bytes32(Ballot.unwrap(_ballots[caseId][round]));
    }

    function awardsOf(bytes32 caseId, uint32 version) external view returns (Award[] memory awards, uint64 onAppeal) {
        Ballot[ROUNDS] memory quorums;
        uint256 total = 0;
        for (uint8 round = 0; round < ROUNDS; ++round) {
            bool isFallback = round == FALLBACK || round == FALLBACK_AFTER_CHALLENGE;
            if (isFallback && quorums[round - 1].count() != 0) continue; // it had nothing to vote on
            quorums[round] = _quorumOf(caseId, round, _panelOf(round, version));
            total += quorums[round].count();
        }
        awards = new Award[](total);
        uint256 filled = 0;
        for (uint8 round = 0; filled < total; ++round) {
            uint256 votes = quorums[round].count();
            if (votes == 0) continue;
            uint64 fee = _award(awards, filled, quorums[round], _panelOf(round, version));
            if (round == APPEAL) onAppeal = uint64(votes) * fee;
            filled += votes;
        }
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    /// @return refusal the error that stands against a vote, ABI-encoded; empty if none does
    function _judge(Vote calldata v, bytes calldata signature)
        private
        view
        returns (bytes memory refusal, Turn memory turn)
    {
        if (block.timestamp > v.validUntil) {
            return (abi.encodeWithSelector(VoteExpired.selector, v.validUntil), turn);
        }
        (uint32 panel, uint8 round, uint40 deadline, uint16 most, address consumer, bool disputed) =
            ledger.disputeOf(v.caseId);
        if (!disputed) return (abi.encodeWithSelector(NotDisputed.selector, v.caseId), turn);
        if (v.round != round) return (abi.encodeWithSelector(WrongRound.selector, round, v.round), turn);
        if (block.timestamp > deadline) return (abi.encodeWithSelector(RoundOver.selector, round), turn);
        if (v.share > most) return (abi.encodeWithSelector(VoteOutOfBounds.selector, v.share, most), turn);
        if (v.arbitrator == consumer) return (abi.encodeWithSelector(PartyOnPanel.selector, consumer), turn);

        turn.panel = panel;
        turn.seat = _seats[_panelOf(round, panel)][v.arbitrator];
        turn.ballot = _ballots[v.caseId][round];
        if (turn.seat.number == 0) return (abi.encodeWithSelector(NotAnArbitrator.selector, v.arbitrator), turn);
        if (turn.ballot.count() >= turn.seat.threshold) {
            return (abi.encodeWithSelector(RoundOver.selector, round), turn);
        }
        if (turn.ballot.mark(turn.seat.number - 1) != 0) {
            return (abi.encodeWithSelector(AlreadyVoted.selector, v.arbitrator, round), turn);
        }
        if (!Signatures.isSignedBy(v.arbitrator, _digestOf(v), signature)) {
            refusal = abi.encodeWithSelector(BadVoteSignature.selector, v.arbitrator);
        }
    }

    function _cast(Vote calldata v, Turn memory turn) private {
        Ballot ballot = turn.ballot.adding(turn.seat.number - 1, v.share);
        _ballots[v.caseId][v.round] = ballot;
        emit Voted(v.caseId, v.arbitrator, v.round, v.share, v.commitment);
        if (ballot.count() < turn.seat.threshold) return;
        ledger.rule(v.caseId, ballot.median(), bytes32(Ballot.unwrap(ballot)), _metas[turn.panel].appealPanel != 0);
    }

    /// Which panel votes in a round of a case that opened with `panel`.
    function _panelOf(uint8 round, uint32 panel) private view returns (uint32) {
        if (round == 0 || round == AFTER_CHALLENGE) return panel;
        return round == APPEAL ? _metas[panel].appealPanel : _metas[panel].fallbackPanel;
    }

    /// @return the votes of a round that reached its quorum; of any other, an empty ballot
    function _quorumOf(bytes32 caseId, uint8 round, uint32 version) private view returns (Ballot) {
        if (version == 0) return Ballot.wrap(0);
        Ballot ballot = _ballots[caseId][round];
        bool reached = ballot.count() != 0 && ballot.count() >= _metas[version].threshold;
        return reached ? ballot : Ballot.wrap(0);
    }

    /// Adds what a round has earned its arbitrators, each of them the fee that it answers.
    function _award(Award[] memory awards, uint256 filled, Ballot ballot, uint32 version)
        private
        view
        returns (uint64 fee)
    {
        fee = _metas[version].fee;
        uint256 end = filled + ballot.count();
        for (uint256 seat = 0; filled < end; ++seat) {
            if (ballot.mark(seat) != 0) awards[filled++] = Award(_arbitrators[version][seat], fee);
        }
    }

    function _digestOf(Vote calldata v) private view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOTE, v.caseId, v.round, v.share, v.validUntil, v.commitment)));
    }

    function _known(uint32 version) private view returns (Meta memory meta) {
        meta = _metas[version];
        if (meta.size == 0) revert UnknownPanelVersion(version);
    }

    function _quorumFees(Meta memory meta) private pure returns (uint64) {
        return uint64(meta.fee) * meta.threshold;
    }

    function _requireLarger(uint32 version, Meta memory appeal, Meta memory than) private pure {
        if (appeal.size <= than.size || appeal.threshold <= than.threshold) revert AppealPanelNotLarger(version);
    }

    function _requireClear(uint32 version, Parties calldata parties) private view {
        _requireNoSeat(version, parties.merchant);
        _requireNoSeat(version, parties.carrier);
        _requireNoSeat(version, parties.warehouse);
        _requireNoSeat(version, parties.inspector);
    }

    function _requireNoSeat(uint32 version, address party) private view {
        if (_seats[version][party].number != 0) revert PartyOnPanel(party);
    }
}

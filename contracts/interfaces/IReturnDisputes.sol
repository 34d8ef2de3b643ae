// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title What disputes, agreements and held keys add to the ledger
/// @notice A dispute, its evidence, an appeal, a challenge, an exchange, a split, an objection and a new key of the
/// consumer's are acts like any other (`IReturnLedger.record`). A split and an exchange need both parties: the first act is an offer, which stands until
/// the case moves on or another offer takes its place, and the other party's act accepts it.
///
/// While the service holds the consumer's key, what that key gives up waits out the policy's notice: a cancellation, the
/// acceptance of less than everything, an exchange, a split, another key. The act is recorded at once and takes effect by
/// `poke`; the consumer's objection or any change of state voids it.
interface IReturnDisputes {
    /// The consumer's acts are signed by another key from now on, and what is due goes to it.
    event KeyBound(bytes32 indexed caseId, address indexed consumer);
    /// What a service-held consumer key gave up; once `effectiveAt` has passed, `poke` applies it.
    event NoticeGiven(bytes32 indexed caseId, bytes32 indexed commitment, uint40 effectiveAt);
    event NoticeVoided(bytes32 indexed caseId);

    error NotThePanel(address caller);
    /// One notice at a time: the consumer can object to this one first.
    error NoticeRuns(uint40 effectiveAt);
    /// The key is the one that is bound, a party's, or zero.
    error KeyNotUsable(address key);
    /// The ruling gives this party no less than it claims, or the appeal asks for no more than the ruling gives.
    error NothingToAppeal(uint16 ruling, uint16 claim);
    /// More than the outcome leaves unpaid, or nothing.
    error ShareAboveOwed(uint16 share, uint16 owed);
    /// A held consumer key can raise what it claims, and no more: a claim lowered in the last second would be given up.
    error ClaimLowered(uint16 share, uint16 claim);
    error NotDisputed(bytes32 caseId);
    /// The least reserve that pays the fees of every round this case can have.
    error ReserveTooSmall(uint64 reserve, uint64 least);

    /// @notice Writes a panel's ruling. It takes effect at once where nobody can appeal.
    /// @param ballot the votes, which stand in the case's hash chain in the place of a commitment
    /// @param hasAppealPanel whether the case's panel names a larger one
    /// @dev Reverts if
    /// - the caller is not the panel contract (NotThePanel)
    /// - the case is not disputed, or its deadline has passed (NotDisputed)
    function rule(bytes32 caseId, uint16 share, bytes32 ballot, bool hasAppealPanel) external;

    /// @notice What a vote on a case rests on.
    /// @return panel the version that the case opened with
    /// @return round 0, 1 by the fallback panel, 2 on appeal; 3 and 4 the same after a challenge
    /// @return deadline last second of the round
    /// @return most the greatest share that a vote can give, in basis points
    /// @return consumer who cannot vote
    /// @return disputed whether votes count at all
    function disputeOf(bytes32 caseId)
        external
        view
        returns (uint32 panel, uint8 round, uint40 deadline, uint16 most, address consumer, bool disputed);

    /// @notice Who is paid, and how many seconds a payment elsewhere has to wait: the policy's notice while the service
    /// holds the consumer's key, else none. Zeros for an unknown case.
    function payeeOf(bytes32 caseId) external view returns (address consumer, uint32 notice);
}

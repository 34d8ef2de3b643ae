// Rulings as the chain has them: a round's ballot read back, and the fees that it earned its arbitrators.
import { APPEAL, mostShare, panelOf, roundOf } from "./disputes.js";
import { LedgerError } from "./errors.js";
import { COUNT_BIT, ballotOf, markOf, median } from "./panels.js";

/** The votes in a ballot of this panel, by arbitrator. Throws LedgerError for a word that is none, or lacks the quorum. */
function readBallot(panel, ballot) {
  const votes = new Map();
  panel.arbitrators.forEach((arbitrator, seat) => {
    const mark = markOf(ballot, seat);
    if (mark) votes.set(arbitrator, mark - 1);
  });
  let same = false;
  try {
    same = ballotOf(panel, votes) === ballot;
  } catch {
    // a share that no vote has
  }
  if (!same || BigInt(ballot) >> COUNT_BIT !== BigInt(panel.threshold)) {
    throw new LedgerError("The ballot of the ruling is not one of the case's panel.");
  }
  return votes;
}

/** The ruling that a ballot comes to in this case: `{ round, ballot, votes, fee, share }`. */
export function rulingOf(state, panels, ballot) {
  const panel = panels.get(panelOf(state));
  if (panel === undefined) throw new LedgerError("A panel ruled that the case does not have.");
  const votes = readBallot(panel, ballot);
  const shares = [...votes.values()];
  if (shares.some((share) => share > mostShare(state))) throw new LedgerError("A vote names more than is in dispute.");
  return { round: roundOf(state), ballot, votes, fee: panel.fee, share: median(shares) };
}

/** What each vote has earned its arbitrator, `[arbitrator, minor units]`, as the escrow credits it. */
export function awardsOf(rulings) {
  return rulings.flatMap(({ votes, fee }) => [...votes.keys()].map((arbitrator) => [arbitrator, BigInt(fee)]));
}

/** Minor units that the appeal's arbitrators have earned. */
export function feesOnAppeal(rulings) {
  const onAppeal = rulings.filter(({ round }) => round === APPEAL);
  return onAppeal.reduce((sum, { fee, votes }) => sum + BigInt(fee) * BigInt(votes.size), 0n);
}

/** What the machine has to know of a case's panel. Throws LedgerError where a panel is missing, or one too many. */
export function panelTerms(version, panels) {
  const named = panels.get(version);
  const terms = { version, appeal: named?.appeal_panel ?? 0, fallback: named?.fallback_panel ?? 0 };
  const wanted = new Set(named ? Object.values(terms).filter(Boolean) : []);
  const isRight = named
    ? wanted.size === panels.size && [...wanted].every((one) => panels.has(one))
    : !version && !panels.size;
  if (!isRight) throw new LedgerError("The panels are not those that the terms name.");
  return terms;
}

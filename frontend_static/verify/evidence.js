// Evidence: all that is needed to check one case. Every member has to be there, none may be beside them, and each value
// has one way to be written. The form is that of docs/verification.md.
import { checkPanel } from "./panels.js";
import {
  address,
  demand,
  nullOr,
  hexBytes,
  hexWord,
  integer,
  listOf,
  moment,
  object,
  shape,
  text,
  textOf,
} from "./strict_fields.js";
import { TABLES } from "./tables.js";

const NUMBER = integer(53);
const LONGEST_PROOF = 64;
const PLACE = { block: NUMBER, tx_hash: hexWord, log_index: integer(32) };
const SIGNED = { canonical: text, commitment: hexWord, signature: hexBytes, disclosures: listOf(text), receipt: text };

const readPanelFields = shape({
  version: integer(32),
  arbitrators: listOf(address),
  threshold: integer(8),
  appeal_panel: integer(32),
  fallback_panel: integer(32),
  fee: integer(48),
});

function readPanel(value, path) {
  const panel = readPanelFields(value, path);
  checkPanel(panel);
  return panel;
}

const EVENT_ARGS = Object.fromEntries(
  Object.entries(TABLES.escrow_events).map(([name, args]) => [
    name,
    shape(Object.fromEntries(args.map(([label, kind]) => [label, kind === "address" ? address : integer(kind)]))),
  ]),
);

const NODES = listOf(hexBytes);
const readProof = shape({ ledger: NODES, case_word: NODES, case_head: NODES, escrow: NODES, lock: NODES });
const readReason = shape({ reason: textOf(500) });

/** The nodes of a proof of the contracts' state, or the reason why there is none. */
function readStateProof(value, path) {
  return Object.hasOwn(object(value, path), "reason") ? readReason(value, path) : readProof(value, path);
}

const readEventFields = shape({ event: text, args: object, ...PLACE });

function readEscrowEvent(value, path) {
  const { args, ...event } = readEventFields(value, path);
  const known = Object.hasOwn(EVENT_ARGS, event.event);
  demand(known, event, `'${event.event}' is no event of a case's money.`, `${path}.event`);
  return { ...event, args: EVENT_ARGS[event.event](args, `${path}.args`) };
}

const READ = shape({
  case_id: hexWord,
  chain: shape({
    id: NUMBER,
    genesis_hash: hexWord,
    operator: text,
    confirmations: integer(16),
    ledger: address,
    escrow: address,
    panel: address,
  }),
  parties: shape({ merchant: address, carrier: address, warehouse: address, inspector: address }),
  policy: object,
  panels: listOf(readPanel),
  votes: listOf(
    shape({
      vote_id: text,
      arbitrator: address,
      round: integer(8),
      share: integer(16),
      valid_until: moment,
      ...SIGNED,
    }),
  ),
  records: listOf(
    shape({
      record_id: text,
      nonce: integer(16),
      valid_until: moment,
      grade: integer(8),
      share: integer(16),
      fee: integer(16),
      ...SIGNED,
    }),
  ),
  links: listOf(shape({ actor: address, commitment: hexWord, entry: hexWord, ...PLACE })),
  refusals: listOf(shape({ commitment: hexWord, reason: text, ...PLACE })),
  escrow: listOf(readEscrowEvent),
  observations: listOf(
    shape({
      observation_id: text,
      index: nullOr(NUMBER),
      proof: listOf(hexWord, LONGEST_PROOF),
      ...SIGNED,
    }),
  ),
  checkpoint: nullOr(shape({ contract: address, note: nullOr(text), anchor: nullOr(shape(PLACE)) })),
  blocks: listOf(shape({ number: NUMBER, hash: hexWord, time: moment })),
  headers: listOf(hexBytes),
  head: shape({ value: hexWord, block: NUMBER }),
  state_proof: nullOr(readStateProof),
  jwks: object,
});

/** The evidence of its JSON, read exactly. Throws InvalidInput for anything else. */
export function parseEvidence(value) {
  return READ(value, "evidence");
}

/** True where two events stand in the same place. */
export function isSamePlace(one, other) {
  return one.block === other.block && one.tx_hash === other.tx_hash && one.log_index === other.log_index;
}

/** True for two flat values with the same members. */
export function isSame(one, other) {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) =>
      typeof one[name] === "object" ? isSame(one[name], other[name] ?? {}) : one[name] === other[name],
    )
  );
}

// The EIP-712 messages of the contracts: type strings, struct hashes, digests. The types come from the same table as the
// wallets' typed data.
import { ZERO_ADDRESS, concatHex, isHex, keccak, utf8, word } from "./bytes.js";
import { hasExactly } from "./strict_fields.js";
import { TABLES } from "./tables.js";
import { Role, wireOf } from "./vocabulary.js";

const DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const PARTY_ROLES = ["merchant", "carrier", "warehouse", "inspector"];
const EMPTY = { grade: 0, share: 0, fee: 0, key: ZERO_ADDRESS };

const keccakText = (text) => keccak(utf8(text));
const signatureOf = (name) => `${name}(${TABLES.types[name].map(([label, kind]) => `${kind} ${label}`).join(",")})`;
const innerOf = (name) =>
  TABLES.types[name].map(([, kind]) => kind).filter((kind) => Object.hasOwn(TABLES.types, kind));
const TYPE_HASHES = Object.fromEntries(
  Object.keys(TABLES.types).map((name) => [
    name,
    keccakText(signatureOf(name) + innerOf(name).sort().map(signatureOf).join("")),
  ]),
);

/** The hash of a message of this type, given its values by their names; a struct within is given as its hash. */
export function structHash(name, values) {
  const words = TABLES.types[name].map(([label]) => word(values[label]));
  return keccak(concatHex(TYPE_HASHES[name], ...words));
}

/** What binds a message to one contract on one chain. */
export function separator(chainId, contract, name = "ReturnLedger") {
  const parts = [keccakText(DOMAIN), keccakText(name), keccakText("1"), word(chainId), word(contract)];
  return keccak(concatHex(...parts));
}

/** What is signed: the struct's hash under its domain. */
export function digestOf(domain, hash) {
  return keccak(concatHex("0x1901", domain, hash));
}

/** `PickedUp` of a kind. Throws RangeError for one that nobody signs as an act. */
function messageName(kind) {
  const parts = wireOf("Kind", kind).split("_");
  const name = parts.map((part) => part[0].toUpperCase() + part.slice(1)).join("");
  if (!Object.hasOwn(TABLES.types, name)) throw new RangeError(`${name} is no message`);
  return name;
}

/** The hash of an act: `{ caseId, kind, role, nonce, validUntil, commitment, grade, share, fee, key }`. */
export function actHash(act) {
  return structHash(messageName(act.kind), act);
}

/** Which of grade, share, fee and key hold something that the kind's message leaves out. */
export function unsignedOf(act) {
  const named = TABLES.types[messageName(act.kind)].map(([label]) => label);
  return Object.keys(EMPTY).filter((label) => act[label] !== EMPTY[label] && !named.includes(label));
}

/** The id of a case: the hash of its terms, as `readTerms` gives them. */
export function termsHash(terms) {
  return structHash("Terms", terms);
}

export function openingHash({ terms, commitment, validUntil }) {
  return structHash("Open", { terms: termsHash(terms), commitment, validUntil });
}

/** Terms out of the record 'requested'; amounts as BigInt. Throws RangeError for whatever is not exactly their form. */
export function readTerms(value) {
  const names = TABLES.types.Terms.map(([label]) => label);
  if (!hasExactly(value, names)) throw new RangeError("terms have exactly the fields of their message");
  const terms = Object.fromEntries(TABLES.types.Terms.map(([label, kind]) => [label, readField(value[label], kind)]));
  wireOf("Mode", terms.mode);
  return {
    ...terms,
    ...Object.fromEntries(["refund", "freight", "reserve"].map((name) => [name, BigInt(terms[name])])),
  };
}

function readField(value, kind) {
  const isRight =
    kind === "bool"
      ? typeof value === "boolean"
      : kind.startsWith("uint")
        ? Number.isSafeInteger(value) && value >= 0 && BigInt(value) >> BigInt(kind.slice(4)) === 0n
        : isHex(kind === "address" ? String(value).toLowerCase() : value, kind === "address" ? 20 : 32);
  if (!isRight) throw new RangeError(`a field is no ${kind}`);
  return value;
}

/** The name of parties on the chain. */
export function partiesId(parties) {
  return keccak(concatHex(...PARTY_ROLES.map((name) => word(parties[name]))));
}

/** The roles that an address has among the parties. */
export function rolesOf(parties, address) {
  const own = address.toLowerCase();
  return PARTY_ROLES.filter((name) => parties[name].toLowerCase() === own).map((name) => Role[name.toUpperCase()]);
}

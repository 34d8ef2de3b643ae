// Acts that the consumer signs with a key of their own (EIP-712). The message is made here, of what was asked: of what the
// service prepared it takes the record's fingerprint, recomputed, the count of acts, and the time until which it is valid.
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { requireChain } from "../shared/wallet_chain.js";
import { ZERO_ADDRESS, checksumAddress, fromHex, keccak, toHex } from "../verify/bytes.js";
import { canonicalBytes } from "../verify/canonical.js";
import { actHash, digestOf, separator } from "../verify/messages.js";
import { readDisclosure } from "../verify/records.js";
import { TABLES } from "../verify/tables.js";
import { Role, numberOf } from "../verify/vocabulary.js";

const DOMAIN = [["name", "string"], ["version", "string"], ["chainId", "uint256"], ["verifyingContract", "address"]];
const ETHEREUM_V = 27;

/** A new private key, 32 bytes. */
export function newSecret() {
  return secp256k1.utils.randomSecretKey();
}

export function addressOf(secret) {
  return checksumAddress(`0x${keccak(secp256k1.getPublicKey(secret, false).slice(1)).slice(26)}`);
}

/** `{ address, sign }` of a private key. */
export function signerOf(secret) {
  return { address: addressOf(secret), sign: async ({ digest }) => signDigest(digest, secret) };
}

/** r, s and v, with s in the lower half (EIP-2). */
function signDigest(digest, secret) {
  const signed = secp256k1.sign(fromHex(digest), secret, { prehash: false, lowS: true, format: "recovered" });
  return toHex(Uint8Array.of(...signed.slice(1), signed[0] + ETHEREUM_V));
}

/** `{ address, sign }` of the first account that a wallet (EIP-1193) shows. Throws what the wallet throws. */
export async function signerOfWallet(wallet) {
  const [account] = await wallet.request({ method: "eth_requestAccounts" });
  const address = checksumAddress(account);
  const sign = async ({ typedData }) => {
    await requireChain(wallet, typedData.domain.chainId);
    return wallet.request({ method: "eth_signTypedData_v4", params: [account, JSON.stringify(typedData)] });
  };
  return { address, sign };
}

/**
 * What is signed so that `asked`, an act's `{ kind, data }`, counts: `{ digest, typedData, validUntil }`. Throws RangeError
 * where what the service prepared says anything else.
 */
export function messageFor(view, asked, { record, disclosures, typed_data: { message } }) {
  requireAsked(view, asked, record, disclosures.map(readDisclosure));
  const { share = 0, key = ZERO_ADDRESS } = asked.data ?? {};
  const act = {
    caseId: view.case_id,
    kind: numberOf("Kind", asked.kind),
    role: Role.CONSUMER,
    nonce: message.nonce,
    validUntil: message.validUntil,
    commitment: keccak(canonicalBytes(record)),
    grade: 0,
    share,
    fee: 0,
    key,
  };
  const { id: chainId, contract } = view.chain;
  return {
    digest: digestOf(separator(chainId, contract), actHash(act)),
    typedData: typedDataOf(act, asked.kind, { name: "ReturnLedger", version: "1", chainId, verifyingContract: contract }),
    validUntil: new Date(message.validUntil * 1000).toISOString(),
  };
}

/** The record says what was asked, and nothing besides; what people wrote stands in it as digests. */
function requireAsked(view, { kind, data = {}, personal = {} }, record, said) {
  const named = (data.attachments ?? []).map(({ name }, index) => [`attachments.${index}.name`, name]);
  const unnamed = data.attachments?.map(({ name, ...file }) => file);
  const isAsked =
    record.case_id === view.case_id &&
    record.kind === kind &&
    record.role === "consumer" &&
    isSame(record.data, unnamed ? { ...data, attachments: unnamed } : data) &&
    isSame(Object.fromEntries(said.map(({ name, value }) => [name, value])), { ...personal, ...Object.fromEntries(named) }) &&
    isSame(record._sd ?? [], said.map(({ digest }) => digest).sort());
  if (!isAsked) throw new RangeError("what was prepared is not what was asked");
}

function isSame(one, other) {
  return keccak(canonicalBytes(one)) === keccak(canonicalBytes(other));
}

function typedDataOf(act, kind, domain) {
  const name = kind.split("_").map((part) => part[0].toUpperCase() + part.slice(1)).join("");
  const fields = TABLES.types[name];
  const listed = (types) => types.map(([label, type]) => ({ name: label, type }));
  return {
    types: { EIP712Domain: listed(DOMAIN), [name]: listed(fields) },
    primaryType: name,
    domain,
    message: Object.fromEntries(fields.map(([label]) => [label, act[label]])),
  };
}

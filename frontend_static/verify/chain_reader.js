// A chain as a stranger asks it about one case: the contracts' code, what they hold, the blocks, and all of the case's
// events from its first record on.
import { ZERO_ADDRESS, checksumAddress, concatHex, fromHex, isHex, keccak, utf8, word } from "./bytes.js";
import { Unavailable } from "./errors.js";
import { RpcRefused, allOf } from "./rpc.js";
import { TABLES } from "./tables.js";

const ATTEMPTS = 5;
const FEWEST_BLOCKS = 1_000; // of a search that is not cut into smaller ones
const MOST_PANELS = 3;
const IS_VALID_SIGNATURE = keccak(utf8("isValidSignature(bytes32,bytes)")).slice(0, 10);
const { selectors, events: EVENTS, code: CODE } = TABLES;

/** What the checks ask of a chain; `ask` is one of `openRpc`. With `blockHash`, that block counts as the newest. */
export function chainReader(ask, blockHash = null) {
  return {
    facts: (evidence) => factsOf(ask, evidence, blockHash),
    acceptsSignature: (account, digest, signature) => acceptsSignature(ask, account, digest, signature),
  };
}

async function factsOf(ask, evidence, blockHash) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const facts = readFacts(evidence, allOf(await ask(callsOf(evidence))));
    const logs = await searchLogs(
      ask,
      evidence,
      Math.min(...evidence.blocks.map(({ number }) => number)),
      facts.newest.number,
    );
    const [after] = allOf(await ask([blockCall("latest")]));
    if (after?.hash !== facts.newest.hash) continue;
    const [panels, codeIsOurs] = [await panelsOf(ask, evidence), await isOurCode(ask, evidence)];
    const anchor = await anchorOf(ask, evidence.checkpoint);
    const newest = blockHash === null ? facts.newest : await blockNamed(ask, blockHash);
    return { ...facts, newest, events: orOdd(() => eventsOf(evidence, logs)), panels, codeIsOurs, anchor };
  }
  throw new Unavailable("The chain moved on with every look.", "moving");
}

/** The block of this hash, which has to be in the chain and not beside it. */
async function blockNamed(ask, hash) {
  const [named] = allOf(await ask([["eth_getBlockByHash", hash, false]]));
  const block = named && orOdd(() => readBlock(named));
  const [there] = block ? allOf(await ask([blockCall(block.number)])) : [];
  if (there?.hash !== hash) throw new Unavailable(`The chain has no block ${hash}.`, "block");
  return block;
}

/** The contract's answer to whether an account signed (ERC-1271). */
async function acceptsSignature(ask, account, digest, signature) {
  const size = (signature.length - 2) / 2;
  const padded = signature.slice(2).padEnd(Math.ceil(size / 32) * 64, "0");
  const data = concatHex(IS_VALID_SIGNATURE, digest, word(64), word(size), `0x${padded}`);
  const [answer] = await ask([callOf(account, data, "latest")]);
  return !(answer instanceof RpcRefused) && String(answer).slice(0, 66) === IS_VALID_SIGNATURE.padEnd(66, "0");
}

// --- views and blocks ---

const hexNumber = (number) => `0x${number.toString(16)}`;
const callOf = (to, data, block) => ["eth_call", { to, data }, block];
const blockCall = (block) => ["eth_getBlockByNumber", typeof block === "number" ? hexNumber(block) : block, false];

function callsOf({ chain, case_id: caseId, escrow, blocks }) {
  const token = escrow.find(({ event }) => event === "Locked")?.args.token ?? ZERO_ADDRESS;
  return [
    ["eth_chainId"],
    blockCall(0),
    blockCall("latest"),
    callOf(chain.ledger, concatHex(selectors.head, caseId), "latest"),
    callOf(chain.escrow, concatHex(selectors.lockOf, caseId), "latest"),
    callOf(chain.escrow, concatHex(selectors.tokenInfo, word(token)), "latest"),
    ...blocks.map(({ number }) => blockCall(number)),
  ];
}

/** A node, or a contract that is none of ours, may answer anything. */
function orOdd(read) {
  try {
    return read();
  } catch {
    throw new Unavailable("Nothing at the contracts' addresses answers as they do. Is this the right chain?", "other");
  }
}

function readFacts(evidence, [chainId, genesis, newest, head, lock, token, ...blocks]) {
  return orOdd(() => {
    const isThere = head !== "0x"; // else there is no contract
    const [currency, index] = isThere ? wordsOf(token) : [word(0), word(0)];
    return {
      chainId: Number(chainId),
      genesisHash: genesis.hash,
      newest: readBlock(newest),
      blocks: new Map(blocks.filter(Boolean).map((block) => [Number(block.number), readBlock(block)])),
      head: isThere ? wordsOf(head)[0] : word(0),
      lock: readLock(isThere ? wordsOf(lock) : Array(5).fill(word(0))),
      currency: BigInt(index) ? new TextDecoder().decode(fromHex(currency.slice(0, 8))) : null,
    };
  });
}

function readLock([refund, freight, reserve, , settled]) {
  return {
    refund: BigInt(refund),
    freight: BigInt(freight),
    reserve: BigInt(reserve),
    settled: BigInt(settled) === 1n,
  };
}

function readBlock({ number, hash, timestamp }) {
  if (!isHex(hash, 32)) throw new RangeError("no block");
  return { number: Number(number), hash, time: Number(timestamp) };
}

/** The 32-byte words of what a call returned. */
function wordsOf(hex) {
  if (!isHex(hex) || hex.length < 66) throw new RangeError("no words");
  return hex
    .slice(2)
    .match(/.{64}/g)
    .map((digits) => `0x${digits}`);
}

const addressOf = (hex) => checksumAddress(`0x${hex.slice(26)}`);

// --- events ---

/** All logs of the case; a search over more blocks than the node allows is cut in two until it is small. */
async function searchLogs(ask, evidence, first, last) {
  const { ledger, escrow } = evidence.chain;
  const range = { fromBlock: hexNumber(first), toBlock: hexNumber(last) };
  const [logs] = await ask([
    ["eth_getLogs", { address: [ledger, escrow], topics: [null, evidence.case_id], ...range }],
  ]);
  if (!(logs instanceof RpcRefused)) return logs;
  if (last - first < FEWEST_BLOCKS) throw new Unavailable(logs.message, "logs");
  const middle = Math.floor((first + last) / 2);
  return [...(await searchLogs(ask, evidence, first, middle)), ...(await searchLogs(ask, evidence, middle + 1, last))];
}

function eventsOf({ chain }, logs) {
  const found = { links: [], refusals: [], escrow: [] };
  const placed = logs.map((log) => ({ log, place: placeOf(log) }));
  placed.sort((one, other) => one.place.block - other.place.block || one.place.log_index - other.place.log_index);
  for (const { log, place } of placed) {
    const contract = log.address.toLowerCase() === chain.ledger.toLowerCase() ? "ReturnLedger" : "RefundEscrow";
    const type = EVENTS[contract].find(({ topic }) => topic === log.topics[0]);
    if (!type) continue;
    const { actor, commitment, entry, ...args } = argsOf(type, log);
    if (type.name === "Recorded") found.links.push({ actor, commitment, entry, ...place });
    else if (type.name === "Skipped") found.refusals.push({ commitment, ...place });
    else found.escrow.push({ event: type.name, args, ...place });
  }
  return found;
}

function placeOf({ blockNumber, transactionHash, logIndex }) {
  return { block: Number(blockNumber), tx_hash: transactionHash, log_index: Number(logIndex) };
}

/** An event's values by their names, but for the case's id and the data of a refusal's reason. */
function argsOf({ inputs }, { topics, data }) {
  const indexed = topics.slice(1);
  const others = data === "0x" ? [] : wordsOf(data);
  const read = inputs.map(([name, kind, isIndexed]) => [
    name,
    readWord(kind, isIndexed ? indexed.shift() : others.shift()),
  ]);
  return Object.fromEntries(read.filter(([name]) => name !== "caseId"));
}

function readWord(kind, hex) {
  if (kind === "address") return addressOf(hex);
  if (kind === "bytes32" || kind === "bytes") return hex;
  return Number(kind.slice(4)) > 53 ? BigInt(hex) : Number(hex);
}

// --- panels ---

/** What the panels' contract has registered under the evidence's versions; unknown ones are left out. */
async function panelsOf(ask, { chain, panels }) {
  const versions = panels.slice(0, MOST_PANELS).map(({ version }) => version);
  if (!versions.length) return new Map();
  const answers = await ask(
    versions.map((version) => callOf(chain.panel, concatHex(selectors.panelOf, word(version)), "latest")),
  );
  const known = versions
    .map((version, at) => [version, answers[at]])
    .filter(([, answer]) => !(answer instanceof RpcRefused));
  return orOdd(() => new Map(known.map(([version, answer]) => [version, readPanel(wordsOf(answer))])));
}

function readPanel([, , threshold, appeal, fallback, fee, count, ...seats]) {
  return {
    arbitrators: seats.slice(0, Number(count)).map(addressOf),
    threshold: Number(threshold),
    appeal_panel: Number(appeal),
    fallback_panel: Number(fallback),
    fee: Number(fee),
  };
}

// --- the log of observations ---

/** What stands where the evidence's checkpoint says that it was anchored; null where it names no place. */
async function anchorOf(ask, checkpoint) {
  if (!checkpoint?.anchor) return null;
  const { contract, anchor } = checkpoint;
  const [receipt, code] = allOf(
    await ask([
      ["eth_getTransactionReceipt", anchor.tx_hash],
      ["eth_getCode", contract, "latest"],
    ]),
  );
  const [{ topic }] = EVENTS.CheckpointAnchor;
  const log = receipt?.logs.find(
    ({ address, topics, blockNumber, logIndex }) =>
      address.toLowerCase() === contract.toLowerCase() &&
      topics[0] === topic &&
      Number(blockNumber) === anchor.block &&
      Number(logIndex) === anchor.log_index,
  );
  const anchored = log ? orOdd(() => ({ size: Number(log.topics[1]), root: wordsOf(log.data)[0] })) : null;
  return { anchored, codeIsOurs: isCode(code, CODE.CheckpointAnchor) };
}

// --- code ---

/** Whether what runs at the addresses is what our compiler made, but for the values that the constructors put in. */
async function isOurCode(ask, { chain }) {
  const places = { ReturnLedger: chain.ledger, RefundEscrow: chain.escrow, ArbitrationPanel: chain.panel };
  const names = Object.keys(places);
  const codes = allOf(await ask(names.map((name) => ["eth_getCode", places[name], "latest"])));
  return names.every((name, at) => isCode(codes[at], CODE[name]));
}

function isCode(hex, { size, immutables, hash }) {
  if (!isHex(hex, size)) return false;
  const code = fromHex(hex);
  for (const [start, length] of immutables) code.fill(0, start, start + length);
  return keccak(code) === hash;
}

// Asking a node of the reader's own choosing (JSON-RPC), and the ways in which that fails, told apart.
import { Unavailable } from "./errors.js";

const TIMEOUT_MS = 20_000;
const HERE = ["localhost", "127.0.0.1", "[::1]"];

/** What a node answered with an error, as for a call that reverts. */
export class RpcRefused extends Unavailable {
  constructor(message) {
    super(message, "refused");
  }
}

/** The URL of a node if the page may ask it: https, or this very machine. Throws Unavailable with the code "address". */
export function nodeUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isAllowed = url?.protocol === "https:" || (url?.protocol === "http:" && HERE.includes(url.hostname));
  if (!isAllowed) throw new Unavailable("The address is no https address.", "address");
  return url.href;
}

/** Asks the node at `url`; `ask(calls)` answers in the order of the calls, `[method, …parameters]` each. */
export function openRpc(url, fetcher = fetch) {
  const node = nodeUrl(url);
  return async function ask(calls) {
    const bodies = calls.map(([method, ...params], id) => ({ jsonrpc: "2.0", id, method, params }));
    const answer = await post(fetcher, node, bodies);
    // Some nodes take no batches: each call goes alone then.
    const entries = Array.isArray(answer) ? answer : await Promise.all(bodies.map((body) => post(fetcher, node, body)));
    const byId = new Map(entries.map((entry) => [entry?.id, entry]));
    return bodies.map(({ id, method }) => resultOf(byId.get(id), method));
  };
}

/** An answer that is a refusal is thrown only when it is used: some calls may be refused. */
function resultOf(entry, method) {
  if (entry?.error) return new RpcRefused(`The chain refused ${method}: ${String(entry.error.message).slice(0, 200)}.`);
  if (!entry || entry.result === undefined) throw new Unavailable(`The chain left ${method} without an answer.`, "odd");
  return entry.result;
}

/** The answers, none of which may be a refusal. */
export function allOf(answers) {
  const refused = answers.find((answer) => answer instanceof RpcRefused);
  if (refused) throw refused;
  return answers;
}

async function post(fetcher, url, body) {
  const options = {
    method: "POST",
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    body: JSON.stringify(body),
  };
  const asked = {
    ...options,
    headers: { "Content-Type": "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
  let response;
  try {
    response = await fetcher(url, asked);
  } catch (error) {
    if (error.name === "TimeoutError") throw new Unavailable("The node took too long to answer.", "silent");
    throw (await isThere(fetcher, url))
      ? new Unavailable("The node does not let web pages ask it (CORS).", "cors")
      : new Unavailable("The node cannot be reached.", "unreachable");
  }
  if (!response.ok) throw new Unavailable(`The node answered with HTTP status ${response.status}.`, "odd");
  try {
    return await response.json();
  } catch {
    throw new Unavailable("The node answered with something that is no JSON.", "odd");
  }
}

/** A request whose answer the page may not see goes through wherever something answers at all. */
async function isThere(fetcher, url) {
  try {
    await fetcher(url, {
      mode: "no-cors",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return true;
  } catch {
    return false;
  }
}

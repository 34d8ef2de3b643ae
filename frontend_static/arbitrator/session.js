// The session: a token of the service in this tab's storage. A key is never kept anywhere but in memory.
import { newKey, request, requestJson } from "../shared/api.js";
import { KeyTrouble } from "../shared/trouble.js";

const SESSION = "arbitrator.session";
const DRAFT = "arbitrator.draft.";
const ROLE = "arbitrator";
const WARNED_MS = 5 * 60_000; // how long before its end a session is announced to end
const IDLE_MS = 30 * 60_000; // after which the service ends a session that is not used

/** `{ token, name, address, expires_at, held }` of this tab; null without one. */
export function recallSession() {
  try {
    return JSON.parse(sessionStorage.getItem(SESSION));
  } catch {
    return null;
  }
}

export function keepSession(session) {
  sessionStorage.setItem(SESSION, JSON.stringify(session));
  return session;
}

export function dropSession() {
  sessionStorage.removeItem(SESSION);
}

/** Signs in with a key (EIP-4361). Throws Problem, KeyTrouble, or what the signer throws. */
export async function signIn(signer) {
  const { address } = signer;
  const { message } = await requestJson("/v1/sessions/challenge", { body: { address }, key: newKey() });
  checkChallenge(message, address);
  const signature = await signer.signMessage(message);
  const answer = await requestJson("/v1/sessions/sign-in", { body: { message, signature, role: ROLE }, key: newKey() });
  return keepSession({ ...answer, held: false });
}

/** Signs in with an API key, for arbitrators whose key the service holds. The API key is not kept. */
export async function signInWithApiKey(apiKey) {
  return keepSession({ ...(await requestJson("/v1/sessions", { token: apiKey, body: {}, key: newKey() })), held: true });
}

/** A text that names this site and this account, and nothing that another site could use. */
function checkChallenge(message, address) {
  const [first, second] = message.split("\n");
  const uri = /^URI: (.+)$/m.exec(message)?.[1] ?? "";
  const place = location.protocol === "https:" ? location.host : location.origin; // https is what no scheme means
  const isOurs = first === `${place} wants you to sign in with your Ethereum account:`;
  if (!isOurs || second !== address || !`${uri}/`.startsWith(`${location.origin}/`)) throw new KeyTrouble("challenge");
}

/** Ends the session here and there; here also where the service cannot be reached. */
export async function signOut(session) {
  dropSession();
  for (const name of Object.keys(sessionStorage)) if (name.startsWith(DRAFT)) sessionStorage.removeItem(name);
  await request("/v1/sessions/current", { token: session.token, method: "DELETE" });
}

/** When a session ends that was last used at `usedAt`: `{ at, canStay, isSoon }`. Using it puts off the one end of two. */
export function endOf(session, usedAt, now) {
  const [last, idle] = [Date.parse(session.expires_at), usedAt.getTime() + IDLE_MS];
  const at = new Date(Math.min(last, idle));
  return { at, canStay: idle < last, isSoon: at - now < WARNED_MS };
}

// --- what was begun to be written: it outlives the session, a reload and a sign-in, and ends with the tab ---

/** What stands half written for a round of a case; an empty object without any. */
export function recallDraft(name) {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT + name)) ?? {};
  } catch {
    return {};
  }
}

export function keepDraft(name, draft) {
  sessionStorage.setItem(DRAFT + name, JSON.stringify(draft));
}

export function dropDraft(name) {
  sessionStorage.removeItem(DRAFT + name);
}

// The arbitrator's console: one model, one render. What is open stands in the address's fragment, the session in this tab,
// the key in memory alone.
import { requestJson } from "../shared/api.js";
import { html, render } from "../shared/dom.js";
import { chooseLanguage } from "../shared/i18n.js";
import { Page } from "./page.js";
import { dropSession, endOf, recallSession, signIn, signInWithApiKey, signOut } from "./session.js";
import { speakerOf } from "./words.js";

const TICK_MS = 15_000;
const SOON_MS = 2_500; // while a vote is on its way to the chain
const AWAY_MS = 10 * 60_000; // whoever did nothing for so long has left: the page asks no more, and the session can end
const CASE = /^#\/case\/(0x[0-9a-f]{64})$/;
const MOVING = ["accepted", "submitted", "recorded"];

const root = document.getElementById("app");
let touched = performance.now(); // when a person last did something here
let received = 0; // when the last answer came, on the browser's steady clock
let asOf = Date.now(); // the service's time in that answer, which used the session
let timer = null;
let isNew = false; // whether somebody went to another screen, whose heading is still to come

const model = {
  t: null, // the translator
  session: recallSession(),
  hasEnded: false, // whether the session ended by itself
  signer: null, // who signs; gone with a reload
  caseId: null, // of the case that is open; null for the queue
  queue: null, // GET /v1/disputes, its pages one after the other
  dispute: null, // GET /v1/disputes/{case_id}
  Case: null, // the screen of a case, loaded with the first
  sent: null, // the answer to the vote that was sent from here
  refusal: null, // why the service refused it, a Problem
  problem: null, // why nothing can be shown, a Problem
  isStale: false, // whether the last look failed
  now: null, // the service's time
  announcement: "", // for screen readers
};

const on = {
  async language(code) {
    const address = new URL(location.href);
    address.searchParams.set("lang", code);
    history.replaceState(null, "", address);
    await speak(code);
    show();
  },
  retry: look, // and to use a session is to stay
  async signer(signer) {
    model.signer = signer;
    show();
  },
  async signIn(signer) {
    enter(await signIn(signer), signer);
  },
  async apiKey(apiKey) {
    enter(await signInWithApiKey(apiKey), null);
  },
  async signOut() {
    const { session } = model;
    leave(false);
    await signOut(session).catch(() => {}); // here it is over in any case, there it ends by itself
  },
  async more() {
    await withSession(async ({ token }) => {
      const page = await requestJson(`/v1/disputes?cursor=${model.queue.next_cursor}`, { token });
      if (model.session?.token !== token) return;
      model.queue = { ...page, items: [...model.queue.items, ...page.items] };
    });
    show();
  },
  sent(answer) {
    Object.assign(model, { sent: answer, refusal: null, announcement: model.t.text("recorded.title") });
    look();
  },
  refused(problem) {
    if (problem.status === 401) return leave(true);
    model.refusal = problem;
    return look();
  },
};

async function speak(code) {
  model.t = await speakerOf(code, navigator.languages);
  Object.assign(document.documentElement, { lang: model.t.tag, dir: model.t.dir });
}

function show() {
  const { t, session, dispute, caseId } = model;
  model.now = new Date(asOf + performance.now() - received);
  const title = session && caseId && dispute ? dispute.reference : t.text(session ? "queue.title" : "signin.title");
  document.title = `${title} · ${t.text("page.arbitration")}`;
  const end = session && endOf(session, new Date(asOf), model.now);
  render(html`<${Page} model=${model} on=${on} end=${end} />`, root);
}

function enter(session, signer) {
  Object.assign(model, { session, signer, hasEnded: false, problem: null });
  look();
}

/** Ends the session on this page. What was begun to be written stays in the tab where the session ended by itself. */
function leave(hasEnded) {
  model.signer?.forget();
  dropSession();
  Object.assign(model, { session: null, signer: null, queue: null, dispute: null, sent: null, hasEnded });
  show();
}

/**
 * Does something with the session; a session that ended leads to the sign-in, another trouble is shown. What comes after
 * somebody left concerns nobody who signed in since.
 */
async function withSession(step) {
  const { session } = model;
  try {
    await step(session);
    if (model.session === session) Object.assign(model, { problem: null, isStale: false });
  } catch (problem) {
    if (!("status" in problem)) throw problem;
    if (model.session !== session) return undefined;
    if (problem.status === 401) return leave(true);
    const isShown = model.caseId ? model.dispute : model.queue;
    Object.assign(model, isShown ? { isStale: true } : { problem });
  }
  return undefined;
}

/** Asks for what is on the screen. */
async function look() {
  clearTimeout(timer);
  const { session, caseId } = model;
  if (session) {
    show();
    await withSession(({ token }) => (caseId ? lookAtCase(token, caseId) : lookAtQueue(token)));
    if (model.session && model.caseId === caseId) show();
    if (isNew) focusHeading();
  }
  timer = setTimeout(tick, isMoving() ? SOON_MS : TICK_MS);
}

/** Whoever works by keyboard or ear goes on from the new screen's heading. */
function focusHeading() {
  isNew = false;
  document.querySelector("main h1")?.focus();
}

async function lookAtQueue(token) {
  const queue = await requestJson("/v1/disputes", { token });
  if (model.caseId || model.session?.token !== token) return;
  model.queue = queue;
  clock(queue);
}

async function lookAtCase(token, caseId) {
  const loading = model.Case ? null : import("./case.js");
  const dispute = await requestJson(`/v1/disputes/${caseId}`, { token });
  if (loading) model.Case = (await loading).Case;
  if (model.caseId !== caseId || model.session?.token !== token) return;
  if (model.dispute?.state === "disputed" && dispute.state !== "disputed") {
    model.announcement = model.t.text(`case.state.${dispute.state === "ruled" ? "ruled" : "settled"}`);
  }
  model.dispute = dispute;
  clock(dispute);
}

function clock({ as_of: time }) {
  received = performance.now();
  asOf = Date.parse(time);
}

/** Whether a vote that was given here is still on its way to being final. */
function isMoving() {
  const { dispute, session } = model;
  const mine = dispute?.votes.find((vote) => vote.arbitrator === session?.address && vote.round === dispute.round);
  return Boolean(model.caseId && mine && MOVING.slice(0, 2).includes(mine.stage));
}

function tick() {
  const isHere = document.visibilityState === "visible" && performance.now() - touched < AWAY_MS;
  if (isHere) return look();
  const { session } = model;
  if (session && endOf(session, new Date(asOf), 0).at < new Date(asOf + performance.now() - received)) leave(true);
  else show();
  timer = setTimeout(tick, TICK_MS);
  return undefined;
}

function open() {
  const caseId = CASE.exec(location.hash)?.[1] ?? null;
  if (caseId !== model.caseId) Object.assign(model, { caseId, dispute: null, sent: null, refusal: null, problem: null });
  window.scrollTo(0, 0);
  if (model.session) look();
  else show();
}

await speak(chooseLanguage(location.search, navigator.languages));
window.addEventListener("hashchange", () => {
  isNew = true;
  open();
});
for (const event of ["pointerdown", "keydown"]) window.addEventListener(event, () => (touched = performance.now()));
open();

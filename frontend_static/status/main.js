// The status page: one model, one render. The token stays in the address's fragment and in memory, nowhere else.
import { newKey, requestJson } from "../shared/api.js";
import { html, render } from "../shared/dom.js";
import { chooseLanguage, translator } from "../shared/i18n.js";
import { shopOf, valuesOf } from "./bits.js";
import { follow } from "./live.js";
import { dropAnswer, keepAnswer, keepPage, keptAnswer } from "./offline.js";
import { Page } from "./page.js";
import { tell } from "./story.js";

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const MINUTE_MS = 60_000;

const root = document.getElementById("app");
let line = new AbortController(); // the connection that is being followed
let received = 0; // when the view came, on the browser's steady clock

const model = {
  t: null, // the translator
  view: null, // GET /v1/status, or null before it came
  problem: null, // which trouble fills the page, or null
  connection: "connecting",
  isKept: false, // the view is of an earlier visit, and nothing newer could be had
  isLimited: false,
  now: null, // the service's time: its last answer's, and what has passed since
  announcement: "", // for screen readers
  pending: null, // the act that is asked about: { name, key, isSending, problem }
  sent: null, // the act on its way: { recordId, state }
  token: "", // of the link
  signer: null, // the consumer's own key, once it is open: { address, sign }
};

const on = {
  language(code) {
    const address = new URL(location.href);
    address.searchParams.set("lang", code);
    history.replaceState(null, "", address);
    speak(code);
    show();
  },
  retry: start,
  ask(name) {
    model.pending = { name, key: newKey(), isSending: false, problem: null };
    show();
  },
  leave() {
    model.pending = null;
    show();
  },
  confirm: act,
  signer(signer) {
    model.signer = signer;
    show();
  },
};

function speak(code) {
  model.t = translator(code, navigator.languages);
  const { tag, dir } = model.t;
  Object.assign(document.documentElement, { lang: tag, dir });
}

function show() {
  const { view, t } = model;
  if (view) {
    model.now = new Date(Date.parse(view.as_of) + performance.now() - received);
    document.title = t.text("page.title.case", { headline: headline(), shop: shopOf(view, t) });
  } else {
    document.title = t.text(model.problem ? `problem.${model.problem}.title` : "page.title");
  }
  render(html`<${Page} model=${model} on=${on} />`, root);
}

function headline() {
  return model.t.text(tell(model.view).headline, valuesOf(model.view, model.t));
}

function takeView(view) {
  const before = model.view && headline();
  if (!model.view || model.isKept) keepPage();
  keepAnswer(token(), view);
  Object.assign(model, { view, isKept: false });
  if (model.signer?.address !== view.link.own_key) model.signer = null;
  model.problem = null;
  received = performance.now();
  if (before !== null && before !== headline()) model.announcement = headline();
  if (model.sent && isAnswered(view, model.sent)) model.sent = null;
  show();
}

/** An act that was sent is answered once the case moved on, or the chain recorded or refused it. */
function isAnswered(view, { recordId, state, notice }) {
  const step = view.timeline.find((each) => each.record_id === recordId);
  const isJudged = ["recorded", "final", "rejected"].includes(step?.stage);
  return isJudged || view.state !== state || view.notice?.kind !== notice?.kind;
}

function takeConnection(connection, problem = null) {
  if (model.connection !== connection && connection !== "polling") {
    model.announcement = model.view ? model.t.text(`connection.${connection}`) : "";
  }
  model.connection = connection;
  model.isLimited = problem?.status === 429;
  if (problem && !model.view) model.problem = troubleOf(problem);
  if (problem?.status === 0 && !model.view) showKept();
  show();
}

/** What this browser kept of an earlier visit, where the service cannot be reached now. */
async function showKept() {
  const asked = token();
  const view = await keptAnswer(asked);
  if (!view || model.view || token() !== asked) return;
  Object.assign(model, { view, isKept: true, problem: null });
  received = performance.now() - (Date.now() - Date.parse(view.as_of));
  show();
}

const TROUBLE_BY_SLUG = {
  "link-expired": "expired",
  "link-revoked": "revoked",
  "link-erased": "erased",
  "link-altered": "altered",
};

/** Which trouble a Problem is to the reader. */
function troubleOf({ status, slug }) {
  if (status === 0) return "unreachable";
  if (status === 429) return "limited";
  if (status >= 500) return "server";
  return TROUBLE_BY_SLUG[slug] ?? "refused";
}

function takeRefusal(problem) {
  dropAnswer(token());
  Object.assign(model, { view: null, pending: null, problem: troubleOf(problem) });
  show();
}

/** Does what a dialog asked about, while it is open; what comes of it concerns no other that is opened meanwhile. */
async function act(asked, pending) {
  const { view } = model;
  if (model.pending !== pending || pending.isSending) return;
  const { key, toSign } = pending;
  Object.assign(pending, { isSending: true, problem: null });
  show();
  try {
    if (model.signer && !toSign) {
      Object.assign(pending, { isSending: false, toSign: await prepare(view, asked) });
    } else {
      const body = toSign ? await signed(toSign) : asked;
      const answer = await requestJson("/v1/status/acts", { token: token(), body, key });
      if (isOfCase(view)) model.sent = { recordId: answer.record_id, state: view.state, notice: view.notice };
      if (model.pending === pending) model.pending = null;
    }
  } catch (problem) {
    // The key stays while the service was not reached: the same act sent again counts once. What was refused is
    // prepared anew.
    const again = problem.status === 0 ? { key } : { key: newKey(), toSign: problem.status ? null : toSign };
    Object.assign(pending, { isSending: false, problem, ...again });
  }
  show();
}

function isOfCase({ case_id: caseId }) {
  return model.view?.case_id === caseId;
}

/** What the consumer's own key is to sign, which the dialog shows. */
async function prepare(view, asked) {
  const prepared = await requestJson("/v1/status/acts/prepare", { token: token(), body: asked, key: newKey() });
  const { messageFor } = await import("./signing.js");
  return { asked, recordId: prepared.record_id, message: messageFor(view, asked, prepared) };
}

async function signed({ asked, recordId, message }) {
  const { address, sign } = model.signer;
  return { kind: asked.kind, record_id: recordId, signer: address, signature: await sign(message) };
}

function token() {
  return location.hash.slice(1);
}

function start() {
  line.abort();
  line = new AbortController();
  Object.assign(model, { view: null, problem: null, connection: "connecting", pending: null, sent: null });
  Object.assign(model, { token: token(), signer: null, isKept: false });
  if (!token()) model.problem = "no_token";
  else if (!TOKEN.test(token())) model.problem = "altered";
  show();
  if (model.problem) return;
  follow({
    token: token(),
    signal: line.signal,
    onView: takeView,
    onConnection: takeConnection,
    onRefused: takeRefusal,
  });
}

speak(chooseLanguage(location.search, navigator.languages));
window.addEventListener("hashchange", start);
setInterval(() => model.view && show(), MINUTE_MS);
start();

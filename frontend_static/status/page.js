// The whole page as a function of what is known.
import { html } from "../shared/dom.js";
import { LANGUAGES, utc } from "../shared/i18n.js";
import { shopOf } from "./bits.js";
import { ActDialog } from "./dialog.js";
import { Dispute } from "./dispute.js";
import { Documents } from "./documents.js";
import { Head } from "./head.js";
import { Next } from "./next.js";
import { OwnKey } from "./own_key.js";
import { Chain, Checks, LinkNote, ReturnDetails } from "./proof.js";
import { Share } from "./share.js";
import { Timeline } from "./timeline.js";

const RETRIED = ["unreachable", "limited", "server"];

/** `model` is described where it is made, in main.js; `on` holds what a person can do. */
export function Page({ model, on }) {
  const { t, view, problem } = model;
  const body = problem
    ? html`<${Trouble} t=${t} kind=${problem} onRetry=${on.retry} />`
    : view
      ? html`<${Status} model=${model} on=${on} />`
      : html`<${Loading} t=${t} />`;
  return html`
    <${TopBar} model=${model} onLanguage=${on.language} />
    <main id="main">${body}</main>
    <p class="sr-only" role="status" aria-live="polite">${model.announcement}</p>
  `;
}

function TopBar({ model, onLanguage }) {
  const { t, view } = model;
  return html`<header class="top">
    <div class="top-name">
      <img src="/static/icon.svg" alt="" width="32" height="32" />
      <p>
        <bdi class="top-shop">${view ? shopOf(view, t) : t.text("page.title")}</bdi>
        ${view && html`<bdi class="top-reference">${t.text("page.reference", { reference: view.reference })}</bdi>`}
      </p>
    </div>
    ${view && html`<${Connection} model=${model} />`}
    <label class="language">
      <span class="sr-only">${t.text("page.language")}</span>
      <select onChange=${(event) => onLanguage(event.target.value)}>
        ${LANGUAGES.map(
          ({ code, tag, name }) => html`<option key=${code} value=${code} lang=${tag} selected=${code === t.code}>${name}</option>`,
        )}
      </select>
    </label>
  </header>`;
}

function Connection({ model }) {
  const { t, connection, view, isLimited, isKept } = model;
  const asOf = new Date(view.as_of);
  const format = isKept ? t.dateTime : t.clock;
  const time = html`<time datetime=${view.as_of} title=${utc(asOf)}>${format.format(asOf)}</time>`;
  return html`<p class="connection connection-${connection}">
    <span class="connection-dot" aria-hidden="true"></span>
    <span>${t.text(`connection.${connection}`)}${connection !== "live" && html` · ${t.rich(isKept ? "connection.kept" : "connection.updated", { time })}`}</span>
    ${isLimited && html`<span>${t.text("connection.limited")}</span>`}
  </p>`;
}

function Status({ model, on }) {
  const { t, now, sent, pending, signer } = model;
  const view = withOwnKey(model.view, signer);
  return html`
    ${view.chain.test && html`<p class="test-chain">${t.text("page.test_chain")}</p>`}
    ${view.verdict === "failed" && html`<${Banner} t=${t} />`}
    <${Head} t=${t} view=${view} />
    <div class="columns">
      <div class="lead">
        <${Next} t=${t} view=${view} now=${now} sent=${sent} signer=${signer} onAct=${on.ask} />
        <${Dispute} t=${t} view=${view} />
      </div>
      <${Timeline} t=${t} view=${view} />
      <${ReturnDetails} t=${t} view=${view} />
      <div class="aside">
        <${Checks} t=${t} view=${view} />
        <${Chain} t=${t} view=${view} />
        <${Documents} t=${t} view=${view} />
        <${Share} t=${t} view=${view} token=${model.token} />
        <${OwnKey} t=${t} view=${view} token=${model.token} signer=${signer} onSigner=${on.signer} />
      </div>
    </div>
    <${LinkNote} t=${t} link=${view.link} />
    ${pending && html`<${ActDialog} t=${t} view=${view} pending=${pending} onConfirm=${on.confirm} onClose=${on.leave} />`}
  `;
}

/** What can be done with the consumer's own key once it is open. */
function withOwnKey(view, signer) {
  if (!signer) return view;
  const limits = view.link.signs ?? {};
  return { ...view, next: { ...view.next, acts: Object.keys(limits), limits } };
}

/** A button, not a link: a link to a place on this page would put itself where the token stands. */
function Banner({ t }) {
  return html`<div class="banner" role="alert">
    <p>${t.text("verdict.failed.banner")}</p>
    <button type="button" class="button" onClick=${() => document.getElementById("checks-title").focus()}>
      ${t.text("verdict.failed.link")}
    </button>
  </div>`;
}

function Trouble({ t, kind, onRetry }) {
  return html`<section class="trouble">
    <h1>${t.text(`problem.${kind}.title`)}</h1>
    <p class="lede">${t.text(`problem.${kind}.text`)}</p>
    <p class="trouble-remedy">${t.text(`problem.${kind}.remedy`)}</p>
    ${RETRIED.includes(kind) && html`<button type="button" class="button" onClick=${onRetry}>${t.text("problem.retry")}</button>`}
  </section>`;
}

function Loading({ t }) {
  return html`<section class="loading" aria-busy="true"><p>${t.text("page.loading")}</p></section>`;
}

// The whole page as a function of what is known.
import { html } from "../shared/dom.js";
import { LANGUAGES } from "../shared/i18n.js";
import { Moment, shorten } from "../status/bits.js";
import { Queue } from "./queue.js";
import { SignIn } from "./sign_in.js";

/** `model` is described where it is made, in main.js; `on` holds what a person can do. */
export function Page({ model, on, end }) {
  const { t, session, isStale, announcement } = model;
  return html`
    <${TopBar} t=${t} session=${session} on=${on} />
    ${end?.isSoon && html`<${Ending} t=${t} end=${end} onStay=${on.retry} />`}
    ${session && isStale && html`<p class="banner" role="status">${t.text("page.stale")}</p>`}
    <main id="main">${session ? html`<${Inside} model=${model} on=${on} />` : html`<${Outside} model=${model} on=${on} />`}</main>
    <p class="sr-only" role="status" aria-live="polite">${announcement}</p>
  `;
}

function TopBar({ t, session, on }) {
  return html`<header class="top">
    <div class="top-name">
      <img src="/static/icon.svg" alt="" width="32" height="32" />
      <p>
        <span class="top-shop">${t.text("page.arbitration")}</span>
        ${session && html`<bdi class="top-reference" title=${session.address}>${session.name ?? shorten(session.address)}</bdi>`}
      </p>
    </div>
    <div class="top-tools">
      ${session && html`<button type="button" class="button" onClick=${on.signOut}>${t.text("page.sign_out")}</button>`}
      <label class="language">
        <span class="sr-only">${t.text("page.language")}</span>
        <select onChange=${(event) => on.language(event.target.value)}>
          ${LANGUAGES.map(
            ({ code, tag, name }) => html`<option key=${code} value=${code} lang=${tag} selected=${code === t.code}>${name}</option>`,
          )}
        </select>
      </label>
    </div>
  </header>`;
}

/** Told before it strikes; what was written is kept either way. */
function Ending({ t, end, onStay }) {
  const time = html`<${Moment} t=${t} iso=${end.at.toISOString()} />`;
  return html`<div class="banner ending" role="alert">
    <p>${t.rich("page.ending", { time })}</p>
    ${end.canStay && html`<button type="button" class="button" onClick=${onStay}>${t.text("page.stay")}</button>`}
  </div>`;
}

function Outside({ model, on }) {
  const { t, hasEnded } = model;
  return html`<${SignIn} t=${t} hasEnded=${hasEnded} onSigner=${on.signIn} onApiKey=${on.apiKey} />`;
}

function Inside({ model, on }) {
  const { t, caseId, queue, dispute, Case, problem, now } = model;
  if (problem) return html`<${Trouble} t=${t} problem=${problem} onRetry=${on.retry} />`;
  if (caseId && dispute && Case) return html`<${Case} model=${model} on=${on} />`;
  if (!caseId && queue) return html`<${Queue} t=${t} queue=${queue} now=${now} onMore=${on.more} />`;
  return html`<section class="loading" aria-busy="true"><p>${t.text("page.loading")}</p></section>`;
}

/** What the service adds is English. */
function Trouble({ t, problem, onRetry }) {
  const known = { 0: "unreachable", 403: "forbidden", 404: "not_found", 429: "limited" }[problem.status] ?? "server";
  return html`<section class="trouble">
    <h1>${t.text(`trouble.${known}.title`)}</h1>
    <p class="lede">${t.text(`trouble.${known}.text`)}</p>
    ${problem.detail && html`<p class="quiet" lang="en">${problem.detail}</p>`}
    <p class="actions">
      <button type="button" class="button" onClick=${onRetry}>${t.text("problem.retry")}</button>
      <a class="button" href="#/">${t.text("case.back")}</a>
    </p>
  </section>`;
}

// The e-mails of a local run, newest first, asked for again every few seconds.
import { html, render } from "./shared/dom.js";
import { utc } from "./shared/i18n.js";

const EVERY_MS = 4_000;
const root = document.getElementById("messages");
const when = new Intl.DateTimeFormat(navigator.language, { dateStyle: "medium", timeStyle: "medium" });

async function load() {
  let state;
  try {
    const response = await fetch("/outbox/messages", { cache: "no-store" });
    state = response.ok ? { messages: await response.json() } : { trouble: `The service answered ${response.status}.` };
  } catch {
    state = { trouble: "The service cannot be reached. This page keeps trying." };
  }
  render(html`<${Outbox} ...${state} />`, root);
}

function Outbox({ messages = [], trouble }) {
  if (trouble) return html`<p role="alert">${trouble}</p>`;
  if (!messages.length) {
    return html`<p class="quiet">Nothing was sent yet. Open a return with a consumer’s e-mail, and it appears here.</p>`;
  }
  const newestFirst = [...messages].sort((one, other) => Date.parse(other.date) - Date.parse(one.date));
  return html`<ol class="mails" aria-label="E-mails">
    ${newestFirst.map((mail) => html`<${Mail} key=${mail.id} mail=${mail} />`)}
  </ol>`;
}

function Mail({ mail }) {
  const date = new Date(mail.date);
  return html`<li class="card mail">
    <div class="mail-head">
      <h2 dir="auto">${mail.subject}</h2>
      <p class="quiet">To <bdi>${mail.to}</bdi>, <time datetime=${mail.date} title=${utc(date)}>${when.format(date)}</time></p>
    </div>
    ${mail.link && html`<p><a class="button primary" href=${sameSite(mail.link)}>Open the status page</a></p>`}
    <details class="mail-text">
      <summary>Read the e-mail</summary>
      <p dir="auto">${mail.text}</p>
    </details>
  </li>`;
}

/** Links are followed on this service only, whatever a message says. */
function sameSite(link) {
  const address = new URL(link, location.origin);
  return `${address.pathname}${address.search}${address.hash}`;
}

await load();
setInterval(load, EVERY_MS);

// What has happened: who said it, when they say it happened, when the chain recorded it, and how firmly it stands.
import { html } from "../shared/dom.js";
import { Hex, Moment, Row, shorten } from "./bits.js";
import { inOrder } from "./story.js";

const STAGES = ["accepted", "submitted", "recorded", "final", "rejected"];

export function Timeline({ t, view }) {
  const newestFirst = inOrder(view.timeline).reverse();
  return html`<section class="card timeline" aria-labelledby="timeline-title">
    <header class="card-head">
      <h2 id="timeline-title">${t.text("timeline.title")}</h2>
      <p class="quiet">${t.text("timeline.order")}</p>
    </header>
    ${view.delayed && html`<p class="notice">${t.text("timeline.delayed")}</p>`}
    <ol reversed>
      ${newestFirst.map((step) => html`<${Step} key=${step.record_id ?? `at-${step.position}`} t=${t} step=${step} />`)}
    </ol>
    <${Stages} t=${t} />
  </section>`;
}

function Step({ t, step }) {
  const isSettledFact = step.stage === "final";
  return html`<li class="step step-${step.stage}">
    <div class="step-head">
      <h3>${titleOf(t, step)}</h3>
      <span class="stage stage-${step.stage}">${t.text(`stage.${step.stage}`)}</span>
    </div>
    <${Facts} t=${t} step=${step} />
    <${Votes} t=${t} votes=${step.data?.votes} />
    <p class="step-by">${byline(t, step.by)}</p>
    <${Times} t=${t} step=${step} />
    ${!isSettledFact && html`<p class="step-stage">${t.text(`stage.${step.stage}.text`)} ${reasonOf(t, step)}</p>`}
    <${Details} t=${t} step=${step} />
  </li>`;
}

function titleOf(t, { kind, by, effect }) {
  const special = `kind.${kind}.${effect ?? (by.key === "contract" ? "contract" : by.role)}`;
  return t.text(t.has(special) ? special : `kind.${kind}`);
}

function byline(t, by) {
  if (by.key === "contract" || by.key === "panel") return t.text(`by.${by.key}`);
  if (by.role === "consumer") return t.text(`by.${by.key}.consumer`);
  const role = t.text(`role.${by.role}`);
  return t.text(`by.${by.key}`, { who: by.name ? t.text("by.who", { role, name: by.name }) : role });
}

/** What the contract does by itself has the chain's time only; what is not recorded has its signer's only. */
function Times({ t, step }) {
  const missing = step.stage === "rejected" ? "timeline.never_on_chain" : "timeline.not_on_chain";
  const claimed = step.occurred_at && html`<${Moment} t=${t} iso=${step.occurred_at} />`;
  const recorded = step.recorded_at ? html`<${Moment} t=${t} iso=${step.recorded_at} />` : t.text(missing);
  return html`<dl class="step-times">
    ${claimed && html`<div><dt>${t.text("timeline.claimed")}</dt><dd>${claimed}</dd></div>`}
    <div><dt>${t.text("timeline.on_chain")}</dt><dd>${recorded}</dd></div>
  </dl>`;
}

/** The few values of a step that say something about the money. */
function Facts({ t, step }) {
  const { data = {} } = step;
  const facts = [];
  if (data.grade) facts.push(t.text("data.grade", { grade: t.text(`grade.${data.grade}`) }));
  if (Number.isInteger(data.share)) facts.push(t.text("data.share", { percent: t.percent(data.share) }));
  if (data.fee > 0) facts.push(t.text("data.fee", { percent: t.percent(data.fee) }));
  if (step.kind === "refunded" && data.reference) facts.push(t.text("data.reference", { reference: data.reference }));
  for (const name of ["carrier", "location"]) {
    if (typeof data[name] === "string") facts.push(t.text(`data.${name}`, { [name]: data[name] }));
  }
  for (const { name, sha256 } of data.attachments ?? []) {
    facts.push(t.text("data.attachment", { name: name ?? shorten(sha256) }));
  }
  const words = [data.reason, data.text, data.note].filter((each) => typeof each === "string" && each);
  return html`
    ${facts.length > 0 && html`<p class="step-facts">${facts.join(" · ")}</p>`}
    ${words.map((each) => html`<blockquote class="step-words" dir="auto">${each}</blockquote>`)}
  `;
}

/** What each arbitrator named, and why: shown once their round is over. */
function Votes({ t, votes = [] }) {
  if (!votes.length) return null;
  return html`<ul class="votes">
    ${votes.map(
      ({ name, address, share, reason, grounds = [], conflict }) => html`<li key=${address}>
        <bdi title=${address}>${name ?? shorten(address)}</bdi>: ${t.percent(share)}
        ${reason && html` <q dir="auto">${reason}</q>`}
        ${grounds.map((code) => html`<br /><span class="quiet">${t.text(`ground.${code}`)}</span>`)}
        ${conflict && html`<br /><span class="quiet">${t.text("ground.no_conflict")}</span>`}
      </li>`,
    )}
  </ul>`;
}

function reasonOf(t, { reason }) {
  if (!reason) return "";
  const key = `reason.${/^\w*/.exec(reason)[0]}`;
  return t.text("reason.text", { reason: t.has(key) ? t.text(key) : reason });
}

function Details({ t, step }) {
  return html`<details class="more">
    <summary>${t.text("timeline.details")}</summary>
    <dl class="rows">
      <${Row} term=${t.text("timeline.stage")}>${t.text(`stage.${step.stage}`)}: ${t.text(`stage.${step.stage}.text`)}<//>
      <${Row} term=${t.text("timeline.position")}>${step.position === null ? null : step.position + 1}<//>
      <${Row} term=${t.text("timeline.signer")}>${step.by.key === "contract" ? null : html`<${Hex} value=${step.by.address} whole />`}<//>
      <${Row} term=${t.text("timeline.record")}>${step.record_id && html`<${Hex} value=${step.record_id} whole />`}<//>
    </dl>
  </details>`;
}

function Stages({ t }) {
  return html`<details class="more stages">
    <summary>${t.text("timeline.stages")}</summary>
    <dl class="rows">
      ${STAGES.map((stage) => html`<${Row} key=${stage} term=${t.text(`stage.${stage}`)}>${t.text(`stage.${stage}.text`)}<//>`)}
    </dl>
  </details>`;
}

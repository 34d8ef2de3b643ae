// One case on one screen: what each side claims, what speaks for it, what a ruling does, and the vote.
import { html } from "../shared/dom.js";
import { Hex, Moment, Row, shorten } from "../status/bits.js";
import { Timeline } from "../status/timeline.js";
import { amountsAgree, ownVote, rulingsOf } from "./ballot.js";
import { Verdict } from "./checks.js";
import { Evidence } from "./evidence.js";
import { TimeLeft, silenceOf, votesText } from "./queue.js";
import { Recorded } from "./recorded.js";
import { VoteCard } from "./vote.js";

/** `model` is described where it is made, in main.js; `on` holds what a person can do. */
export function Case({ model, on }) {
  const { t, dispute, session, now } = model;
  return html`<article class="dispute-case">
    <p><a href="#/">${t.text("case.back")}</a></p>
    <h1 id="case-title" tabindex="-1"><bdi>${dispute.reference}</bdi>: ${t.text(`case.state.${stateOf(dispute)}`)}</h1>
    ${dispute.verdict === "failed" && html`<p class="banner" role="alert">${t.text("case.failed")}</p>`}
    <div class="columns">
      <div class="lead">
        <${Stake} t=${t} dispute=${dispute} now=${now} />
        <${Claims} t=${t} dispute=${dispute} />
        <${FormerRulings} t=${t} dispute=${dispute} />
        <${Evidence} t=${t} items=${dispute.evidence} />
      </div>
      <div class="aside">
        <${YourPart} model=${model} on=${on} />
        <${Panel} t=${t} dispute=${dispute} own=${session.address} />
        <${Verdict} t=${t} dispute=${dispute} token=${session.token} />
        <${Policy} t=${t} policy=${dispute.policy} />
      </div>
      <${Timeline} t=${t} view=${{ timeline: dispute.timeline, delayed: false }} />
    </div>
  </article>`;
}

function stateOf({ state, round }) {
  return state === "disputed" ? `disputed.${round}` : ["ruled", "settled"].includes(state) ? state : "other";
}

function Stake({ t, dispute, now }) {
  const { refund, money, escrow, arbitration, deadline, state, next } = dispute;
  const shown = (amount) => t.money(amount, refund.currency);
  return html`<section class="card stake-card" aria-labelledby="stake-title">
    <h2 id="stake-title">${t.text("stake.title")}</h2>
    <p class="money-amount">${shown(refund.amount)}</p>
    <dl class="rows">
      <${Row} term=${t.text("stake.mode")}>${t.text(`details.mode.${escrow}`)}<//>
      <${Row} term=${t.text("stake.locked")}>${escrow === "none" ? t.text("stake.none") : shown(money.locked)}<//>
      <${Row} term=${t.text("stake.reserve")}>${escrow === "none" ? null : shown(money.reserve)}<//>
      <${Row} term=${t.text("stake.fee")}>${arbitration && shown(arbitration.first)}<//>
      <${Row} term=${t.text("stake.fee.appeal")}>${arbitration && Number(arbitration.appeal) > 0 ? shown(arbitration.appeal) : null}<//>
      <${Row} term=${t.text("queue.left")}>${state === "disputed" ? html`<${TimeLeft} t=${t} iso=${deadline} now=${now} />` : null}<//>
      <${Row} term=${t.text("next.otherwise")}>${state === "disputed" && next.otherwise ? t.text(silenceOf(t, dispute)) : null}<//>
    </dl>
  </section>`;
}

function Claims({ t, dispute }) {
  const { claims, proposed, refund } = dispute;
  if (!claims) return null;
  const shown = ({ share, amount }) =>
    html`<strong>${t.money(amount, refund.currency)}</strong> <span class="quiet">${t.percent(share)}</span>`;
  return html`<section class="card" aria-labelledby="claims-title">
    <h2 id="claims-title">${t.text("claims.title")}</h2>
    <dl class="claims">
      <div class="claim"><dt>${t.text("claims.consumer")}</dt><dd>${shown(claims.consumer)}</dd></div>
      <div class="claim"><dt>${t.text("claims.merchant")}</dt><dd>${shown(claims.merchant)}</dd></div>
      <div class="claim">
        <dt>${t.text("claims.proposed")}</dt>
        <dd>
          ${proposed ? shown(proposed) : t.text("claims.proposed.none")}
          ${proposed?.grade && html`<br /><span class="quiet">${t.text(`grade.${proposed.grade}`)}</span>`}
        </dd>
      </div>
    </dl>
    <p class="quiet">${t.text("claims.text")}</p>
  </section>`;
}

/** What was ruled before: an appeal is about it. */
function FormerRulings({ t, dispute }) {
  const rulings = rulingsOf(dispute.timeline);
  if (!rulings.length) return null;
  return html`<section class="card" aria-labelledby="rulings-title">
    <h2 id="rulings-title">${t.text(dispute.state === "disputed" ? "rulings.former" : "rulings.title")}</h2>
    <ol class="rulings">
      ${rulings.map(
        (ruling, index) => html`<li key=${index}>
          <p><strong>${t.text("rulings.share", { percent: t.percent(ruling.share) })}</strong>
            <span class="quiet"> <${Moment} t=${t} iso=${ruling.recorded_at} /></span></p>
          <ul class="votes">
            ${ruling.votes.map(
              ({ name, address, share, reason, grounds, conflict }) => html`<li key=${address}>
                <bdi title=${address}>${name ?? shorten(address)}</bdi>: ${t.percent(share)}
                ${reason && html` <q dir="auto">${reason}</q>`}
                ${grounds.length > 0 && html`<br /><span class="quiet">${grounds.map((code) => t.text(`ground.${code}`)).join(" · ")}</span>`}
                ${conflict && html`<br /><span class="quiet">${t.text("ground.no_conflict")}</span>`}
              </li>`,
            )}
          </ul>
        </li>`,
      )}
    </ol>
  </section>`;
}

function Panel({ t, dispute, own }) {
  const { panel, votes_given: given } = dispute;
  if (!panel || dispute.state !== "disputed") return null;
  return html`<section class="card" aria-labelledby="panel-title">
    <h2 id="panel-title">${t.text("panel.title")}</h2>
    <p>
      <label>${votesText(t, given, panel)}
        <progress max=${panel.threshold} value=${Math.min(given, panel.threshold)}></progress></label>
    </p>
    <ul class="panel">
      ${panel.arbitrators.map(
        ({ name, address, voted }) => html`<li key=${address}>
          <span title=${address}>${name ? html`<bdi>${name}</bdi>` : html`<${Hex} value=${address} />`}${address === own && html` <em>${t.text("panel.you")}</em>`}</span>
          <span class=${voted ? "voted" : "quiet"}>${t.text(voted ? "dispute.voted" : "dispute.not_voted")}</span>
        </li>`,
      )}
    </ul>
    <p class="quiet">${t.text("panel.median")}</p>
  </section>`;
}

/** The rules that the case was opened under. Their text is English. */
function Policy({ t, policy }) {
  return html`<section class="card policy" aria-labelledby="policy-title">
    <h2 id="policy-title">${t.text("policy.title")}</h2>
    <p lang="en"><strong>${policy.title}</strong> (${policy.code}, ${policy.version})</p>
    ${policy.summary && html`<p lang="en">${policy.summary}</p>`}
    <details class="more">
      <summary>${t.text("policy.grades")}</summary>
      <dl class="rows">
        ${policy.grades.map(
          ({ grade, meaning, min_share: least }) => html`<${Row} key=${grade} term=${t.text(`grade.${grade}`)}>
            ${t.text("policy.least", { percent: t.percent(least) })} <span lang="en">${meaning}</span>
          <//>`,
        )}
      </dl>
      <ul lang="en">
        ${policy.basis.map(({ source, article, says }, index) => html`<li key=${index}>${source}, ${article}: ${says}</li>`)}
      </ul>
    </details>
  </section>`;
}

/** What this arbitrator can do here now: vote, see the vote as it stands, or neither, and why. */
function YourPart({ model, on }) {
  const { t, dispute, session, now, signer, sent, refusal } = model;
  const vote = ownVote(dispute, session.address);
  if (dispute.state === "disputed" && vote && vote.stage !== "rejected") {
    return html`<${Recorded} t=${t} dispute=${dispute} vote=${vote} receipt=${sent?.receipt} />`;
  }
  const why = whyNot(dispute, now);
  return html`<section class="card your-vote" aria-labelledby="vote-title">
    <h2 id="vote-title">${t.text("vote.title")}</h2>
    ${vote?.stage === "rejected" && html`<p class="failure" role="alert">${t.text("vote.rejected")} <span lang="en">${vote.rejected_because}</span></p>`}
    <div role="alert">${refusal && html`<${Refused} t=${t} problem=${refusal} />`}</div>
    ${why
      ? html`<p class="why-not" role="status">${t.text(why)}</p>`
      : html`<${VoteCard} key=${`${dispute.case_id}.${dispute.round}`} t=${t} dispute=${dispute} session=${session} signer=${signer} on=${on} />`}
  </section>`;
}

/** Why the service took no vote. What it adds is English. */
function Refused({ t, problem }) {
  const known = { conflict: "vote.refused.twice", "out-of-order": "vote.refused.late", forbidden: "vote.not_yours" };
  const { slug, detail, remedy } = problem;
  return html`<p class="failure">
    ${t.text(known[slug] ?? "vote.refused")} <span lang="en">${[detail, remedy].filter(Boolean).join(" ")}</span>
  </p>`;
}

/** Why this arbitrator cannot vote: a key of the catalogue, or null. */
function whyNot(dispute, now) {
  if (dispute.state !== "disputed") return "vote.over";
  if (!dispute.yours.on_panel) return "vote.not_yours";
  if (dispute.yours.voted) return "vote.elsewhere";
  if (new Date(dispute.deadline) < now) return "vote.late";
  if (!amountsAgree(dispute)) return "vote.amounts_differ";
  return null;
}

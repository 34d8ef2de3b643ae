// The cases before this arbitrator's panels, the most urgent first.
import { html } from "../shared/dom.js";
import { Moment } from "../status/bits.js";

export function Queue({ t, queue, now, onMore }) {
  const { items, next_cursor: more } = queue;
  const open = items.filter((item) => !item.yours.voted).length;
  return html`<section class="queue" aria-labelledby="queue-title">
    <h1 id="queue-title" tabindex="-1">${t.text("queue.title")}</h1>
    <p class="lede">${t.text(open ? "queue.open" : "queue.none", { count: t.number(open) })}</p>
    ${!items.length && html`<p class="card empty">${t.text("queue.empty")}</p>`}
    <ol class="cases">
      ${items.map((item) => html`<${Item} key=${item.case_id} t=${t} item=${item} now=${now} />`)}
    </ol>
    ${more && html`<p><button type="button" class="button" onClick=${onMore}>${t.text("queue.more")}</button></p>`}
  </section>`;
}

function Item({ t, item, now }) {
  const { refund, merchant, yours, panel, round } = item;
  return html`<li class="card case ${yours.voted ? "is-voted" : ""}">
    <h2>
      <a href=${`#/case/${item.case_id}`}><bdi>${item.reference}</bdi></a>
      <span class="quiet"> <bdi>${merchant.name ?? t.text("details.shop")}</bdi></span>
    </h2>
    <p class="stake">${t.money(refund.amount, refund.currency)}</p>
    <dl class="facts">
      <div><dt>${t.text("queue.round")}</dt><dd>${t.text(`round.${round}`)}</dd></div>
      <div><dt>${t.text("queue.votes")}</dt><dd>${votesText(t, item.votes_given, panel)}</dd></div>
      <div><dt>${t.text("queue.left")}</dt><dd><${TimeLeft} t=${t} iso=${item.deadline} now=${now} /></dd></div>
      <div>
        <dt>${t.text("queue.yours")}</dt>
        <dd class=${yours.voted ? "voted" : "waits"}>${t.text(yours.voted ? "queue.voted" : "queue.not_voted")}</dd>
      </div>
    </dl>
  </li>`;
}

export function votesText(t, given, panel) {
  return t.text("queue.votes.of", { given: t.number(given), needed: t.number(panel.threshold) });
}

/** Until when votes count, in words; less than a day stands out. */
export function TimeLeft({ t, iso, now }) {
  const date = new Date(iso);
  if (date <= now) return html`<span class="is-over">${t.text("queue.over")}</span>`;
  const isUrgent = date - now < 86_400_000;
  return html`<span class=${isUrgent ? "is-urgent" : ""}>${t.distance(date, now)}</span>
    ${" "}<span class="quiet">(<${Moment} t=${t} iso=${iso} />)</span>`;
}

/** What happens if the round ends without a ruling: a key of the catalogue. */
export function silenceOf(t, { next }) {
  const key = `silence.${next.otherwise}`;
  return t.has(key) ? key : "silence.notice";
}

// The vote: conflict of interest, share, grounds; then what is signed, in words and field by field.
import { newKey, requestJson } from "../shared/api.js";
import { Component, html } from "../shared/dom.js";
import {
  GROUNDS,
  MOST_WORDS,
  bodyOf,
  digestToSign,
  payoutOf,
  percentText,
  shareOfPercent,
  shareOfPoints,
} from "./ballot.js";
import { troubleOf } from "./key_picker.js";
import { Pays } from "./pays.js";
import { silenceOf } from "./queue.js";
import { Review } from "./review.js";
import { dropDraft, keepDraft, recallDraft } from "./session.js";
import { KeyTrouble } from "../shared/trouble.js";

const WAITED = "wait=10"; // seconds for the chain to record the vote
const EMPTY = { conflict: null, share: null, grounds: [], words: "" };

export class VoteCard extends Component {
  constructor(props) {
    super(props);
    const { dispute, session } = props;
    this.draftName = `${session.address}.${dispute.case_id}.${dispute.round}`; // others may sign in in this tab
    const draft = { ...EMPTY, ...recallDraft(this.draftName) };
    this.state = { draft, review: null, isBusy: false, trouble: null, isAsked: false };
  }

  write(change) {
    const draft = { ...this.state.draft, ...change };
    keepDraft(this.draftName, draft);
    this.setState({ draft, trouble: null });
  }

  get path() {
    return `/v1/disputes/${this.props.dispute.case_id}/votes`;
  }

  /** Has the vote composed, and checks that it is the one that was decided. */
  async prepare(event) {
    event.preventDefault();
    const { dispute, session } = this.props;
    if (!isWhole(this.state.draft)) return this.setState({ isAsked: true });
    const body = bodyOf(dispute, this.state.draft);
    if (session.held) return this.setState({ review: { body, key: newKey(), prepared: null, digest: null } });
    return this.attempt(async () => {
      const { token } = session;
      const prepared = await requestJson(`${this.path}/prepare`, { token, body, key: newKey() });
      const digest = digestOrTrouble(dispute, session.address, body, prepared);
      this.setState({ review: { body, key: newKey(), prepared, digest } });
    });
  }

  /** Signs and sends. The key of the request stays while the service was not reached: sent again, it counts once. */
  async send() {
    const { signer, session, on } = this.props;
    const { body, key, prepared, digest } = this.state.review;
    await this.attempt(async () => {
      const signed = prepared && {
        vote_id: prepared.vote_id,
        signer: session.address,
        signature: await signer.signTypedData(prepared.typed_data, digest),
      };
      const { token } = session;
      const answer = await requestJson(this.path, { token, key, prefer: WAITED, body: { ...body, ...signed } });
      dropDraft(this.draftName);
      on.sent(answer);
    });
  }

  async attempt(step) {
    this.setState({ isBusy: true, trouble: null });
    try {
      await step();
      this.setState({ isBusy: false });
    } catch (error) {
      const isRefused = "slug" in error && error.status >= 400;
      this.setState({ isBusy: false, trouble: isRefused ? null : troubleOf(error) });
      if (isRefused) this.props.on.refused(error);
    }
  }

  render({ t, dispute, session, signer, on }, { draft, review, isBusy, trouble, isAsked }) {
    return html`${review
        ? html`<${Review}
            t=${t}
            dispute=${dispute}
            review=${review}
            session=${session}
            signer=${signer}
            isBusy=${isBusy}
            onSigner=${on.signer}
            onSend=${() => this.send()}
            onBack=${() => this.setState({ review: null, trouble: null })}
          />`
        : html`<${Form}
            t=${t}
            dispute=${dispute}
            draft=${draft}
            isBusy=${isBusy}
            isAsked=${isAsked}
            onWrite=${(change) => this.write(change)}
            onSubmit=${(event) => this.prepare(event)}
          />`}
      <div role="alert">${trouble && html`<p class="failure">${t.text(trouble)}</p>`}</div>`;
  }
}

function digestOrTrouble(dispute, address, body, prepared) {
  try {
    return digestToSign(dispute, address, body, prepared);
  } catch {
    throw new KeyTrouble("prepared");
  }
}

function isWhole({ conflict, share, words }) {
  return conflict === "none" && share !== null && words.trim() !== "";
}

function Form({ t, dispute, draft, isBusy, isAsked, onWrite, onSubmit }) {
  const { conflict } = draft;
  return html`<form class="vote-form" onSubmit=${onSubmit} novalidate>
    <${Conflict} t=${t} dispute=${dispute} conflict=${conflict} onWrite=${onWrite} isMissing=${isAsked && !conflict} />
    ${conflict === "none" &&
    html`<${Share} t=${t} dispute=${dispute} share=${draft.share} onWrite=${onWrite} isMissing=${isAsked && draft.share === null} />
      <${Grounds} t=${t} draft=${draft} onWrite=${onWrite} isMissing=${isAsked && !draft.words.trim()} />
      <p>
        <button type="submit" class="button primary" disabled=${isBusy}>${t.text(isBusy ? "vote.preparing" : "vote.review")}</button>
      </p>
      <p class="quiet">${t.text("vote.draft")}</p>`}
  </form>`;
}

/** Whoever has a conflict does not vote: neither contract nor service has a recusal, so the page says what silence does. */
function Conflict({ t, dispute, conflict, onWrite, isMissing }) {
  const choice = (value) => html`<label class="choice">
    <input type="radio" name="conflict" value=${value} checked=${conflict === value} onChange=${() => onWrite({ conflict: value })} />
    <span>${t.text(`vote.conflict.${value}`)}</span>
  </label>`;
  return html`<fieldset>
    <legend>${t.text("vote.conflict")}</legend>
    <p class="quiet">${t.text("vote.conflict.text")}</p>
    ${choice("none")} ${choice("have")}
    ${isMissing && html`<p class="failure">${t.text("vote.missing.conflict")}</p>`}
    ${conflict === "have" &&
    html`<div class="notice" role="status">
      <p>${t.text("vote.recused")}</p>
      <p>${t.text(silenceOf(t, dispute))}</p>
    </div>`}
  </fieldset>`;
}

/** One share in three ways to set it; what it pays stands below, to the last minor unit. */
class Share extends Component {
  constructor(props) {
    super(props);
    this.state = { typed: null }; // { field, text } of what is being typed
  }

  type(field, text) {
    const { dispute, onWrite } = this.props;
    const read = field === "percent" ? shareOfPercent : shareOfPoints;
    this.setState({ typed: { field, text } });
    onWrite({ share: read(text, dispute.most_share) });
  }

  field(name, value) {
    const { typed } = this.state;
    const { t, share } = this.props;
    const isOdd = typed?.field === name && typed.text !== "" && share === null;
    return html`<label class="field">
      <span>${t.text(`vote.${name}`)}</span>
      <input
        type="text"
        inputmode=${name === "percent" ? "decimal" : "numeric"}
        autocomplete="off"
        dir="ltr"
        aria-invalid=${isOdd}
        value=${typed?.field === name ? typed.text : value}
        onInput=${(event) => this.type(name, event.target.value)}
        onBlur=${() => share !== null && this.setState({ typed: null })}
      />
    </label>`;
  }

  render({ t, dispute, share, onWrite, isMissing }, { typed }) {
    const most = dispute.most_share;
    const slide = (event) => {
      this.setState({ typed: null });
      onWrite({ share: Math.min(most, Number(event.target.value)) });
    };
    return html`<fieldset>
      <legend>${t.text("vote.share")}</legend>
      <p class="quiet">${t.text("vote.share.text", { most: t.percent(most) })}</p>
      <input
        class="slider"
        type="range"
        min="0"
        max=${most}
        step="50"
        value=${share ?? 0}
        aria-label=${t.text("vote.slider")}
        aria-valuetext=${share === null ? t.text("vote.share.unset") : t.percent(share)}
        onInput=${slide}
      />
      <p class="slider-ends" aria-hidden="true"><span>${t.text("vote.slider.merchant")}</span><span>${t.text("vote.slider.consumer")}</span></p>
      <div class="numbers">
        ${this.field("percent", share === null ? "" : percentText(share))}
        ${this.field("points", share === null ? "" : String(share))}
      </div>
      ${share === null && (isMissing || typed?.text) && html`<p class="failure">${t.text("vote.missing.share", { most: t.percent(most) })}</p>`}
      <div aria-live="polite">${share !== null && html`<${Pays} t=${t} dispute=${dispute} paid=${payoutOf(dispute, share)} />`}</div>
    </fieldset>`;
  }
}

function Grounds({ t, draft, onWrite, isMissing }) {
  const toggle = (code) =>
    draft.grounds.includes(code) ? draft.grounds.filter((each) => each !== code) : [...draft.grounds, code];
  return html`<fieldset>
    <legend>${t.text("vote.grounds")}</legend>
    <p class="quiet">${t.text("vote.grounds.text")}</p>
    <div class="codes">
      ${GROUNDS.map(
        (code) => html`<label key=${code} class="choice">
          <input type="checkbox" checked=${draft.grounds.includes(code)} onChange=${() => onWrite({ grounds: toggle(code) })} />
          <span>${t.text(`ground.${code}`)}</span>
        </label>`,
      )}
    </div>
    <label class="field">
      <span>${t.text("vote.words")}</span>
      <textarea
        rows="6"
        maxlength=${MOST_WORDS}
        dir="auto"
        aria-describedby="words-left"
        value=${draft.words}
        onInput=${(event) => onWrite({ words: event.target.value })}
      ></textarea>
      <small id="words-left">${t.text("vote.words.left", { count: t.number(MOST_WORDS - draft.words.length) })}</small>
    </label>
    ${isMissing && html`<p class="failure">${t.text("vote.missing.words")}</p>`}
  </fieldset>`;
}

// The question before an act: it says the consequence in money, and that it is final.
import { html } from "../shared/dom.js";
import { amountField, bodyOf, formOf, isDangerous, moneyOf, waitsOut } from "./acts.js";
import { openModal, valuesOf } from "./bits.js";
import { attachmentsOf } from "./files.js";
import { FilesField } from "./files_field.js";
import { troubleOf } from "./key_words.js";
import { Signed } from "./signed.js";
import { shareOf } from "./story.js";

const REVERSIBLE = ["evidence", "objected", "disputed.again", "split"];

/**
 * `pending` is `{ name, isSending, problem, toSign }`. `onConfirm(body, pending)` sends, or where the consumer's own key signs,
 * prepares and then signs what is shown; `onClose()` leaves; while sending, Escape does not close it.
 */
export function ActDialog({ t, view, pending, onConfirm, onClose }) {
  const { name, isSending, problem, toSign } = pending;
  const values = { ...valuesOf(view, t), ...signedOf(t, view, toSign) };
  const submit = async (event) => {
    event.preventDefault();
    if (toSign) return onConfirm(toSign.asked, pending);
    const form = new FormData(event.target);
    onConfirm(bodyOf(name, view, form, await attachmentsOf(form.getAll("files"))), pending);
  };
  return html`<dialog
    class="act"
    aria-labelledby="act-title"
    aria-describedby="act-text"
    ref=${openModal}
    onCancel=${(event) => isSending && event.preventDefault()}
    onClose=${onClose}
  >
    <form onSubmit=${submit}>
      <h2 id="act-title">${t.text(`act.${name}.title`, values)}</h2>
      <div id="act-text">
        ${consequences(name, view).map((key) => html`<p key=${key}>${t.text(key, values)}</p>`)}
        ${finality(name, view).map((key) => html`<p key=${key} class="act-final">${t.text(key)}</p>`)}
      </div>
      ${toSign && html`<${Signed} t=${t} view=${view} words=${wordsOf(t, name, view, values)} message=${toSign.message} />`}
      <fieldset disabled=${Boolean(toSign)} hidden=${Boolean(toSign)}><${Fields} t=${t} name=${name} view=${view} /></fieldset>
      <div role="alert">${problem && html`<${Failure} t=${t} view=${view} problem=${problem} />`}</div>
      <div class="actions">
        <button type="submit" class="button ${isDangerous(name) ? "danger" : "primary"}" disabled=${isSending}>
          ${isSending ? t.text("act.sending") : t.text(toSign ? "signed.send" : `act.confirm.${name}`, values)}
        </button>
        <button type="button" class="button" disabled=${isSending} onClick=${onClose}>${t.text("act.back")}</button>
      </div>
    </form>
  </dialog>`;
}

function Fields({ t, name, view }) {
  return html`<${Amount} t=${t} name=${name} view=${view} />
    ${formOf(name).map((field) => FIELDS[field] && html`<${FIELDS[field]} key=${field} t=${t} />`)}`;
}

/** The amount that is signed, also where an offer was another when it was prepared. */
function signedOf(t, view, toSign) {
  const share = toSign?.asked.data?.share;
  if (share === undefined) return {};
  const amount = t.money(moneyOf(share, view), view.refund.currency);
  return { offered: amount, signed: amount };
}

/** The act as its button says it, with the amount that was filled in. */
function wordsOf(t, name, view, values) {
  const said = t.text(`act.${name}`, values);
  return amountField(name, view) ? `${said}: ${values.signed}` : said;
}

function consequences(name, view) {
  if (name === "cancelled") {
    const isLocked = view.mode !== "none" && view.money.where === "locked";
    return ["act.cancelled.text", ...(isLocked ? ["act.cancelled.locked"] : [])];
  }
  if (name !== "accepted") return [`act.${name}.text`];
  if (view.refund.share === 0) return ["act.accepted.zero"];
  return ["act.accepted.text", ...(shareOf(view) === "full" ? [] : ["act.accepted.part"])];
}

function finality(name, view) {
  if (waitsOut(name, view)) return ["act.notice"];
  return REVERSIBLE.includes(name) ? [] : ["act.final"];
}

function Amount({ t, name, view }) {
  const amount = amountField(name, view);
  if (!amount) return null;
  const { field, least, most, start, unit } = amount;
  const digits = Math.round(Math.log10(unit));
  const decimal = (minor) => (minor / unit).toFixed(digits);
  const [low, high] = [least, most].map((minor) => t.money(decimal(minor), view.refund.currency));
  return html`<label class="field">
    <span>${t.text(`field.${field}`)} (${view.refund.currency})</span>
    <input
      name="amount"
      type="number"
      inputmode="decimal"
      required
      min=${decimal(least)}
      max=${decimal(most)}
      step=${decimal(1)}
      defaultValue=${decimal(start)}
    />
    <small>${t.text("field.range", { least: low, most: high })}</small>
  </label>`;
}

/** What a person writes and which parcel it was is personal: these are sealed, and stand in the record as digests. */
const FIELDS = {
  receipt: ({ t }) => html`<label class="field">
    <span>${t.text("act.picked_up.receipt")}</span>
    <input name="receipt" required maxlength="120" autocomplete="off" />
  </label>`,
  reason: ({ t }) => html`<label class="field">
    <span>${t.text("field.reason")}</span>
    <textarea name="reason" rows="4" maxlength="2000"></textarea>
  </label>`,
  text: ({ t }) => html`<label class="field">
    <span>${t.text("field.text")}</span>
    <textarea name="text" rows="5" maxlength="2000" required></textarea>
  </label>`,
  files: FilesField,
};

/** The service's own words name the remedy; they are English. */
function Failure({ t, view, problem }) {
  if (problem.status === undefined) return html`<p class="failure">${t.text(troubleOf(problem), { id: view.chain.id })}</p>`;
  if (problem.status === 0) return html`<p class="failure">${t.text("act.failed.network")}</p>`;
  return html`<p class="failure">
    ${t.text("act.failed")} <span lang="en">${[problem.detail, problem.remedy].filter(Boolean).join(" ")}</span>
  </p>`;
}

// The question before an act: it says the consequence in money, and that it is final.
import { html } from "../shared/dom.js";
import { valuesOf } from "./bits.js";
import { shareOf } from "./story.js";

/**
 * `pending` is `{ kind, isSending, problem }`. `onConfirm(personal)` sends, `onClose()` leaves; while sending, Escape does
 * not close it.
 */
export function ActDialog({ t, view, pending, onConfirm, onClose }) {
  const { kind, isSending, problem } = pending;
  const values = valuesOf(view, t);
  const submit = (event) => {
    event.preventDefault();
    onConfirm(personalOf(kind, new FormData(event.target)));
  };
  return html`<dialog
    class="act"
    aria-labelledby="act-title"
    aria-describedby="act-text"
    ref=${open}
    onCancel=${(event) => isSending && event.preventDefault()}
    onClose=${onClose}
  >
    <form onSubmit=${submit}>
      <h2 id="act-title">${t.text(`act.${kind}.title`, values)}</h2>
      <div id="act-text">
        ${consequences(kind, view).map((key) => html`<p key=${key}>${t.text(key, values)}</p>`)}
        <p class="act-final">${t.text("act.final")}</p>
      </div>
      ${kind === "picked_up" && html`<${Receipt} t=${t} />`}
      <div role="alert">${problem && html`<${Failure} t=${t} problem=${problem} />`}</div>
      <div class="actions">
        <button type="submit" class="button ${kind === "cancelled" ? "danger" : "primary"}" disabled=${isSending}>
          ${isSending ? t.text("act.sending") : t.text(`act.confirm.${kind}`, values)}
        </button>
        <button type="button" class="button" disabled=${isSending} onClick=${onClose}>${t.text("act.back")}</button>
      </div>
    </form>
  </dialog>`;
}

function open(dialog) {
  if (dialog && !dialog.open) dialog.showModal();
}

function consequences(kind, view) {
  if (kind === "cancelled") {
    const isLocked = view.mode !== "none" && view.money.where === "locked";
    return ["act.cancelled.text", ...(isLocked ? ["act.cancelled.locked"] : [])];
  }
  if (kind !== "accepted") return [`act.${kind}.text`];
  if (view.refund.share === 0) return ["act.accepted.zero"];
  return ["act.accepted.text", ...(shareOf(view) === "full" ? [] : ["act.accepted.part"])];
}

/** What the act says beside its kind. A receipt's number leads to a parcel and its people, so it is a personal field. */
function personalOf(kind, form) {
  return kind === "picked_up" ? { receipt: String(form.get("receipt")).trim() } : {};
}

function Receipt({ t }) {
  return html`<label class="field">
    <span>${t.text("act.picked_up.receipt")}</span>
    <input name="receipt" required maxlength="120" autocomplete="off" />
  </label>`;
}

/** The service's own words name the remedy; they are English. */
function Failure({ t, problem }) {
  if (problem.status === 0) return html`<p class="failure">${t.text("act.failed.network")}</p>`;
  return html`<p class="failure">
    ${t.text("act.failed")} <span lang="en">${[problem.detail, problem.remedy].filter(Boolean).join(" ")}</span>
  </p>`;
}

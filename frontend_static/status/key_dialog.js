// Binding a key of the consumer's own, in three steps: where it is kept, the file that brings it back, and what is signed.
import { newKey, requestJson } from "../shared/api.js";
import { Component, html } from "../shared/dom.js";
import { KeyTrouble } from "../shared/trouble.js";
import { openModal } from "./bits.js";
import { keepKey } from "./key_store.js";
import { troubleOf } from "./key_words.js";
import { Signed } from "./signed.js";

const SHORTEST = 10; // characters of a password
const KEPT_MS = 60_000;

/** `signer` is the key that is bound now, null where the service's still is. */
export class KeyDialog extends Component {
  constructor(props) {
    super(props);
    this.state = { step: "choose", isBusy: false, trouble: null, signer: null, secret: null, prepared: null, message: null };
  }

  /** Does something, and says what stands against it. */
  async attempt(work) {
    if (this.state.isBusy) return;
    this.setState({ isBusy: true, trouble: null });
    try {
      this.setState({ ...(await work()), isBusy: false });
    } catch (problem) {
      this.setState({ isBusy: false, trouble: problem });
    }
  }

  make(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    this.attempt(async () => {
      if (form.get("password") !== form.get("again")) throw new KeyTrouble("differ");
      const [{ lockKey }, { newSecret, signerOf }] = await Promise.all([import("../shared/keystore.js"), import("./signing.js")]);
      const secret = newSecret();
      const signer = signerOf(secret);
      save(await lockKey(secret, signer.address, form.get("password")), `key-${this.props.view.case_id.slice(2, 10)}.json`);
      return { step: "saved", secret, signer };
    });
  }

  wallet() {
    this.attempt(async () => {
      const { signerOfWallet } = await import("./signing.js");
      return this.prepare(await signerOfWallet(window.ethereum));
    });
  }

  /** What there is to sign, from the service and checked here. */
  async prepare(signer) {
    const { view, token } = this.props;
    const asked = { kind: "key_bound", data: { key: signer.address } };
    const prepared = await requestJson("/v1/status/acts/prepare", { token, body: asked, key: newKey() });
    const { messageFor } = await import("./signing.js");
    return { step: "sign", signer, prepared, message: messageFor(view, asked, prepared), key: newKey() };
  }

  /** The key of the request stays: sent again where the answer was lost, it counts once. */
  bind() {
    this.attempt(async () => {
      const { token, signer: old } = this.props;
      const { signer, secret, prepared, message, key } = this.state;
      const body = { kind: "key_bound", record_id: prepared.record_id, key_signature: await signer.sign(message) };
      if (old) Object.assign(body, { signer: old.address, signature: await old.sign(message) });
      if (secret) await keepKey(signer.address, secret);
      await requestJson("/v1/status/acts", { token, body, key });
      return { step: "done", secret: null };
    });
  }

  render({ t, view, onClose }, { step, isBusy, trouble, signer, message }) {
    const Step = STEPS[step];
    return html`<dialog class="act" aria-labelledby="key-title" ref=${openModal} onClose=${onClose}>
      <h2 id="key-title">${t.text("key.dialog.title")}</h2>
      <${Step} t=${t} view=${view} dialog=${this} isBusy=${isBusy} signer=${signer} message=${message} />
      <div role="alert">${trouble && html`<${Trouble} t=${t} view=${view} trouble=${trouble} />`}</div>
      <div class="actions"><button type="button" class="button" disabled=${isBusy} onClick=${onClose}>
        ${t.text(step === "done" ? "key.close" : "act.back")}
      </button></div>
    </dialog>`;
  }
}

const STEPS = {
  choose: ({ t, dialog, isBusy }) => html`<p>${t.text("key.dialog.text")}</p>
    <p class="act-final">${t.text("key.dialog.lost")}</p>
    <form onSubmit=${(event) => dialog.make(event)}>
      <label class="field">
        <span>${t.text("key.new_password")}</span>
        <input name="password" type="password" autocomplete="new-password" minlength=${SHORTEST} required />
      </label>
      <label class="field">
        <span>${t.text("key.again")}</span>
        <input name="again" type="password" autocomplete="new-password" required />
      </label>
      <div class="actions">
        <button type="submit" class="button primary" disabled=${isBusy}>${t.text("key.make")}</button>
        ${window.ethereum && html`<button type="button" class="button" onClick=${() => dialog.wallet()}>${t.text("key.wallet")}</button>`}
      </div>
    </form>`,
  saved: ({ t, dialog, isBusy, signer }) => html`<form
    onSubmit=${(event) => {
      event.preventDefault();
      dialog.attempt(() => dialog.prepare(signer));
    }}
  >
    <p>${t.text("key.saved.text")}</p>
    <label class="tick"><input type="checkbox" required /> <span>${t.text("key.saved")}</span></label>
    <div class="actions"><button type="submit" class="button primary" disabled=${isBusy}>${t.text("key.next")}</button></div>
  </form>`,
  sign: ({ t, view, dialog, isBusy, signer, message }) => html`<${Signed}
      t=${t}
      view=${view}
      words=${t.text("key.sign", { address: signer.address })}
      message=${message}
    />
    <div class="actions">
      <button type="button" class="button primary" disabled=${isBusy} onClick=${() => dialog.bind()}>${t.text("key.bind")}</button>
    </div>`,
  done: ({ t, view }) => html`<p role="status">${t.text(view.link.own_key ? "key.done" : "key.done.notice")}</p>`,
};

function Trouble({ t, view, trouble }) {
  if (!("status" in trouble)) return html`<p class="failure">${t.text(troubleOf(trouble), { id: view.chain.id })}</p>`;
  const said = trouble.status === 0 ? t.text("act.failed.network") : t.text("act.failed");
  return html`<p class="failure">${said} <span lang="en">${[trouble.detail, trouble.remedy].filter(Boolean).join(" ")}</span></p>`;
}

function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

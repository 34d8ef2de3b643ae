// The card of the consumer's own key: to bind one, to open the one that is bound, and to put it away. What signs is loaded
// when it is needed.
import { Component, html } from "../shared/dom.js";
import { Hex } from "./bits.js";
import { KeyDialog } from "./key_dialog.js";
import { forgetKey, keepKey, recallKey } from "./key_store.js";

const SIGNS = "settlement:sign";

/** `signer` is `{ address, sign }` or null; `onSigner` takes another, `onBind(body)` sends. */
export class OwnKey extends Component {
  constructor(props) {
    super(props);
    this.state = { trouble: null, isBinding: false };
  }

  componentDidMount() {
    this.recall();
  }

  componentDidUpdate({ view }) {
    if (view.link.own_key !== this.props.view.link.own_key) this.recall();
  }

  /** The key that the case names, if this browser has it. */
  async recall() {
    const { own_key: address } = this.props.view.link;
    const secret = address && window.isSecureContext ? await recallKey(address) : null;
    if (secret) this.take((await import("./signing.js")).signerOf(secret));
  }

  take(signer) {
    const isRight = signer.address === this.props.view.link.own_key;
    this.setState({ trouble: isRight ? null : "key.other" });
    if (isRight) this.props.onSigner(signer);
    return isRight;
  }

  async openFile(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const [{ unlockKey }, { signerOf }] = await Promise.all([import("./key_file.js"), import("./signing.js")]);
    try {
      const secret = await unlockKey(await form.get("file").text(), form.get("password"));
      if (!secret) this.setState({ trouble: "key.wrong" });
      else if (this.take(signerOf(secret))) await keepKey(this.props.view.link.own_key, secret);
    } catch {
      this.setState({ trouble: "key.no_file" });
    }
  }

  async openWallet() {
    const { signerOfWallet } = await import("./signing.js");
    await signerOfWallet(window.ethereum).then(
      (signer) => this.take(signer),
      () => this.setState({ trouble: "key.refused" }),
    );
  }

  async forget() {
    await forgetKey(this.props.view.link.own_key);
    this.props.onSigner(null);
  }

  render({ t, view, token, signer }, { trouble, isBinding }) {
    const { own_key: address, scopes, signs = {} } = view.link;
    const mayBind = "key_bound" in signs && (!address || signer);
    if (!scopes.includes(SIGNS) || (!address && !mayBind && !isBinding)) return null;
    return html`<section class="card key-card" aria-labelledby="own-key-title">
      <h2 id="own-key-title">${t.text("key.title")}</h2>
      <p>${t.rich(saidOf(address, signer), { address: address && html`<${Hex} value=${address} />` })}</p>
      ${!window.isSecureContext && html`<p class="failure">${t.text("key.insecure")}</p>`}
      ${window.isSecureContext && address && !signer && this.opening(t)}
      <div role="alert">${trouble && html`<p class="failure">${t.text(trouble, { address })}</p>`}</div>
      <div class="actions">
        ${window.isSecureContext && mayBind && html`<button type="button" class="button" onClick=${() => this.setState({ isBinding: true })}>
          ${t.text(address ? "key.replace" : "key.start")}
        </button>`}
        ${signer && html`<button type="button" class="button" onClick=${() => this.forget()}>${t.text("key.forget")}</button>`}
      </div>
      ${isBinding && html`<${KeyDialog} t=${t} view=${view} token=${token} signer=${signer} onClose=${() => this.setState({ isBinding: false })} />`}
    </section>`;
  }

  opening(t) {
    return html`<form onSubmit=${(event) => this.openFile(event)}>
      <label class="field"><span>${t.text("key.file")}</span><input name="file" type="file" accept=".json,application/json" required /></label>
      <label class="field">
        <span>${t.text("key.password")}</span>
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      <div class="actions">
        <button type="submit" class="button primary">${t.text("key.open")}</button>
        ${window.ethereum && html`<button type="button" class="button" onClick=${() => this.openWallet()}>${t.text("key.wallet")}</button>`}
      </div>
    </form>`;
  }
}

function saidOf(address, signer) {
  if (!address) return "key.intro";
  return signer ? "key.ready" : "key.closed";
}

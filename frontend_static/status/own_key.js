// The card of the consumer's own key: to bind one, to open the one that is bound, and to put it away. What signs is loaded
// when it is needed.
import { Component, html } from "../shared/dom.js";
import { Hex } from "./bits.js";
import { KeyDialog } from "./key_dialog.js";
import { forgetKey, keepKey, recallKey } from "./key_store.js";
import { troubleOf } from "./key_words.js";

const SIGNS = "settlement:sign";

/** `signer` is `{ address, sign }` or null; `onSigner` takes another, `onBind(body)` sends. */
export class OwnKey extends Component {
  constructor(props) {
    super(props);
    this.state = { trouble: null, isBinding: false, isBusy: false, progress: 0 };
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
    const loaded = secret && (await import("./signing.js").catch(() => null)); // without a network nothing is signed
    if (loaded) this.take(loaded.signerOf(secret));
  }

  take(signer) {
    const isRight = signer.address === this.props.view.link.own_key;
    this.setState({ trouble: isRight ? null : "key.other" });
    if (isRight) this.props.onSigner(signer);
    return isRight;
  }

  /** One at a time: a file may take this machine's memory for seconds. */
  async attempt(open) {
    if (this.state.isBusy) return;
    this.setState({ isBusy: true, trouble: null, progress: 0 });
    try {
      const loaded = await Promise.all([import("../shared/keystore.js"), import("./signing.js")]).catch(() => null);
      if (loaded) await open(...loaded);
      else this.setState({ trouble: "key.not_loaded" });
    } catch (error) {
      this.setState({ trouble: troubleOf(error) });
    }
    this.setState({ isBusy: false });
  }

  openFile(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const onProgress = (progress) => this.setState({ progress });
    this.attempt(async ({ unlockKey }, { signerOf }) => {
      const secret = await unlockKey(await form.get("file").text(), form.get("password"), onProgress);
      if (this.take(signerOf(secret))) await keepKey(this.props.view.link.own_key, secret);
    });
  }

  openWallet() {
    this.attempt(async (_, { signerOfWallet }) => this.take(await signerOfWallet(window.ethereum)));
  }

  async forget() {
    await forgetKey(this.props.view.link.own_key);
    this.props.onSigner(null);
  }

  render({ t, view, token, signer }, state) {
    const { trouble, isBinding } = state;
    const { own_key: address, scopes, signs = {} } = view.link;
    const mayBind = "key_bound" in signs && (!address || signer);
    if (!scopes.includes(SIGNS) || (!address && !mayBind && !isBinding)) return null;
    return html`<section class="card key-card" aria-labelledby="own-key-title">
      <h2 id="own-key-title">${t.text("key.title")}</h2>
      <p>${t.rich(saidOf(address, signer), { address: address && html`<${Hex} value=${address} />` })}</p>
      ${!window.isSecureContext && html`<p class="failure">${t.text("key.insecure")}</p>`}
      ${window.isSecureContext && address && !signer && this.opening(t, state)}
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

  opening(t, { isBusy, progress }) {
    return html`<form onSubmit=${(event) => this.openFile(event)}>
      <label class="field"><span>${t.text("key.file")}</span><input name="file" type="file" accept=".json,application/json" required /></label>
      <label class="field">
        <span>${t.text("key.password")}</span>
        <input name="password" type="password" autocomplete="current-password" required />
      </label>
      <div class="actions">
        <button type="submit" class="button primary" disabled=${isBusy}>${t.text("key.open")}</button>
        ${window.ethereum && html`<button type="button" class="button" disabled=${isBusy} onClick=${() => this.openWallet()}>${t.text("key.wallet")}</button>`}
      </div>
      ${isBusy && html`<p role="status"><label>${t.text("key.opening")} <progress max="1" value=${progress}></progress></label></p>`}
    </form>`;
  }
}

function saidOf(address, signer) {
  if (!address) return "key.intro";
  return signer ? "key.ready" : "key.closed";
}

// Where the key comes from: a wallet of the browser, or a keystore file with its password.
import { Component, html } from "../shared/dom.js";
import { KeyTrouble } from "../shared/trouble.js";
import { discoverWallets } from "./wallets.js";

const REFUSED_BY_PERSON = 4001; // EIP-1193

/** The words for what went wrong with a key: a key of the catalogue. */
export function troubleOf(error) {
  if (error instanceof KeyTrouble) return `key.trouble.${error.code}`;
  if (error.code === REFUSED_BY_PERSON) return "key.trouble.refused";
  if (error.status === 0) return "key.trouble.unreachable";
  if (error.status === 401 || error.status === 403 || error.status === 404) return "key.trouble.unknown";
  if (error.status === 429) return "key.trouble.limited";
  return error.status === undefined ? "key.trouble.wallet" : "key.trouble.service";
}

/** `onSigner(signer)` may take its time and may throw; what it throws is told here. */
export class KeyPicker extends Component {
  constructor(props) {
    super(props);
    this.state = { wallets: [], file: null, busy: null, progress: 0, trouble: null };
  }

  componentDidMount() {
    discoverWallets((wallet) => this.setState(({ wallets }) => ({ wallets: [...wallets, wallet] })));
  }

  async use(busy, open) {
    if (this.state.busy) return;
    this.setState({ busy, trouble: null, progress: 0 });
    try {
      await this.props.onSigner(await open());
    } catch (error) {
      this.setState({ trouble: troubleOf(error) });
    }
    this.setState({ busy: null });
  }

  openFile(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const onProgress = (part) => this.setState({ progress: part });
    this.use("file", async () => {
      const [{ unlockKey }, { keySigner }] = await Promise.all([import("../shared/keystore.js"), import("./signers.js")]);
      return keySigner(await unlockKey(await form.get("keystore").text(), form.get("password"), onProgress));
    });
  }

  openWallet({ provider }) {
    this.use("wallet", async () => (await import("./signers.js")).walletSigner(provider));
  }

  render({ t }, { wallets, busy, progress, trouble }) {
    return html`<div class="key-picker">
      <form class="keystore" onSubmit=${(event) => this.openFile(event)} aria-busy=${busy === "file"}>
        <h3>${t.text("key.file")}</h3>
        <label class="field">
          <span>${t.text("key.file.label")}</span>
          <input name="keystore" type="file" required accept=".json,application/json,*/*" />
        </label>
        <label class="field">
          <span>${t.text("key.password")}</span>
          <input name="password" type="password" required autocomplete="off" dir="ltr" />
        </label>
        <p><button type="submit" class="button primary" disabled=${busy !== null}>${t.text("key.open")}</button></p>
        ${busy === "file" &&
        html`<p role="status">
          <label>${t.text("key.opening")} <progress max="1" value=${progress}></progress></label>
        </p>`}
      </form>
      <div class="wallets">
        <h3>${t.text("key.wallet")}</h3>
        ${wallets.map(
          (wallet) => html`<p key=${wallet.name}>
            <button
              type="button"
              class="button"
              disabled=${busy !== null}
              onClick=${() => this.openWallet(wallet)}
            >
              ${wallet.name ? t.rich("key.wallet.use", { name: html`<bdi>${wallet.name}</bdi>` }) : t.text("key.wallet.any")}
            </button>
          </p>`,
        )}
        ${!wallets.length && html`<p class="quiet">${t.text("key.wallet.none")}</p>`}
        ${busy === "wallet" && html`<p role="status">${t.text("key.wallet.asked")}</p>`}
      </div>
      <div role="alert">${trouble && html`<p class="failure">${t.text(trouble)}</p>`}</div>
    </div>`;
  }
}

// Signing in: with one's own key, or with the API key where the service holds the signing key.
import { Component, html } from "../shared/dom.js";
import { KeyPicker, troubleOf } from "./key_picker.js";

export function SignIn({ t, hasEnded, onSigner, onApiKey }) {
  return html`<section class="sign-in">
    <h1>${t.text("signin.title")}</h1>
    ${hasEnded && html`<p class="notice" role="alert">${t.text("signin.ended")}</p>`}
    <p class="lede">${t.text("signin.text")}</p>
    <div class="card">
      <h2>${t.text("signin.own")}</h2>
      <${KeyPicker} t=${t} onSigner=${onSigner} />
      <p class="quiet">${t.text("key.kept")}</p>
    </div>
    <details class="card more">
      <summary>${t.text("signin.api_key")}</summary>
      <${ApiKeyForm} t=${t} onApiKey=${onApiKey} />
    </details>
  </section>`;
}

class ApiKeyForm extends Component {
  constructor(props) {
    super(props);
    this.state = { isBusy: false, trouble: null };
  }

  async send(event) {
    event.preventDefault();
    const apiKey = String(new FormData(event.target).get("api_key")).trim();
    this.setState({ isBusy: true, trouble: null });
    try {
      await this.props.onApiKey(apiKey);
    } catch (error) {
      this.setState({ isBusy: false, trouble: troubleOf(error) });
    }
  }

  render({ t }, { isBusy, trouble }) {
    return html`<form onSubmit=${(event) => this.send(event)}>
      <p>${t.text("signin.api_key.text")}</p>
      <label class="field">
        <span>${t.text("signin.api_key.label")}</span>
        <input name="api_key" type="password" required autocomplete="off" dir="ltr" />
      </label>
      <p><button type="submit" class="button" disabled=${isBusy}>${t.text("signin.api_key.send")}</button></p>
      <div role="alert">${trouble && html`<p class="failure">${t.text(trouble)}</p>`}</div>
    </form>`;
  }
}

// Passing the return on, or printing it: the link that only reads, as text and as a QR code that is drawn here.
import { requestJson } from "../shared/api.js";
import { Component, html } from "../shared/dom.js";

const QUIET = 4; // modules around a code, as ISO/IEC 18004 asks

export class Share extends Component {
  constructor(props) {
    super(props);
    this.state = { link: null, qr: [], said: "", isBroken: false };
  }

  async load() {
    try {
      const { status_link: link, qr } = await requestJson("/v1/status/reading-link", { token: this.props.token });
      this.setState({ link, qr, isBroken: false });
    } catch (error) {
      if (!("status" in error)) throw error;
      this.setState({ isBroken: true });
    }
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.state.link); // which pages over plain HTTP do not have
      this.setState({ said: "share.copied" });
    } catch {
      this.setState({ said: "share.by_hand" });
    }
  }

  render({ t, view }, { link, qr, said, isBroken }) {
    const acts = view.link.scopes.length > 1;
    return html`<section class="card share" aria-labelledby="share-title">
      <h2 id="share-title">${t.text("share.title")}</h2>
      <p>${t.text("share.text")}</p>
      ${acts && html`<p class="notice">${t.text("share.warning")}</p>`}
      ${link && html`<${Code} t=${t} qr=${qr} /><p class="share-link"><code class="hex" tabindex="0">${link}</code></p>`}
      <div class="actions">
        ${link
          ? html`<button type="button" class="button" onClick=${() => this.copy()}>${t.text("share.copy")}</button>`
          : html`<button type="button" class="button" onClick=${() => this.load()}>${t.text("share.show")}</button>`}
        <button type="button" class="button" onClick=${() => window.print()}>${t.text("share.print")}</button>
      </div>
      <p role="status">${said && t.text(said)}</p>
      ${isBroken && html`<p class="failure" role="alert">${t.text("share.failed")}</p>`}
    </section>`;
  }
}

function Code({ t, qr }) {
  const size = qr.length + 2 * QUIET;
  return html`<svg class="qr" viewBox="0 0 ${size} ${size}" role="img" aria-label=${t.text("share.qr")}>
    <rect width=${size} height=${size} fill="#fff" />
    <path d=${darkOf(qr)} fill="#000" />
  </svg>`;
}

/** The dark modules as a path: a square each. */
function darkOf(rows) {
  const squares = rows.flatMap((row, y) =>
    Array.from(row, (module, x) => (module === "1" ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "")),
  );
  return squares.join("");
}

// Documents to keep: the evidence as a PDF, and the acknowledgement of the request. They are fetched with the token, which
// never goes into an address, and handed to the browser to save.
import { request } from "../shared/api.js";
import { Component, html } from "../shared/dom.js";

const KEPT_MS = 60_000; // until the browser has surely taken the file

/** Links that only read get no acknowledgement: it names the consumer. */
function offered({ link }) {
  return link.scopes.length > 1 ? ["bundle", "acknowledgement"] : ["bundle"];
}

async function save(name) {
  const response = await request(`/v1/status/${name}.pdf`, { token: location.hash.slice(1), accept: "application/pdf" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = /filename="([\w.-]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? `${name}.pdf`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

export class Documents extends Component {
  constructor(props) {
    super(props);
    this.state = { making: null, isBroken: false };
  }

  async fetch(name) {
    if (this.state.making) return;
    this.setState({ making: name, isBroken: false });
    try {
      await save(name);
      this.setState({ making: null });
    } catch (error) {
      this.setState({ making: null, isBroken: true });
      if (!("status" in error)) throw error;
    }
  }

  render({ t, view }, { making, isBroken }) {
    return html`<section class="card documents" aria-labelledby="documents-title">
      <h2 id="documents-title">${t.text("documents.title")}</h2>
      ${offered(view).map(
        (name) => html`<p key=${name}>
          <button type="button" class="button" aria-busy=${making === name} onClick=${() => this.fetch(name)}>
            ${t.text(making === name ? "documents.making" : `documents.${name}`)}
          </button>
        </p>`,
      )}
      ${isBroken && html`<p class="failure" role="alert">${t.text("documents.failed")}</p>`}
    </section>`;
  }
}

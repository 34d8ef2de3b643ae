// The service's own verdict on a case's record, and the way to one's own.
import { Component, html } from "../shared/dom.js";
import { ResultIcon } from "../status/bits.js";

const VERDICT_RESULTS = { verified: "pass", pending: "pending", failed: "fail" };

export function Verdict({ t, dispute, token }) {
  const { verdict, checks, chain } = dispute;
  const operator = html`<bdi>${chain.operator}</bdi>`;
  return html`<section class="card checks" aria-labelledby="checks-title">
    <h2 id="checks-title">${t.text("checks.title")}</h2>
    <p class="verdict verdict-${verdict}">
      <${ResultIcon} result=${VERDICT_RESULTS[verdict]} />
      <span><strong>${t.text(`verdict.${verdict}`)}</strong><br />${t.text(`verdict.${verdict}.text`)}</span>
    </p>
    <details class="more" open=${verdict === "failed"}>
      <summary>${t.text("checks.all")}</summary>
      <${CheckList} t=${t} checks=${checks} />
    </details>
    <p class="quiet">${t.rich("checks.chain", { operator, id: String(chain.id) })}</p>
    <${OwnCheckCard} t=${t} token=${token} caseId=${dispute.case_id} />
  </section>`;
}

/** A button, until it is pressed; then what it loads. */
class OwnCheckCard extends Component {
  constructor(props) {
    super(props);
    this.state = { OwnCheck: null, isBroken: false };
  }

  async load() {
    try {
      const { OwnCheck } = await import("./own_check.js");
      this.setState({ OwnCheck, isBroken: false });
    } catch {
      this.setState({ isBroken: true });
    }
  }

  render({ t, token, caseId }, { OwnCheck, isBroken }) {
    return html`<section class="own" aria-labelledby="own-title">
      <h3 id="own-title">${t.text("own.title")}</h3>
      <p>${t.text("own.intro")}</p>
      ${isBroken && html`<p class="failure" role="alert">${t.text("own.broken")}</p>`}
      ${OwnCheck
        ? html`<${OwnCheck} t=${t} token=${token} caseId=${caseId} />`
        : html`<button type="button" class="button" onClick=${() => this.load()}>${t.text("own.start")}</button>`}
    </section>`;
  }
}

/** The numbered checks with their results; what is said about one that did not pass is English. */
export function CheckList({ t, checks }) {
  return html`<ol class="check-list">
    ${checks.map(
      (check) => html`<li class="check" key=${check.number}>
        <span class="check-number" aria-hidden="true">${check.number}</span>
        <h3>${t.text(`check.${check.number}`)}</h3>
        <span class="result result-${check.result}"><${ResultIcon} result=${check.result} />${t.text(`result.${check.result}`)}</span>
        <div class="check-words">
          ${check.result !== "pass" && check.detail && html`<p class="check-detail" lang="en">${check.detail}</p>`}
        </div>
      </li>`,
    )}
  </ol>`;
}

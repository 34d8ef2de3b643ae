// "Check it yourself": this browser fetches the evidence and recomputes every check. It asks no chain: on a page where keys
// are opened, no other host is spoken to. Loaded when it is asked for.
import { request } from "../shared/api.js";
import { Component, html } from "../shared/dom.js";
import { ResultIcon } from "../status/bits.js";
import { InvalidInput } from "../verify/errors.js";
import { verifyBundle } from "../verify/verification.js";
import { CheckList } from "./checks.js";

const KEPT_MS = 60_000; // until the browser has surely taken the file

async function judge({ token, caseId }) {
  const response = await request(`/v1/cases/${caseId}/bundle?reveal=all`, { token });
  const text = await response.text();
  const report = await verifyBundle(text, { chain: null });
  if (report.caseId !== caseId) throw new InvalidInput("The evidence is of another case.", "case_id");
  return { report, text };
}

export class OwnCheck extends Component {
  constructor(props) {
    super(props);
    this.state = { result: null, trouble: null };
  }

  componentDidMount() {
    this.check();
  }

  async check() {
    try {
      this.setState({ result: await judge(this.props) });
    } catch (error) {
      this.setState({ trouble: error instanceof InvalidInput ? "own.trouble.form" : "own.trouble.fetch" });
      if (!(error instanceof InvalidInput || "status" in error)) throw error;
    }
  }

  save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.state.result.text], { type: "application/json" }));
    link.download = `case-${this.props.caseId.slice(2, 10)}.bundle.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
  }

  render({ t }, { result, trouble }) {
    if (trouble) return html`<p class="failure" role="alert">${t.text(trouble)}</p>`;
    if (!result) return html`<p role="status">${t.text("own.busy")}</p>`;
    const { verdict, checks } = result.report;
    const shown = verdict === "failed" ? "failed" : "alone";
    return html`<div class="own-result" role="status">
      <p class="verdict verdict-${shown === "failed" ? "failed" : "verified"}">
        <${ResultIcon} result=${shown === "failed" ? "fail" : "pass"} />
        <span><strong>${t.text(`own.result.${shown}`)}</strong><br />${t.text(`own.result.${shown}.text`)}</span>
      </p>
      <${CheckList} t=${t} checks=${checks.filter(({ number }) => number > 0)} />
      <p><button type="button" class="button" onClick=${() => this.save()}>${t.text("own.save")}</button></p>
    </div>`;
  }
}

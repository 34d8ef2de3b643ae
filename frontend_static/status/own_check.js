// "Check it yourself": the reader's own browser fetches the evidence, judges it, and asks a chain of the reader's choosing.
// Loaded when it is asked for, with all that it needs.
import { request, requestJson } from "../shared/api.js";
import { Component, html } from "../shared/dom.js";
import { chainReader } from "../verify/chain_reader.js";
import { InvalidInput, Unavailable } from "../verify/errors.js";
import {
  contradictions,
  isOtherLog,
  keep,
  keepNode,
  recall,
  recallNode,
  remembering,
  seenIn,
} from "../verify/memory.js";
import { nodeUrl, openRpc } from "../verify/rpc.js";
import { compare } from "../verify/side_by_side.js";
import { verifyBundle } from "../verify/verification.js";
import { Result } from "./own_result.js";

/** The evidence of the link's case, judged: `{ report, text, problems, before }`. Throws what `request` and the checks throw. */
async function judge({ view, token, node }) {
  const response = await request("/v1/status/bundle", { token });
  const text = await response.text();
  const chain = node ? chainReader(openRpc(node)) : null;
  const report = await verifyBundle(text, { chain });
  if (report.caseId !== view.case_id) throw new InvalidInput("The evidence is of another case.", "case_id");
  const before = recall(report.caseId);
  const problems = contradictions(before, report);
  const prove = (first, second) => proveGrowth(token, first, second);
  if (await isOtherLog(before, report, prove)) problems.push({ kind: "log", at: before.at });
  keep(report.caseId, remembering(before, seenIn(report, new Date().toISOString()), problems));
  const lines = report.facts ? compare(view, report) : null;
  return { report, text, problems, before, lines };
}

/** The hashes by which the service shows that its log only grew; none where it says that it cannot. */
async function proveGrowth(token, first, second) {
  try {
    return (await requestJson(`/v1/log/proof/consistency?first=${first}&second=${second}`, { token })).proof;
  } catch (problem) {
    if (problem.isFinal) return [];
    throw problem;
  }
}

/** Which trouble an error is to the reader: a key of the words. */
function troubleOf(error) {
  if (error instanceof Unavailable) return `own.node.${error.code}`;
  if (error instanceof InvalidInput) return "own.trouble.form";
  return error.status === 0 ? "own.trouble.unreachable" : "own.trouble.refused";
}

export class OwnCheck extends Component {
  constructor(props) {
    super(props);
    this.state = { node: recallNode() || props.view.chain.node || "", isBusy: false, trouble: null, result: null };
  }

  componentDidMount() {
    this.check();
  }

  /** The address is kept only once it is one that may be asked. */
  async check() {
    const node = this.state.node.trim();
    this.setState({ isBusy: true, trouble: null });
    try {
      if (node) nodeUrl(node);
      keepNode(node);
      const token = location.hash.slice(1);
      this.setState({ isBusy: false, result: await judge({ view: this.props.view, token, node }) });
    } catch (error) {
      this.setState({ isBusy: false, trouble: troubleOf(error), result: null });
      if (!(error instanceof Unavailable || error instanceof InvalidInput || "status" in error)) throw error;
    }
  }

  render({ t, view }, { node, isBusy, trouble, result }) {
    const submit = (event) => {
      event.preventDefault();
      this.check();
    };
    return html`<form class="own-form" onSubmit=${submit} novalidate>
        <label class="field">
          ${t.text("own.node")}
          <small id="own-node-hint">${t.text("own.node.hint")}</small>
          <input
            type="url"
            inputmode="url"
            autocomplete="off"
            spellcheck=${false}
            placeholder="https://"
            dir="ltr"
            aria-describedby="own-node-hint"
            value=${node}
            onInput=${(event) => this.setState({ node: event.target.value })}
          />
        </label>
        <button type="submit" class="button" disabled=${isBusy}>${t.text(isBusy ? "own.busy" : "own.again")}</button>
      </form>
      <div aria-live="polite">
        ${trouble && html`<p class="failure">${t.text(trouble)}</p>`}
        ${result && html`<${Result} t=${t} view=${view} result=${result} />`}
      </div>`;
  }
}

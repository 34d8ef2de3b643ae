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

const HASH = /^0x[0-9a-f]{64}$/;

/**
 * The evidence of the link's case, judged: `{ report, text, problems, before, lines }`. `blockHash` is of a block that the
 * reader has from elsewhere: `held` is then judged again, since it names that block. Throws what `request` and the checks
 * throw.
 */
async function judge({ view, token, node, blockHash, held }) {
  const text = blockHash ? held : await (await request("/v1/status/bundle", { token })).text();
  const chain = node ? chainReader(openRpc(node), blockHash) : null;
  const report = await verifyBundle(text, { chain, blockHash });
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
  if (error instanceof InvalidInput) return error.field === "own.hash" ? "own.hash.form" : "own.trouble.form";
  return error.status === 0 ? "own.trouble.unreachable" : "own.trouble.refused";
}

export class OwnCheck extends Component {
  constructor(props) {
    super(props);
    const node = recallNode() || props.view.chain.node || "";
    this.state = { node, hash: "", isBusy: false, trouble: null, result: null };
  }

  componentDidMount() {
    this.check();
  }

  /** The address is kept only once it is one that may be asked. */
  async check() {
    const node = this.state.node.trim();
    const held = this.state.result?.text;
    const hash = held ? this.state.hash.trim().toLowerCase() : ""; // it is of the block that this evidence names
    this.setState({ isBusy: true, trouble: null });
    try {
      if (node) nodeUrl(node);
      keepNode(node);
      if (hash && !HASH.test(hash)) throw new InvalidInput("It is no block hash.", "own.hash");
      const asked = { view: this.props.view, token: location.hash.slice(1), node, blockHash: hash || null, held };
      this.setState({ isBusy: false, result: await judge(asked), hash });
    } catch (error) {
      const result = error.field === "own.hash" ? this.state.result : null; // whose evidence the next hash is held to
      this.setState({ isBusy: false, trouble: troubleOf(error), result });
      if (!(error instanceof Unavailable || error instanceof InvalidInput || "status" in error)) throw error;
    }
  }

  render({ t, view }, { node, hash, isBusy, trouble, result }) {
    const submit = (event) => {
      event.preventDefault();
      this.check();
    };
    return html`<form class="own-form" onSubmit=${submit} novalidate>
        <${Field} t=${t} name="own.node" value=${node} type="url" placeholder="https://" onInput=${(event) => this.setState({ node: event.target.value })} />
        ${
          result &&
          html`<${Field} t=${t} name="own.hash" value=${hash} type="text" placeholder="0x" values=${{ block: result.report.reading.evidence.head.block }} onInput=${(event) => this.setState({ hash: event.target.value })} />`
        }
        <button type="submit" class="button" disabled=${isBusy}>${t.text(isBusy ? "own.busy" : "own.again")}</button>
      </form>
      <div aria-live="polite">
        ${trouble && html`<p class="failure">${t.text(trouble)}</p>`}
        ${result && html`<${Result} t=${t} view=${view} result=${result} />`}
      </div>`;
  }
}

/** What the reader may bring from elsewhere. */
function Field({ t, name, values, value, type, placeholder, onInput }) {
  const hint = `${name.replace(".", "-")}-hint`;
  return html`<label class="field">
    ${t.text(name, values)}
    <small id=${hint}>${t.text(`${name}.hint`, values)}</small>
    <input
      type=${type}
      inputmode="url"
      autocomplete="off"
      spellcheck=${false}
      placeholder=${placeholder}
      dir="ltr"
      aria-describedby=${hint}
      value=${value}
      onInput=${onInput}
    />
  </label>`;
}

// What the reader's own check came to: the verdict, what speaks against it, shop and chain side by side, check by check.
import { html } from "../shared/dom.js";
import { Moment, ResultIcon } from "./bits.js";

const VERDICT_RESULTS = { verified: "pass", pending: "pending", failed: "fail" };

export function Result({ t, view, result }) {
  const { report, problems, before, lines } = result;
  const trouble = report.chain.trouble;
  return html`
    ${problems.length > 0 && html`<${Warnings} t=${t} problems=${problems} />`}
    <${Verdict} t=${t} view=${view} report=${report} isContradicted=${problems.length > 0} />
    ${trouble && html`<p class="failure">${t.text(`own.node.${trouble.code}`)}</p>`}
    ${lines ? html`<${SideBySide} t=${t} lines=${lines} />` : html`<p class="own-alone">${t.text("own.alone")}</p>`}
    <${CheckList} t=${t} report=${report} />
    <${Remembered} t=${t} before=${before} />
    <p class="quiet">${t.text("own.honest")}</p>
    <${Save} t=${t} report=${report} text=${result.text} />
  `;
}

/** The reader's own verdict; where the service says another, that is said first. */
function Verdict({ t, view, report, isContradicted }) {
  const verdict = isContradicted ? "failed" : report.verdict;
  const name = `own.verdict.${verdict === "verified" ? restsOn(report) : verdict}`;
  const differs = verdict === "failed" && view.verdict !== "failed";
  return html`<div class="verdict verdict-${verdict}">
    <${ResultIcon} result=${VERDICT_RESULTS[verdict]} />
    <div>
      <p class="verdict-name">${t.text(name)}</p>
      <p>${t.text(`${name}.text`)}</p>
      ${differs && html`<p class="own-differs">${t.text("own.differs")}</p>`}
    </div>
  </div>`;
}

/** Which words a verdict without a fault deserves: a chain was asked, a block's hash from elsewhere proves it, or neither. */
function restsOn({ chain, checks }) {
  if (chain.asked) return "verified";
  const timeline = checks.find(({ number }) => number === 5);
  return timeline.result === "pass" ? "proven" : "alone";
}

/** What this browser saw before and does not see any more: each kind once. */
function Warnings({ t, problems }) {
  const byKind = new Map(problems.map((problem) => [problem.kind, problem]));
  return html`<div class="own-warning" role="alert">
    <p class="verdict-name">${t.text("own.warning")}</p>
    <ul>
      ${[...byKind.values()].map(
        ({ kind, at }) =>
          html`<li key=${kind}>${t.rich(`own.warning.${kind}`, { time: html`<${Moment} t=${t} iso=${at} />` })}</li>`,
      )}
    </ul>
    <p>${t.text("own.warning.do")}</p>
  </div>`;
}

// --- shop and chain ---

function SideBySide({ t, lines }) {
  return html`<section class="own-sides" aria-labelledby="own-sides-title">
    <h3 id="own-sides-title" class="sr-only">${t.text("own.sides")}</h3>
    <p class="own-heads" aria-hidden="true"><span>${t.text("own.shop")}</span><span>${t.text("own.chain")}</span></p>
    <ul>
      <${Line}
        t=${t}
        title=${t.text("own.state")}
        result=${lines.state.result}
        shop=${stateWord(t, lines.state.shop)}
        chain=${stateWord(t, lines.state.chain)}
      />
      ${lines.money.filter(isSaid).map(
        ({ name, shop, chain, currency, result }) =>
          html`<${Line}
            key=${name}
            t=${t}
            title=${t.text(`own.money.${name}`)}
            result=${result}
            shop=${t.money(shop, currency)}
            chain=${t.money(chain, currency)}
          />`,
      )}
      ${lines.records.map((line, at) => html`<${RecordLine} key=${at} t=${t} line=${line} />`)}
    </ul>
  </section>`;
}

/** Zero on both sides says nothing. */
const isSaid = ({ shop, chain }) => Number(shop) !== 0 || Number(chain) !== 0;

function stateWord(t, state) {
  return state === null ? t.text("own.state.none") : t.text(`own.state.${state}`);
}

function RecordLine({ t, line }) {
  const { step, chain, says, result } = line;
  const kind = (chain && chain.kind) ?? step.kind;
  const moment = (iso) => iso && html`<${Moment} t=${t} iso=${iso} />`;
  const shop = step ? (moment(step.recorded_at) ?? t.text(`own.shop.${step.stage}`)) : t.text("own.shop.nothing");
  const values = {
    block: chain?.block ?? "",
    time: chain?.time ? moment(new Date(chain.time * 1000).toISOString()) : "",
  };
  const chainSays = t.rich(`own.chain.${says}`, values);
  return html`<${Line} t=${t} title=${titleOf(t, kind, step)} result=${result} shop=${shop} chain=${chainSays} />`;
}

function titleOf(t, kind, step) {
  const special = `kind.${kind}.${step?.effect ?? (step?.by.key === "contract" ? "contract" : step?.by.role)}`;
  return t.text(t.has(special) ? special : `kind.${kind}`);
}

/** One thing as both say it: the title over two columns, whose heads stand above all. */
function Line({ t, title, result, shop, chain }) {
  return html`<li class="own-line own-line-${result}">
    <p class="own-line-title"><${ResultIcon} result=${result} /> ${title} <span class="sr-only">${t.text(`own.line.${result}`)}</span></p>
    <dl>
      <div><dt class="sr-only">${t.text("own.shop")}</dt><dd>${shop}</dd></div>
      <div><dt class="sr-only">${t.text("own.chain")}</dt><dd>${chain}</dd></div>
    </dl>
  </li>`;
}

// --- the checks ---

function CheckList({ t, report }) {
  return html`<details class="more">
    <summary>${t.text("own.checks")}</summary>
    <ol class="check-list">
      ${report.checks.map((check) => html`<${Check} key=${check.number} t=${t} check=${check} />`)}
    </ol>
    <p class="quiet" lang="en">${report.trust}</p>
  </details>`;
}

function Check({ t, check }) {
  return html`<li class="check">
    <span class="check-number" aria-hidden="true">${check.number}</span>
    <h3>${t.text(`check.${check.number}`)}</h3>
    <span class="result result-${check.result}"><${ResultIcon} result=${check.result} />${t.text(`result.${check.result}`)}</span>
    <div class="check-words"><p lang="en">${check.detail}</p></div>
  </li>`;
}

function Remembered({ t, before }) {
  const time = before && html`<${Moment} t=${t} iso=${before.at} />`;
  return html`<p class="quiet">${before ? t.rich("own.memory", { time }) : t.text("own.memory.first")}</p>`;
}

/** The evidence as a file, for a second opinion from the command line. */
function Save({ t, report, text }) {
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `case-${report.caseId.slice(2, 10)}.bundle.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return html`<p><button type="button" class="button" onClick=${save}>${t.text("own.save")}</button></p>`;
}

// Why this can be believed, and how far: the numbered checks, who runs the chain, and what the return is about.
import { Component, html } from "../shared/dom.js";
import { Hex, Moment, ResultIcon, Row, shopOf, shorten } from "./bits.js";
import { Costs } from "./dispute.js";

const VERDICT_RESULTS = { verified: "pass", pending: "pending", failed: "fail" };

export function Checks({ t, view }) {
  const { verdict, checks } = view;
  return html`<section class="card checks" aria-labelledby="checks-title">
    <h2 id="checks-title" tabindex="-1">${t.text("checks.title")}</h2>
    <div class="verdict verdict-${verdict}">
      <${ResultIcon} result=${VERDICT_RESULTS[verdict]} />
      <div>
        <p class="verdict-name">${t.text(`verdict.${verdict}`)}</p>
        <p>${t.text(`verdict.${verdict}.text`)}</p>
      </div>
    </div>
    <ol class="check-list">
      ${checks.map((check) => html`<${Check} key=${check.number} t=${t} check=${check} />`)}
    </ol>
    <p class="quiet">${t.text("checks.by")}</p>
    <${OwnCheckCard} t=${t} view=${view} />
  </section>`;
}

/** "Check it yourself": a button, until it is pressed; then what it loads. */
class OwnCheckCard extends Component {
  constructor(props) {
    super(props);
    this.state = { OwnCheck: null, words: null, isBroken: false };
  }

  componentDidUpdate({ t }) {
    if (this.state.OwnCheck && t.code !== this.props.t.code) this.load();
  }

  async load() {
    const { code } = this.props.t;
    try {
      const [{ OwnCheck }, words] = await Promise.all([import("./own_check.js"), import(`../i18n/own/${code}.js`)]);
      this.setState({ OwnCheck, words: words.default, isBroken: false });
    } catch {
      this.setState({ isBroken: true });
    }
  }

  render({ t, view }, { OwnCheck, words, isBroken }) {
    const spoken = words && Object.create(t, { table: { value: { ...t.table, ...words } } });
    return html`<section class="own" aria-labelledby="own-title">
      <h2 id="own-title">${t.text("own.title")}</h2>
      <p>${t.text("own.intro")}</p>
      ${isBroken && html`<p class="failure" role="alert">${t.text("own.broken")}</p>`}
      ${OwnCheck
        ? html`<${OwnCheck} t=${spoken} view=${view} />`
        : html`<button type="button" class="button" onClick=${() => this.load()}>${t.text("own.start")}</button>`}
    </section>`;
  }
}

/** The title is the reader's language; what the service adds where a check did not pass is English. */
function Check({ t, check }) {
  const known = t.has(`check.${check.number}`);
  return html`<li class="check">
    <span class="check-number" aria-hidden="true">${check.number}</span>
    <h3>${known ? t.text(`check.${check.number}`) : check.name}</h3>
    <span class="result result-${check.result}">
      <${ResultIcon} result=${check.result} />${t.text(`result.${check.result}`)}
    </span>
    <div class="check-words">
      ${known && html`<p>${t.text(`check.${check.number}.text`)}</p>`}
      ${check.result !== "pass" && check.detail && html`<p class="check-detail" lang="en">${check.detail}</p>`}
    </div>
  </li>`;
}

export function Chain({ t, view }) {
  const { chain } = view;
  const finality = chain.confirmations === 0 ? "chain.confirmations.0" : "chain.confirmations.n";
  return html`<section class="card chain" aria-labelledby="chain-title">
    <h2 id="chain-title">${t.text("chain.title")}</h2>
    <dl class="rows">
      <${Row} term=${t.text("chain.operator")}><bdi>${chain.operator}</bdi><//>
      <${Row} term=${t.text("chain.id")}>${chain.id}<//>
      <${Row} term=${t.text("chain.contract")}><${Hex} value=${chain.contract} whole /><//>
      <${Row} term=${t.text("chain.head")}>${chain.head_block}<//>
      <${Row} term=${t.text("chain.confirmations")}>${t.number(chain.confirmations)}<//>
    </dl>
    <p>${t.text("chain.meaning")}</p>
    <p>${t.text(finality, { count: t.number(chain.confirmations) })}</p>
  </section>`;
}

export function ReturnDetails({ t, view }) {
  const { policy } = view;
  const rules = { title: html`<bdi>${policy.title}</bdi>`, code: html`<bdi class="code">${policy.code}</bdi>`, version: policy.version };
  return html`<section class="card details" aria-labelledby="details-title">
    <h2 id="details-title">${t.text("details.title")}</h2>
    <dl class="rows">
      <${Row} term=${t.text("details.shop")}><bdi>${shopOf(view, t)}</bdi><//>
      <${Row} term=${t.text("details.reference")}><bdi>${view.reference}</bdi><//>
      <${Row} term=${t.text("details.mode")}>${t.text(`details.mode.${view.mode}`)}<//>
      <${Row} term=${t.text("details.rules")}>${t.rich("details.rules.version", rules)}<//>
      <${Row} term=${t.text("details.panel")}><${Arbitrators} t=${t} panel=${view.panel} /><//>
      <${Row} term=${t.text("details.costs")}><${Costs} t=${t} view=${view} /><//>
      <${Row} term=${t.text("details.items")}><${Items} t=${t} items=${view.items} /><//>
    </dl>
  </section>`;
}

/** Whom a dispute would come before: fixed when the return was opened. */
function Arbitrators({ t, panel }) {
  if (!panel) return html`<p>${t.text("details.panel.none")}</p>`;
  const names = ({ arbitrators }) => html`<bdi>${arbitrators.map((each) => each.name ?? shorten(each.address)).join(", ")}</bdi>`;
  return html`<p>${t.rich("details.panel.value", { names: names(panel), threshold: t.number(panel.threshold) })}</p>
    ${panel.appeal && html`<p>${t.rich("details.panel.appeal", { names: names(panel.appeal) })}</p>`}`;
}

function Items({ t, items }) {
  return html`<ul class="items">
    ${items.map(({ description, quantity }, index) => html`<li key=${index}>${t.number(quantity)} × <bdi>${description}</bdi></li>`)}
  </ul>`;
}

export function LinkNote({ t, link }) {
  const scope = link.scopes.some((each) => each !== "status:read") ? "link.acts" : "link.reads";
  const time = html`<${Moment} t=${t} iso=${link.expires_at} />`;
  return html`<footer class="link-note">
    <p>${t.rich("link.expires", { time })} ${t.text(scope)}</p>
  </footer>`;
}

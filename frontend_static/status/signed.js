// What a key is about to sign, in words.
import { html } from "../shared/dom.js";
import { Hex, Moment, Row } from "./bits.js";

/** `words` say the act; `message` is of `messageFor`. */
export function Signed({ t, view, words, message }) {
  return html`<section class="signed" aria-labelledby="signed-title">
    <h3 id="signed-title">${t.text("signed.title")}</h3>
    <p class="act-final">${words}</p>
    <dl class="rows">
      <${Row} term=${t.text("details.reference")}><bdi>${view.reference}</bdi><//>
      <${Row} term=${t.text("signed.until")}><${Moment} t=${t} iso=${message.validUntil} /><//>
      <${Row} term=${t.text("chain.contract")}><${Hex} value=${view.chain.contract} /><//>
      <${Row} term=${t.text("chain.id")}>${view.chain.id}<//>
      <${Row} term=${t.text("signed.digest")}><${Hex} value=${message.digest} whole /><//>
    </dl>
  </section>`;
}

// What both sides put forward. Files stay with their owners: whoever was sent one compares it here with what was recorded.
import { Component, html } from "../shared/dom.js";
import { Hex, Moment } from "../status/bits.js";
import { sha256Bytes, toHex } from "../verify/bytes.js";

const SHOWN = ["image/jpeg", "image/png", "image/gif", "image/webp"];
const BEGINNINGS = {
  "image/jpeg": "0xffd8ff",
  "image/png": "0x89504e470d0a1a0a",
  "image/gif": "0x474946",
  "image/webp": "0x52494646",
  "application/pdf": "0x25504446",
};

export function Evidence({ t, items }) {
  const argued = items.filter((item) => item.text || item.attachments.length || item.share !== null);
  return html`<section class="card evidence" aria-labelledby="evidence-title">
    <h2 id="evidence-title">${t.text("evidence.title")}</h2>
    ${!argued.length && html`<p class="quiet">${t.text("evidence.none")}</p>`}
    <ol>
      ${argued.map((item) => html`<${Item} key=${item.record_id} t=${t} item=${item} />`)}
    </ol>
  </section>`;
}

function Item({ t, item }) {
  const { role, kind } = item;
  const special = `kind.${kind}.${role}`;
  return html`<li class="exhibit exhibit-${role}">
    <h3>${t.text(t.has(special) ? special : `kind.${kind}`)} <span class="side">${t.text(`role.${role}`)}</span></h3>
    ${item.text && html`<blockquote class="step-words" dir="auto">${item.text}</blockquote>`}
    ${item.share !== null && html`<p>${t.text(kind === "inspected" ? "evidence.proposes" : "evidence.asks", { percent: t.percent(item.share) })}</p>`}
    ${item.attachments.map((file) => html`<${File} key=${file.sha256} t=${t} file=${file} />`)}
    <p class="quiet">
      ${t.text("timeline.claimed")}: <${Moment} t=${t} iso=${item.occurred_at} />${" "}
      <span class="stage stage-${item.stage}">${t.text(`stage.${item.stage}`)}</span>${" "}
      <${Hex} value=${item.commitment} />
    </p>
  </li>`;
}

/** One file that a side named: its fingerprint, and the comparison with a file that the arbitrator was sent. */
class File extends Component {
  constructor(props) {
    super(props);
    this.state = { found: null };
  }

  componentWillUnmount() {
    this.release();
  }

  release() {
    if (this.state.found?.url) URL.revokeObjectURL(this.state.found.url);
  }

  /** A file that is another one is neither shown nor kept. */
  async compare(chosen) {
    this.release();
    if (!chosen) return this.setState({ found: null });
    const { sha256, media_type: type } = this.props.file;
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    const isSame = toHex(sha256Bytes(bytes)) === `0x${sha256}`;
    const begins = BEGINNINGS[type];
    const fits = begins === undefined ? null : toHex(bytes.slice(0, begins.length / 2 - 1)) === begins;
    const url = isSame ? URL.createObjectURL(new Blob([bytes], { type: fits ? type : "application/octet-stream" })) : null;
    return this.setState({ found: { isSame, size: bytes.length, fits, url } });
  }

  render({ t, file }, { found }) {
    const name = file.name ?? t.text("evidence.file.nameless");
    return html`<div class="file">
      <p><bdi class="file-name">${name}</bdi> <span class="quiet" dir="ltr">${file.media_type}</span></p>
      <p class="quiet">SHA-256 <${Hex} value=${file.sha256} whole /></p>
      <label class="field">
        <span>${t.text("evidence.file.compare")}</span>
        <input type="file" aria-label=${`${t.text("evidence.file.compare")} ${name}`} onChange=${(event) => this.compare(event.target.files[0])} />
      </label>
      <div role="status">${found && html`<${Comparison} t=${t} file=${file} name=${name} found=${found} />`}</div>
    </div>`;
  }
}

function Comparison({ t, file, name, found }) {
  if (!found.isSame) return html`<p class="failure">${t.text("evidence.file.other")}</p>`;
  const isShown = found.fits && SHOWN.includes(file.media_type);
  const fits = found.fits === null ? "unknown" : found.fits ? "fits" : "odd";
  return html`<ul class="findings">
      <li class="result-pass">${t.text("evidence.file.same")}</li>
      <li>${t.text("evidence.file.size", { size: t.number(found.size) })}</li>
      <li class=${fits === "odd" ? "result-fail" : ""}>${t.text(`evidence.file.type.${fits}`)}</li>
    </ul>
    ${isShown && html`<img src=${found.url} alt=${t.text("evidence.file.image", { name })} />`}
    <p><a class="button" href=${found.url} download=${name}>${t.text("evidence.file.save")}</a></p>`;
}

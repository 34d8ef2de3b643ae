// The field for files: it looks at each file as it is chosen, and says what is wrong with it or what it gives away.
import { Component, html } from "../shared/dom.js";
import { lookAt } from "./files.js";

export class FilesField extends Component {
  constructor(props) {
    super(props);
    this.state = { seen: [] };
  }

  async look({ target }) {
    const files = Array.from(target.files);
    const seen = await Promise.all(files.map(async (file) => ({ name: file.name, what: await lookAt(file) })));
    const wrong = seen.find(({ what }) => what === "large" || what === "other");
    target.setCustomValidity(wrong ? this.said(wrong) : "");
    this.setState({ seen: seen.filter(({ what }) => what) });
  }

  said({ name, what }) {
    return this.props.t.text(`field.files.${what}`, { name });
  }

  render({ t }, { seen }) {
    return html`<label class="field">
        <span>${t.text("field.files")}</span>
        <input name="files" type="file" multiple onChange=${(event) => this.look(event)} />
        <small>${t.text("field.files.note")}</small>
      </label>
      <div role="status">${seen.map((each, index) => html`<p key=${index} class="notice">${this.said(each)}</p>`)}</div>`;
  }
}

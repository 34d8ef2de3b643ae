// The one place that names the page libraries. Full paths, because a strict CSP leaves no room for an import map.
import { h, render } from "/lib/preact/dist/preact.mjs";
import htm from "/lib/htm/dist/htm.mjs";

/** Tagged template to virtual nodes. Text always becomes text nodes, so nothing a party wrote can become markup. */
export const html = htm.bind(h);

export { render };

// The one place that names the page libraries. Full paths: only the status page has an import map, for what its checks
// load when they are asked for.
import { Component, h, render } from "/lib/preact/dist/preact.mjs";
import htm from "/lib/htm/dist/htm.mjs";

/** Tagged template to virtual nodes. Text always becomes text nodes, so nothing a party wrote can become markup. */
export const html = htm.bind(h);

export { Component, render };

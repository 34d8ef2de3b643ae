// The console's words: those of the status page, which its timeline and checks are made of, with the console's own laid
// over them, since here "you" is the arbitrator.
import { translator } from "../shared/i18n.js";

/** The translator of a language. */
export async function speakerOf(code, wishes) {
  const t = translator(code, wishes);
  const { default: words } = await import(`./i18n/${code}.js`);
  return Object.create(t, { table: { value: { ...t.table, ...words } } });
}

// What stays readable without a network: the page's own files, and the last answer. The answer is kept under a key that is
// made of the link's token, so that nobody reads it who does not have the link.
const FILES = "return-page";
const ANSWERS = "return-answers";
const OURS = /^\/(?:static|lib)\//;
const WORDS = new TextEncoder();

/** Keeps the page's files, and has the browser fall back on them. Once the page says something, so nothing waits for it. */
export async function keepPage() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("/worker.js", { scope: "/s" });
    const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
    const ours = loaded.filter(({ origin, pathname }) => origin === location.origin && OURS.test(pathname));
    const files = await caches.open(FILES);
    const keep = (path) => files.add(new Request(path, { cache: "force-cache", credentials: "omit" }));
    await Promise.all([...new Set(ours.map(({ pathname }) => pathname))].map(keep));
    await keep("/s"); // last: where it is, all that it needs is
  } catch {
    // browsers that keep nothing
  }
}

/** Keeps an answer in the place of the one before. */
export async function keepAnswer(token, view) {
  await withAnswers(token, async (answers, name, key) => {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, WORDS.encode(JSON.stringify(view)));
    await answers.put(name, new Response(new Blob([iv, sealed])));
  });
}

/** The answer that was kept, without what only works with a network; null for none, and for a link that is over. */
export function keptAnswer(token) {
  return withAnswers(token, async (answers, name, key) => {
    const kept = await answers.match(name);
    if (!kept) return null;
    const bytes = new Uint8Array(await kept.arrayBuffer());
    const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.slice(0, 12) }, key, bytes.slice(12));
    const view = JSON.parse(new TextDecoder().decode(opened));
    if (Date.parse(view.link.expires_at) <= Date.now()) return (await answers.delete(name)) && null;
    return { ...view, next: { ...view.next, acts: [], limits: {} }, link: { ...view.link, signs: {} } };
  });
}

export async function dropAnswer(token) {
  await withAnswers(token, (answers, name) => answers.delete(name));
}

/** Null where the browser keeps nothing. */
async function withAnswers(token, use) {
  try {
    const digest = async (text) => crypto.subtle.digest("SHA-256", WORDS.encode(text));
    const key = await crypto.subtle.importKey("raw", await digest(`key ${token}`), "AES-GCM", false, ["encrypt", "decrypt"]);
    const name = Array.from(new Uint8Array(await digest(`name ${token}`)), (byte) => byte.toString(16)).join("");
    return await use(await caches.open(ANSWERS), `/kept/${name}`, key);
  } catch {
    return null;
  }
}

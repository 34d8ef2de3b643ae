// Keys that this browser keeps, each sealed under a key of the browser's own that no page can read out (WebCrypto).
const [NAME, STORE] = ["consumer-keys", "keys"];

/** Keeps a private key. A browser that keeps nothing is no trouble: the file is the way back. */
export async function keepKey(address, secret) {
  try {
    const wrapping = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, wrapping, secret);
    await inStore("readwrite", (store) => store.put({ address, wrapping, iv, sealed }));
  } catch {
    // private windows and full storages
  }
}

/** The private key of an address; null where this browser has none. */
export async function recallKey(address) {
  try {
    const { wrapping, iv, sealed } = await inStore("readonly", (store) => store.get(address));
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, wrapping, sealed));
  } catch {
    return null;
  }
}

export async function forgetKey(address) {
  await inStore("readwrite", (store) => store.delete(address)).catch(() => null);
}

async function inStore(mode, use) {
  const database = await promised(indexedDB.open(NAME, 1), (request) => {
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "address" });
  });
  try {
    return await promised(use(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function promised(request, prepare = () => {}) {
  return new Promise((resolve, reject) => {
    prepare(request);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

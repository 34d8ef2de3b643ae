// Requests to the service, and the ways they fail.

/** Why a request failed. `status` is 0 where the service could not be reached. */
export class Problem extends Error {
  constructor({ status, slug = "", detail = "", remedy = "", retryAfter = null }) {
    super(detail || `HTTP ${status}`);
    Object.assign(this, { status, slug, detail, remedy, retryAfter });
  }

  /** True where asking again cannot help until the person does something. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/** Sends a request, with the bearer token if there is one, and returns the response. Throws Problem. */
export async function request(path, { token, body, key, prefer, method, signal, accept = "application/json" } = {}) {
  const headers = { Accept: accept };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (prefer) headers.Prefer = prefer;
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const options = { headers, signal, method, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" };
  let response;
  try {
    response = await fetch(path, body ? { ...options, method: "POST", body: JSON.stringify(body) } : options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ status: 0 });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** As `request`, and reads the JSON of the answer. */
export async function requestJson(path, options) {
  const response = await request(path, options);
  try {
    return await response.json();
  } catch {
    throw new Problem({ status: 0 });
  }
}

async function problemOf(response) {
  let body = {};
  try {
    body = await response.json();
  } catch {
    // A proxy's own error page is no JSON; the status code says enough.
  }
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new Problem({
    status: response.status,
    slug: String(body.type ?? "").split(/[/:]/).pop(),
    detail: body.detail,
    remedy: body.remedy,
    retryAfter: Number.isNaN(seconds) ? null : seconds,
  });
}

/** A fresh Idempotency-Key. (`randomUUID` exists on secure origins only; a shop may try this over plain HTTP.) */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// RLP (Ethereum Yellow Paper, appendix B), read strictly: bytes and lists of them, with one way to write each.
const SHORT = 55; // bytes whose length stands in the first byte
const [BYTES, LIST] = [0x80, 0xc0];

/** The one item that these bytes are: bytes, or a list of items. Throws RangeError for anything else. */
export function decodeRlp(data, depth = 16) {
  const { item, end } = read(data, 0, data.length, depth);
  if (end !== data.length) throw new RangeError("there are bytes after the RLP item");
  return item;
}

/** How many bytes an item takes. */
export function sizeOf(item) {
  if (!Array.isArray(item) && item.length === 1 && item[0] < BYTES) return 1;
  const payload = Array.isArray(item) ? item.reduce((sum, inner) => sum + sizeOf(inner), 0) : item.length;
  return 1 + payload + (payload > SHORT ? Math.ceil(payload.toString(16).length / 2) : 0);
}

/** A whole number, as BigInt. Throws RangeError for what is none in its one form. */
export function numberOfRlp(item) {
  if (Array.isArray(item) || item[0] === 0) throw new RangeError("an RLP number is bytes without leading zeros");
  return bigOf(item);
}

const bigOf = (bytes) => bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** The item that begins at `at`, and where it ends; nothing of it reaches beyond `limit`. */
function read(data, at, limit, depth) {
  if (at >= limit) throw new RangeError("the RLP item is cut off");
  const first = data[at];
  if (first < BYTES) return { item: data.slice(at, at + 1), end: at + 1 };
  const base = first < LIST ? BYTES : LIST;
  const { start, end } = spanOf(data, at, first - base, limit);
  if (base === LIST) return { item: readItems(data, start, end, depth), end };
  if (end - start === 1 && data[start] < BYTES) throw new RangeError("a small byte is its own RLP item");
  return { item: data.slice(start, end), end };
}

function readItems(data, start, end, depth) {
  if (depth === 0) throw new RangeError("RLP lists are nested too deep");
  const items = [];
  let at = start;
  while (at < end) {
    const found = read(data, at, end, depth - 1);
    items.push(found.item);
    at = found.end;
  }
  return items;
}

/** Where an item's payload begins and ends. */
function spanOf(data, at, size, limit) {
  let [start, length] = [at + 1, size];
  if (size > SHORT) {
    start += size - SHORT;
    const written = data.slice(at + 1, Math.min(start, limit));
    length = Number(bigOf(written));
    if (written.length !== size - SHORT || written[0] === 0 || length <= SHORT)
      throw new RangeError("an RLP length is not in its one form");
  }
  if (start + length > limit) throw new RangeError("the RLP item is cut off");
  return { start, end: start + length };
}

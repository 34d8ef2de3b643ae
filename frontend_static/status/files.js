// Files that stay with their owner: what they are by their content, whether they tell a place, and their fingerprints.

export const MOST_BYTES = 25 * 1024 * 1024;
const UNKNOWN = "application/octet-stream";
const text = (words) => Array.from(words, (sign) => sign.charCodeAt(0));
// What a file begins with: its kind, the place of its mark, and the mark.
const MARKS = [
  ["image/jpeg", 0, [0xff, 0xd8, 0xff]],
  ["image/png", 0, [0x89, ...text("PNG")]],
  ["image/webp", 8, text("WEBP")],
  ["image/gif", 0, text("GIF8")],
  ["image/heic", 4, text("ftyphei")],
  ["image/heic", 4, text("ftypmif1")],
  ["image/avif", 4, text("ftypavif")],
  ["video/mp4", 4, text("ftypisom")],
  ["video/mp4", 4, text("ftypmp4")],
  ["application/pdf", 0, text("%PDF-")],
];
const GPS = 0x8825; // the tag of TIFF and Exif that leads to a place
const MOST_TAGS = 200;

/** `{ name, media_type, sha256 }` of each file. The library is loaded when there is a file to read. */
export async function attachmentsOf(files) {
  const chosen = files.filter((file) => file instanceof File && file.name);
  if (!chosen.length) return [];
  const { sha256 } = await import("/lib/@noble/hashes/sha2.js");
  return Promise.all(
    chosen.map(async (file) => {
      const bytes = await bytesOf(file);
      return { name: file.name.slice(0, 120), media_type: kindOf(bytes, file), sha256: hex(sha256(bytes)) };
    }),
  );
}

/** What is wrong with a file or to be known of it: "large", "other" (no picture, though it is called one), "place" or null. */
export async function lookAt(file) {
  if (file.size > MOST_BYTES) return "large";
  const bytes = await bytesOf(file);
  const seen = markOf(bytes);
  if (file.type.startsWith("image/") && !seen?.startsWith("image/")) return "other";
  return hasPlace(bytes) ? "place" : null;
}

/** By its content; where that says nothing, as it is called, but for a picture. */
function kindOf(bytes, { type }) {
  return markOf(bytes) ?? (type && !type.startsWith("image/") ? type : UNKNOWN);
}

function markOf(bytes) {
  return MARKS.find(([, at, mark]) => mark.every((byte, index) => bytes[at + index] === byte))?.[0];
}

/** Whether Exif data in it name a place (GPS), wherever its format keeps them: they are TIFF, which is found by its mark. */
function hasPlace(bytes) {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 < bytes.length; at += 1) {
    const isLittle = bytes[at] === 0x49 && bytes[at + 1] === 0x49 && bytes[at + 2] === 42 && bytes[at + 3] === 0;
    const isBig = bytes[at] === 0x4d && bytes[at + 1] === 0x4d && bytes[at + 2] === 0 && bytes[at + 3] === 42;
    if ((isLittle || isBig) && tagsAt(view, at, isLittle).includes(GPS)) return true;
  }
  return false;
}

function tagsAt(view, start, isLittle) {
  const first = start + view.getUint32(start + 4, isLittle);
  if (first + 2 > view.byteLength) return [];
  const count = view.getUint16(first, isLittle);
  if (count > MOST_TAGS || first + 2 + 12 * count > view.byteLength) return [];
  return Array.from({ length: count }, (_, index) => view.getUint16(first + 2 + 12 * index, isLittle));
}

async function bytesOf(file) {
  return new Uint8Array(await file.arrayBuffer());
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

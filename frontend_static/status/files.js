// The fingerprints of files that stay with their owner.

/** `{ name, media_type, sha256 }` of each file. The library is loaded when there is a file to read. */
export async function attachmentsOf(files) {
  const chosen = files.filter((file) => file instanceof File && file.name);
  if (!chosen.length) return [];
  const { sha256 } = await import("/lib/@noble/hashes/sha2.js");
  return Promise.all(
    chosen.map(async (file) => ({
      name: file.name.slice(0, 120),
      media_type: file.type || "application/octet-stream",
      sha256: hex(sha256(new Uint8Array(await file.arrayBuffer()))),
    })),
  );
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

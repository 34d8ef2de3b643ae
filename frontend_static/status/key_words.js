// What went wrong with a key, in the page's words.
const TROUBLES = {
  password: "key.wrong",
  form: "key.no_file",
  heavy: "key.heavy",
  insecure: "key.insecure",
  chain: "key.chain",
  differ: "key.differ",
};

/** A key of the catalogue for what a file, a wallet or a signature failed by; `{id}` in it is the chain's. */
export function troubleOf(error) {
  return TROUBLES[error.code] ?? (typeof error.code === "number" ? "key.refused" : "act.failed"); // EIP-1193 has numbers
}

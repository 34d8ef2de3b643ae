// Wallets that this browser has (EIP-6963, and what was before it).

/** Calls `onFound({ name, provider })` for each wallet of this browser, now and when one comes later. */
export function discoverWallets(onFound) {
  const found = new Set();
  window.addEventListener("eip6963:announceProvider", ({ detail }) => {
    if (found.has(detail.info.uuid)) return;
    found.add(detail.info.uuid);
    onFound({ name: String(detail.info.name), provider: detail.provider });
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  if (!found.size && window.ethereum) onFound({ name: null, provider: window.ethereum });
}

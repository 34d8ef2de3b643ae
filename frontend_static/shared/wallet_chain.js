// A wallet signs typed data for the chain that it is on, and refuses others with no word on what to do.
import { KeyTrouble } from "./trouble.js";

/** Has a wallet (EIP-1193) go to the chain that is signed for (EIP-3326). Throws KeyTrouble if it stays elsewhere. */
export async function requireChain(wallet, id) {
  const isThere = async () => Number(await wallet.request({ method: "eth_chainId" })) === id;
  if (await isThere()) return;
  const params = [{ chainId: `0x${id.toString(16)}` }];
  await wallet.request({ method: "wallet_switchEthereumChain", params }).catch(() => null);
  if (!(await isThere())) throw new KeyTrouble("chain");
}

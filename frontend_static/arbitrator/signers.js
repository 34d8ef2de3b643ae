// Who signs: a key out of a keystore file, in this page's memory, or a wallet in the browser (EIP-1193, EIP-6963).
// A signer is `{ address, isWallet, signMessage(text), signTypedData(typedData, digest) }`.
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { KeyTrouble } from "../shared/trouble.js";
import { requireChain } from "../shared/wallet_chain.js";
import { checksumAddress, concatHex, fromHex, keccak, toHex, utf8 } from "../verify/bytes.js";
import { recoverSigner } from "../verify/signatures.js";

const OFFSET = 27; // of the recovery id in Ethereum's signatures

/** Signs with 32 bytes that nothing else holds. */
export function keySigner(secret) {
  const point = secp256k1.getPublicKey(secret, false);
  const address = checksumAddress(`0x${keccak(point.slice(1)).slice(26)}`);
  const sign = (digest) => {
    const bytes = secp256k1.sign(fromHex(digest), secret, { prehash: false, format: "recovered" });
    return toHex(Uint8Array.from([...bytes.slice(1), bytes[0] + OFFSET]));
  };
  return {
    address,
    isWallet: false,
    signMessage: async (text) => sign(messageDigest(text)),
    signTypedData: async (_, digest) => sign(digest),
    forget: () => secret.fill(0),
  };
}

/** The digest of a text as wallets sign it (EIP-191, version 0x45). */
function messageDigest(text) {
  const bytes = utf8(text);
  return keccak(concatHex(toHex(utf8(`\x19Ethereum Signed Message:\n${bytes.length}`)), toHex(bytes)));
}

/** Asks a wallet for its account. Throws what the wallet throws. */
export async function walletSigner(provider) {
  const [account] = await provider.request({ method: "eth_requestAccounts" });
  const address = checksumAddress(account);
  return {
    address,
    isWallet: true,
    async signMessage(text) {
      const signature = await provider.request({ method: "personal_sign", params: [toHex(utf8(text)), address] });
      return checked(messageDigest(text), signature, address);
    },
    async signTypedData(typedData, digest) {
      await requireChain(provider, typedData.domain.chainId);
      const params = [address, JSON.stringify(typedData)];
      return checked(digest, await provider.request({ method: "eth_signTypedData_v4", params }), address);
    },
    forget() {},
  };
}

function checked(digest, signature, address) {
  if (recoverSigner(digest, signature) !== address) throw new KeyTrouble("other_account");
  return signature;
}

// Signs EIP-712 typed data from stdin with ethers: an implementation that shares no line with ours.
// usage: node sign_with_ethers.mjs PRIVATE_KEY < typed-data.json   prints {"address", "signature"}
import { readFileSync } from "node:fs";
import { Wallet } from "ethers";

const { types, domain, message } = JSON.parse(readFileSync(0, "utf8"));
delete types.EIP712Domain; // ethers adds it by itself
const wallet = new Wallet(process.argv[2]);
const signature = await wallet.signTypedData(domain, types, message);
console.log(JSON.stringify({ address: wallet.address, signature }));

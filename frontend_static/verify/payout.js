// How a lock is shared out.
import { FULL_SHARE } from "./vocabulary.js";

const FULL = BigInt(FULL_SHARE);
const least = (...values) => values.reduce((one, other) => (other < one ? other : one));

/** `{ toConsumer, toMerchant, toPanel }` in minor units; amounts are BigInt, `share` and `fee` basis points. */
export function splitLock({
  refund,
  freight,
  reserve,
  share,
  fee,
  freightToConsumer,
  fees = 0n,
  feesFromConsumer = 0n,
}) {
  let forConsumer = refund - (refund * (FULL - BigInt(share))) / FULL;
  forConsumer -= least(forConsumer, (refund * BigInt(fee)) / FULL);
  if (freightToConsumer) forConsumer += freight;
  const fromConsumer = least(forConsumer, fees, feesFromConsumer);
  const toPanel = least(fees, reserve + fromConsumer);
  const toConsumer = forConsumer - fromConsumer;
  return { toConsumer, toMerchant: refund + freight + reserve - toConsumer - toPanel, toPanel };
}

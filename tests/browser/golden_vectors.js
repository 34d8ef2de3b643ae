// Makes what tests/vectors/golden.json fixes, with the page's modules. Evaluated in the browser.
async ({ golden, policies }) => {
  const at = (name) => import(`/static/verify/${name}.js`);
  const { recordOf, readDisclosure } = await at("records");
  const messages = await at("messages");
  const { actHash, digestOf, openingHash, partiesId, readTerms, separator, structHash, termsHash } = messages;
  const { chainHeads, packEntry, unpackEntry } = await at("entry");
  const { ballotOf } = await at("panels");
  const { parsePolicy, policyId } = await at("policies");
  const { Kind, Role, numberOf } = await at("vocabulary");
  const { ZERO_ADDRESS } = await at("bytes");
  const { TABLES } = await at("tables");
  const hex = (first) =>
    "0x" + Array.from({ length: 32 }, (_, n) => (first + n).toString(16).padStart(2, "0")).join("");
  const [caseId, commitment, validUntil] = [hex(0), hex(32), 1800000000];
  const [ledger, escrow] = ["0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"];
  const [panel, consumer] = [
    "0xE57bFE9F44b819898F47BF37E5AF72a0783e1141",
    "0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69",
  ];
  const domain = separator(31337, ledger);
  const acts = Object.keys(golden.messages.acts).map((wire) => {
    const [kind, inspected] = [numberOf("Kind", wire), wire === "inspected"];
    const share = TABLES.signs_share.includes(wire) ? 7500 : 0;
    const values = {
      grade: inspected ? 3 : 0,
      share,
      fee: inspected ? 150 : 0,
      key: kind === Kind.KEY_BOUND ? ledger : ZERO_ADDRESS,
    };
    const act = {
      caseId,
      kind,
      role: inspected ? Role.INSPECTOR : Role.MERCHANT,
      nonce: 7,
      validUntil,
      commitment,
      ...values,
    };
    return [wire, digestOf(domain, actHash(act))];
  });
  const terms = readTerms(golden.messages.terms);
  const votes = new Map([
    [ledger, 7500],
    [consumer, 0],
    [escrow, 10000],
  ]);
  const vote = structHash("Vote", { caseId, round: 2, share: 7500, validUntil, commitment });
  const [first, second] = golden.chain.entries;
  const links = [
    { actor: consumer, commitment, entry: first },
    { actor: ledger, commitment: caseId, entry: second },
  ];
  return {
    record: recordOf(golden.record.canonical).commitment,
    disclosure: readDisclosure(golden.record.disclosure.encoded).digest,
    domains: {
      ledger: domain,
      escrow: separator(31337, escrow, "RefundEscrow"),
      panel: separator(31337, panel, "ArbitrationPanel"),
    },
    parties: partiesId({ merchant: ledger, carrier: escrow, warehouse: escrow, inspector: ledger }),
    case_id: termsHash(terms),
    open: digestOf(domain, openingHash({ terms, commitment, validUntil })),
    acts: Object.fromEntries(acts),
    vote: digestOf(separator(31337, panel, "ArbitrationPanel"), vote),
    document: recordOf(golden.votes.canonical).commitment,
    ballot: ballotOf({ arbitrators: [ledger, escrow, consumer] }, votes),
    entries: golden.chain.entries.map((entry) => packEntry(unpackEntry(entry))),
    head: chainHeads(caseId, links),
    policies: Object.fromEntries(
      Object.entries(policies).map(([name, document]) => [name, policyId(parsePolicy(document))]),
    ),
  };
};

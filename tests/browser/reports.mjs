// What node and browser share in judging bundles for the tests: a chain that was asked before, and reports to compare.

/** A chain whose answers Python wrote down; null for none. `facts.down` is one that does not answer. */
export function answered(facts, Unavailable) {
  if (facts === null) return null;
  const ask = (answer) => {
    if (facts.down) throw new Unavailable("The chain is asleep.");
    return answer();
  };
  return {
    facts: async () => ask(() => factsOf(facts)),
    acceptsSignature: async (account) => ask(() => facts.accounts.includes(account)),
  };
}

function factsOf(facts) {
  const { lock, events } = facts;
  const amounts = (args) => Object.fromEntries(Object.entries(args).map(([name, value]) => [name, bigOf(name, value)]));
  return {
    ...facts,
    blocks: new Map(facts.blocks.map((block) => [block.number, block])),
    panels: facts.panels && new Map(facts.panels),
    lock: lock && { ...amounts(lock), settled: lock.settled },
    events: events && { ...events, escrow: events.escrow.map((event) => ({ ...event, args: amounts(event.args) })) },
  };
}

const bigOf = (name, value) => (Number.isInteger(value) && name !== "effectiveAt" ? BigInt(value) : value);

/** A report in Python's words. */
export function plainReport({ verdict, checks, rows, trust }) {
  const plain = (each) => ({ number: each.number, result: each.result, detail: each.detail });
  const records = rows.map(({ recordId, position, kind, stage, result, checks: own }) => ({
    record_id: recordId,
    position,
    kind,
    stage,
    result,
    checks: own.map(plain),
  }));
  return { verdict, trust, checks: checks.map(plain), records };
}

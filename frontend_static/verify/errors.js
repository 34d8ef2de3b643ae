// The two ways in which evidence can be wrong, and the one in which a chain can be silent.

/** What a rule of the case forbids. `message` says what in words. */
export class LedgerError extends Error {}

/** A value that is not in its form. `field` is its path. */
export class InvalidInput extends LedgerError {
  constructor(message, field = "") {
    super(message);
    this.field = field;
  }
}

/** A chain that does not answer, or not as a chain does. `code` picks the words of the page. */
export class Unavailable extends LedgerError {
  constructor(message, code = "silent") {
    super(message);
    this.code = code;
  }
}

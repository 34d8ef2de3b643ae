/** Why a key could not be used: `code` ends a key of the catalogue, `key.trouble.…`. */
export class KeyTrouble extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

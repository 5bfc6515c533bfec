/** The byte strings of CPace (draft-irtf-cfrg-cpace, section 6 "Notation" and its appendix). */

/** LEB128 of a length: 7 bits a byte, the least significant first. */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push(0x80 | (rest & 0x7f));
    rest >>>= 7;
  }
  return [...bytes, rest];
}

/** Each string behind its length, joined: `lv_cat` of the draft. */
export function lengthValue(...strings: readonly Uint8Array[]): Uint8Array {
  return join(...strings.flatMap((string) => [Uint8Array.from(leb128(string.length)), string]));
}

/** The strings joined. */
export function join(...strings: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(strings.reduce((length, string) => length + string.length, 0));
  let at = 0;
  for (const string of strings) {
    joined.set(string, at);
    at += string.length;
  }
  return joined;
}

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What the generator is hashed from. */
export interface GeneratorInput {
  /** The name of the group environment. */
  readonly domain: Uint8Array;
  readonly password: Uint8Array;
  readonly channelId: Uint8Array;
  readonly sessionId: Uint8Array;
}

/**
 * `generator_string` of the draft. Zeros fill the hash's first block, so that the work of that block does not depend on
 * the length of a short password.
 */
export function generatorString(input: GeneratorInput, blockBytes: number): Uint8Array {
  const { domain, password, channelId, sessionId } = input;
  const used = lengthValue(domain, password).length + 1;
  const padding = new Uint8Array(Math.max(0, blockBytes - used));
  return lengthValue(domain, password, padding, channelId, sessionId);
}

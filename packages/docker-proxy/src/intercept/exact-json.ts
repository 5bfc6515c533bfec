/**
 * JSON that keeps numbers as they were written. Docker's API has 64-bit numbers (memory limits, sizes), which JavaScript
 * would round: a request that passes through must not come out with other limits.
 */

/** Marks a number kept as text; no key or value of Docker's contains NUL. */
const mark = "\u0000#";
/** Strings first, so that digits within them are left alone. */
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** As `JSON.parse`; numbers that would change come as marked strings. @throws SyntaxError */
export function parseExact(text: string): unknown {
  // Refuses what is no JSON before anything is replaced in it.
  JSON.parse(text);
  const kept = text.replace(tokens, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : JSON.stringify(`${mark}${token}`),
  );
  return JSON.parse(kept);
}

/** The text of a value from {@link parseExact}. */
export function writeExact(value: unknown): string {
  return JSON.stringify(value).replace(/"\\u0000#([^"]*)"/g, "$1");
}

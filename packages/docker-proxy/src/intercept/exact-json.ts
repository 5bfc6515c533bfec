/**
 * JSON that keeps numbers as they were written. Docker's API has 64-bit numbers (memory limits, sizes), which JavaScript
 * would round: a request that passes through must not come out with other limits.
 */

/** Marks a number kept as text; no key or value of Docker's contains NUL. */
const mark = "\u0000#";
/** What a number is followed or preceded by never matters here: the text is valid JSON already. */
const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** As `JSON.parse`; numbers that would change come as marked strings. @throws SyntaxError */
export function parseExact(text: string): unknown {
  // Refuses what is no JSON before anything is replaced in it.
  JSON.parse(text);
  return JSON.parse(markNumbers(text));
}

/** Marks the numbers outside strings. A loop and not one pattern, because a pattern overflows its stack on a string of megabytes. */
function markNumbers(text: string): string {
  const pieces: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const character = text.charCodeAt(at);
    if (character === quote) at = endOfString(text, at);
    else if (character === minus || (character >= zero && character <= nine)) {
      number.lastIndex = at;
      const [found = ""] = number.exec(text) ?? [];
      at += found.length;
      if (String(Number(found)) === found) continue;
      pieces.push(text.slice(copied, at - found.length), JSON.stringify(`${mark}${found}`));
      copied = at;
    } else at++;
  }
  pieces.push(text.slice(copied));
  return pieces.join("");
}

const quote = 0x22;
const minus = 0x2d;
const zero = 0x30;
const nine = 0x39;

/** The position behind the closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return text.length;
}

/** The text of a value from {@link parseExact}. */
export function writeExact(value: unknown): string {
  return JSON.stringify(value).replace(/"\\u0000#([^"]*)"/g, "$1");
}

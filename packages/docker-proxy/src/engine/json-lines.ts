/** Longest line kept, in bytes. An event is below 10 kB; more is no event stream. */
const maxLineBytes = 4 << 20;

/**
 * Cuts a stream of JSON documents, one a line, however the chunks fall; what is no JSON is passed over. The returned function
 * copies what it keeps.
 */
export function createLineReader(onValue: (value: unknown) => void): (chunk: Uint8Array) => void {
  // Bytes, not text: a chunk may end within a character.
  let kept = Buffer.alloc(0);
  return (chunk) => {
    kept = Buffer.concat([kept, chunk]);
    for (let end = kept.indexOf(10); end !== -1; end = kept.indexOf(10)) {
      const line = kept.toString("utf8", 0, end).trim();
      kept = kept.subarray(end + 1);
      if (line === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        continue;
      }
      onValue(value);
    }
    if (kept.length > maxLineBytes) kept = Buffer.alloc(0);
  };
}

/** The code fences of a README, with what a reader is told about each. Shared by `npm run readmes` and test/repo. */

/**
 * @typedef {object} Fence
 * @property {number} line of the opening backquotes, counted from 1
 * @property {string} lang `sh`, `ts`, `json`, ...; empty for a drawing
 * @property {string} code
 * @property {string[]} notes what comments in the lines above say: `<!-- needs root -->` gives `needs root`
 * @property {string | undefined} file the name that the sentence above gives: "`plan.json`:"
 * @property {string | undefined} output what it prints: the `text` fence that follows at once, or after one line
 */

const note = /<!--\s*(.*?)\s*-->/g;
const opening = /^```(\w*)\s*$/;

/** @param {string} readme @returns {Fence[]} */
export function parseFences(readme) {
  const lines = readme.split("\n");
  const fences = [];
  for (let at = 0; at < lines.length; at++) {
    const match = opening.exec(lines[at]);
    if (!match) continue;
    const end = lines.indexOf("```", at + 1);
    if (end === -1) throw new Error(`the fence of line ${at + 1} never ends`);
    const code = `${lines.slice(at + 1, end).join("\n")}\n`;
    fences.push({ line: at + 1, end, lang: match[1], code, ...before(lines, at) });
    at = end;
  }
  return fences.map(({ end, ...fence }, index) => ({ ...fence, output: outputOf(lines, end, fences[index + 1]) }));
}

/** Comments and sentence above a fence. */
function before(lines, at) {
  let first = at;
  while (lines[first - 1]?.startsWith("<!--")) first--;
  const notes = lines.slice(first, at).flatMap((line) => [...line.matchAll(note)].map((match) => match[1]));
  const sentence = lines.slice(0, first).findLast((line) => line.trim() !== "");
  return { notes, file: /`([\w.-]+\.json)`[^`]*:\s*$/.exec(sentence ?? "")?.[1] };
}

/** A `text` fence is output when nothing but one line ("prints:") is between; a heading ends the thought. */
function outputOf(lines, end, next) {
  if (next?.lang !== "text") return;
  const between = lines.slice(end + 1, next.line - 1).filter((line) => line.trim() !== "");
  return between.length === 0 || (between.length === 1 && !between[0].startsWith("#")) ? next.code : undefined;
}

/** Patterns of English that a reader stumbles over, each with a better form. CONTRIBUTING.md explains them. */
export const patterns: readonly { readonly name: string; readonly pattern: RegExp; readonly better: string }[] = [
  {
    name: "is no",
    pattern: /\b(?:is|are|was) no (?!longer\b|more\b|less\b|later\b|doubt\b)/i,
    better: "X is not a valid Y; there is no X",
  },
  {
    name: "of before, of old",
    pattern: /\bof (?:before|old|ours|theirs)\b(?! (?:[a-z]+ )?(?:is|are)\b)/i,
    better: "the previous X; our X",
  },
  { name: "all the same", pattern: /\ball the same\b/i, better: "nevertheless" },
  { name: "told of", pattern: /\b(?:told|tells?|telling|hears?|heard) of\b/i, better: "announced to; learns about" },
  { name: "for ever", pattern: /\bfor ever\b/i, better: "forever; without end" },
  {
    name: "so many",
    pattern: /\b(?:so|as) many (?:as|peers|milliseconds|of)\b|\bso many\b/i,
    better: "this number of",
  },
  { name: "anybody, somebody, nobody", pattern: /\b(?:any|some|no|every)body\b/i, better: "a peer, a user, no peer" },
  {
    name: "headless who",
    pattern: /\b(?:who|whoever) (?:asked|asks|has|knows|sent|gave|wants|waits|reaches|comes)\b/i,
    better: "the requester, the sender",
  },
  {
    name: "headless what",
    pattern: /(?:^|[.;:,] |\/\*\* |\/\/ |\* )What (?:a|an|the|is|was|we|it|they|others|comes|goes|cannot|can)\b/,
    better: "a noun: the result of X, the fields of X",
  },
  { name: "whatever", pattern: /\bwhatever\b/i, better: "any X; regardless of X" },
  {
    name: "takes no notice",
    pattern: /\b(?:takes? no notice|makes? no sense|is of no)\b/i,
    better: "ignores; is invalid",
  },
  {
    name: "as of now",
    pattern: /\bas of now\b|\bof late\b|\bthereof\b|\btherein\b|\bhitherto\b/i,
    better: "now; until now",
  },
];

/** One place that a pattern matches. */
export interface Hit {
  readonly line: number;
  readonly name: string;
  readonly text: string;
}

/** Lines of a text that a pattern matches; `prose` picks what people read from a line of code. */
export function hitsOf(path: string, text: string): Hit[] {
  const prose = path.endsWith(".md") ? (line: string) => line : proseOf;
  return text.split("\n").flatMap((line, index) => {
    const read = prose(line);
    return patterns
      .filter(({ pattern }) => pattern.test(read))
      .map(({ name }) => ({ line: index + 1, name, text: line.trim() }));
  });
}

/** Comments and texts of a line of code. */
function proseOf(line: string): string {
  if (/^\s*(?:\/?\*|\/\/)/.test(line)) return line;
  const texts = [...line.matchAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`?|(?<!:)\/\/.*$/g)];
  const inTemplate = /^[^"'`]*`\s*[,;)]*$/.test(line) ? [line] : [];
  return [...texts.map((match) => match[0]), ...inTemplate].join(" ");
}

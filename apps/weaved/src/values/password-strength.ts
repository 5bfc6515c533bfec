/**
 * Bits of a password below which it is called weak. Whoever dials a peer of protocol version 2 can test guesses offline, a
 * thousand million a second on one graphics card and a million times as many in a data centre: 80 bits outlast both.
 */
export const STRONG_PASSWORD_BITS = 80;

/** Entropy of a letter in a word or a name: people choose among some 10,000 words of about six letters. */
const BITS_OF_WORD_LETTER = 2.2;
const BITS_OF_LETTER_OF_EITHER_CASE = Math.log2(52);
const BITS_OF_DIGIT = Math.log2(10);
const BITS_OF_SYMBOL = Math.log2(33);
/** A year, a date, or a counter: people choose among few. */
const BITS_OF_SHORT_NUMBER = 7;
const SHORT_NUMBER_DIGITS = 4;

/** Runs of letters, runs of digits, and single symbols. */
const PARTS = /[A-Za-z]+|[0-9]+|[^A-Za-z0-9]/gu;
/** A text this long, of so many different characters, and without a run of letters as long as a word, was made at random. */
const RANDOM_LENGTH = 20;
const RANDOM_CHARACTERS = 10;
const WORD_LETTERS = 6;

/**
 * A careful estimate of the bits that an attacker has to guess. A long text without words counts as random over its own
 * characters. Else runs of letters in one case, with or without a capital, count as words; runs of
 * mixed case count as random; repeated parts count once. The estimate is too low for a random text of lower-case
 * letters, and too high for a published phrase, so it serves for a warning and for nothing else.
 */
export function passwordBits(password: string): number {
  return Math.floor(Math.max(bitsOfParts(password), bitsOfRandom(password)));
}

function bitsOfRandom(password: string): number {
  const different = new Set(password).size;
  if (password.length < RANDOM_LENGTH || different < RANDOM_CHARACTERS) return 0;
  const runs = password.match(/[a-z]+/gi) ?? [];
  return runs.some((run) => run.length >= WORD_LETTERS && isOneCase(run))
    ? 0
    : surprises(password) * Math.log2(different);
}

function bitsOfParts(password: string): number {
  const seen = new Set<string>();
  let bits = 0;
  for (const [part] of password.matchAll(PARTS)) {
    const key = part.toLowerCase();
    if (seen.has(key)) continue;
    seen.add(key);
    bits += bitsOf(part);
  }
  return bits;
}

function bitsOf(part: string): number {
  const length = surprises(part);
  if (/^[0-9]/.test(part))
    return part.length <= SHORT_NUMBER_DIGITS
      ? Math.min(BITS_OF_SHORT_NUMBER, length * BITS_OF_DIGIT)
      : length * BITS_OF_DIGIT;
  if (!/^[A-Za-z]/.test(part)) return BITS_OF_SYMBOL;
  return length * (isOneCase(part) ? BITS_OF_WORD_LETTER : BITS_OF_LETTER_OF_EITHER_CASE);
}

/** One case, with or without a capital: what a word looks like. */
function isOneCase(letters: string): boolean {
  return /^(?:[A-Z]?[a-z]*|[A-Z]+)$/.test(letters);
}

/** Characters that do not follow from the one before. Equal or adjacent ones add nothing: "aaaa", "1234", "qrst". */
function surprises(text: string): number {
  const all = [...text];
  return 1 + all.filter((character, at) => at > 0 && !isNext(all[at - 1] as string, character)).length;
}

function isNext(before: string, character: string): boolean {
  const step = (character.codePointAt(0) as number) - (before.codePointAt(0) as number);
  return step === 0 || step === 1 || step === -1;
}

/** What to say about a weak password; undefined for a strong one, or for none. The text holds nothing of the password. */
export function passwordWeakness(password: string | undefined): string | undefined {
  if (password === undefined) return undefined;
  const bits = passwordBits(password);
  if (bits >= STRONG_PASSWORD_BITS) return undefined;
  return `the password looks weak (about ${bits} bits of ${STRONG_PASSWORD_BITS}) and can be guessed offline; make one with: weave password new`;
}

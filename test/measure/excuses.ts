import type { Hit } from "./language.ts";

/** Phrases that a pattern of language matches although they are good English, each with the reason. */
export const excuses: readonly { readonly phrase: RegExp; readonly reason: string }[] = [
  { phrase: /\bthere (?:is|are|was) no\b/i, reason: "'there is no X' is the plain way to say that X does not exist" },
  { phrase: /\bnobody\b(?=.*\b(?:user|group|uid|gid|nogroup)\b)/i, reason: "the Unix user" },
  { phrase: /\b[Aa]nonymous\b.*\bnobody\b/, reason: "the Unix user" },
];

/** Hits that no excuse covers: without the excused phrase the line would not be one. */
export function unexcused<T extends Hit>(hits: readonly T[]): T[] {
  return hits.filter(({ name, text }) => !excuses.some(({ phrase }) => phrase.test(text) && /is no|nobody/.test(name)));
}

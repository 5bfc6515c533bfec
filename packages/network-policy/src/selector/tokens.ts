import { PolicyError, quote } from "../errors.ts";

/** Symbols and words that stand for themselves. */
export type Symbol = "(" | ")" | "{" | "}" | "," | "==" | "!=" | "!" | "&&" | "||" | "all()" | "global()" | "end";
/** Operators that may follow a label. */
export type Word = "contains" | "starts with" | "ends with" | "in" | "not in";

/** A piece of a selector; `at` is the position of its first character. */
export type Token =
  | { readonly kind: Symbol | Word; readonly at: number }
  | { readonly kind: "label" | "value" | "has()"; readonly text: string; readonly at: number };

/** Longest selector. Calico has no limit; a text of this size still parses in well below a millisecond. */
export const LONGEST_SELECTOR = 16_384;

// Each pattern is anchored by the sticky flag and has no nested repetition, so matching is linear.
const BLANK = /[ \t]*/y;
const SYMBOL = /==|!=|&&|\|\||[(){},!]/y;
const VALUE = /"([^"]*)"|'([^']*)'/y;
const WORD = /contains|starts[ \t]*with|ends[ \t]*with|not[ \t]*in|in/y;
const CALL = /(has|all|global)\([ \t]*/y;
const LABEL = /[a-zA-Z0-9_./-]+/y;
const CLOSE = /[ \t]*\)/y;

/**
 * Cuts a selector into tokens, ended by `end`. The grammar is Calico's: only blanks and tabs separate, an operator word
 * is recognised directly after a label, `has(`, `all(`, and `global(` need their parenthesis at once.
 * @throws PolicyError `SELECTOR_INVALID`
 */
export function tokenize(text: string): Token[] {
  if (text.length > LONGEST_SELECTOR) {
    throw invalid(LONGEST_SELECTOR, `a selector is at most ${LONGEST_SELECTOR} characters long`);
  }
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += take(BLANK, text, at)?.[0].length ?? 0;
    if (at >= text.length) return [...tokens, { kind: "end", at }];
    const { token, end } = nextToken(text, at, tokens.at(-1)?.kind === "label");
    tokens.push(token);
    at = end;
  }
}

function nextToken(text: string, at: number, afterLabel: boolean): { readonly token: Token; readonly end: number } {
  const symbol = take(SYMBOL, text, at);
  if (symbol) return { token: { kind: symbol[0] as Symbol, at }, end: at + symbol[0].length };
  const value = take(VALUE, text, at);
  if (value) return { token: { kind: "value", text: value[1] ?? value[2] ?? "", at }, end: at + value[0].length };
  const character = text[at]!;
  if (character === '"' || character === "'") throw invalid(at, `the value has no closing ${character}`);
  if (character === "=" || character === "&" || character === "|")
    throw invalid(at, `expected ${character}${character}`);
  if (afterLabel) {
    const word = take(WORD, text, at);
    if (!word) throw invalid(at, "expected an operator after the label, such as ==, in, or starts with");
    return { token: { kind: wordOf(word[0]), at }, end: at + word[0].length };
  }
  return callOrLabel(text, at);
}

function callOrLabel(text: string, at: number): { readonly token: Token; readonly end: number } {
  const call = take(CALL, text, at);
  const start = at + (call?.[0].length ?? 0);
  const name = call?.[1];
  const label = name === "all" || name === "global" ? undefined : take(LABEL, text, start);
  const end = start + (label?.[0].length ?? 0);
  if (!call) {
    if (!label) throw invalid(at, `unexpected character ${quote(String.fromCodePoint(text.codePointAt(at)!))}`);
    return { token: { kind: "label", text: label[0], at }, end };
  }
  if (name === "has" && !label) throw invalid(start, "expected a label inside has()");
  const close = take(CLOSE, text, end);
  if (!close) throw invalid(end, `expected ) to close ${name}(`);
  const token: Token = label
    ? { kind: "has()", text: label[0], at }
    : { kind: name === "all" ? "all()" : "global()", at };
  return { token, end: end + close[0].length };
}

function wordOf(text: string): Word {
  if (text === "contains" || text === "in") return text;
  return text.startsWith("starts") ? "starts with" : text.startsWith("ends") ? "ends with" : "not in";
}

function take(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** An error that points at a character, counted from 1 for people. */
export function invalid(at: number, what: string): PolicyError {
  return new PolicyError("SELECTOR_INVALID", `character ${at + 1} of the selector: ${what}`, { offset: at });
}

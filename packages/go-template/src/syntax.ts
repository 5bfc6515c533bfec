import { syntaxError } from "./errors.ts";

/**
 * The syntax of Go's text/template, as far as `weave report -f` can use it: one nameless template over data, so `define`,
 * `template` and `block` are refused. Grammar: https://pkg.go.dev/text/template (Actions, Arguments, Pipelines).
 */

export type Operand =
  | { is: "literal"; value: string | number | boolean | null }
  | { is: "dot" }
  | { is: "variable"; name: string }
  | { is: "function"; name: string }
  | { is: "pipeline"; pipeline: Pipeline };
/** An operand with the fields that are taken from it: `.Router.Name`, `$peer.UID`. */
export interface Term {
  operand: Operand;
  fields: string[];
}
/** Terms of one command: the first is called with the others if it is a function. */
export type Command = Term[];
export interface Pipeline {
  /** Variables that receive the value; with `range`, two receive index and element. */
  assign: string[];
  declare: boolean;
  commands: Command[];
}
export type Node =
  | { is: "text"; text: string }
  | { is: "action"; pipeline: Pipeline }
  | { is: "if" | "with" | "range"; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { is: "break" | "continue" };

/** A token of an action. */
export interface Token {
  kind: "string" | "number" | "field" | "variable" | "word" | "symbol";
  text: string;
}

const tokenForms: readonly (readonly [Token["kind"] | "blank", RegExp])[] = [
  ["blank", /^\s+/],
  ["string", /^"(?:[^"\\\n]|\\.)*"|^`[^`]*`/],
  ["number", /^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/],
  ["variable", /^\$[\p{L}_\d]*/u],
  ["field", /^\.[\p{L}_][\p{L}_\d]*/u],
  ["word", /^[\p{L}_][\p{L}_\d]*/u],
  ["symbol", /^(?::=|[|().,=])/],
];

/** Cuts the inside of an action into tokens. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let rest = source;
  while (rest !== "") {
    const form = tokenForms.find(([, pattern]) => pattern.test(rest));
    const match = form?.[1].exec(rest);
    if (!form || !match) throw syntaxError(`unexpected ${JSON.stringify(rest[0])} in command`);
    if (form[0] !== "blank") tokens.push({ kind: form[0], text: match[0] });
    rest = rest.slice(match[0].length);
  }
  return tokens;
}

/** One piece of a template's source: literal text or the inside of an action. */
export type Piece = { is: "text"; text: string } | { is: "action"; source: string };

/** Splits a template at its delimiters and applies the trim markers `{{-` and `-}}`. */
export function splitActions(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  while (at <= source.length) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open === -1 ? source.length : open);
    if (trimNext) text = text.trimStart();
    const trimBefore = open !== -1 && /^-\s/.test(source.slice(open + 2));
    if (trimBefore) text = text.trimEnd();
    if (text !== "") pieces.push({ is: "text", text });
    if (open === -1) break;
    const { inside, end } = actionAt(source, open + 2);
    trimNext = /\s-$/.test(inside);
    const action = inside.slice(trimBefore ? 1 : 0, trimNext ? -1 : undefined).trim();
    if (!/^\/\*[\s\S]*\*\/$/.test(action)) pieces.push({ is: "action", source: action });
    at = end;
  }
  return pieces;
}

/** Finds the end of an action; delimiters inside quotes do not count. */
function actionAt(source: string, start: number): { inside: string; end: number } {
  const pattern = /"(?:[^"\\\n]|\\.)*"|`[^`]*`|\}\}/y;
  for (let at = start; at < source.length; at++) {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (!match) continue;
    if (match[0] === "}}") return { inside: source.slice(start, at), end: at + 2 };
    at = pattern.lastIndex - 1;
  }
  throw syntaxError("unclosed action");
}

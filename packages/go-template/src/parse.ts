import { syntaxError } from "./errors.ts";
import type { Command, Node, Operand, Pipeline, Term, Token } from "./syntax.ts";
import { type Piece, splitActions, tokenize } from "./syntax.ts";

/** Longest template, in characters: people write them by hand. It also bounds how deep actions and parentheses can nest. */
const maxSource = 8192;
/** Deepest nesting of actions and parentheses. */
const maxDepth = 100;

/** Reads a template. @throws TemplateError TEMPLATE_SYNTAX */
export function parseTemplate(source: string): Node[] {
  if (source.length > maxSource) throw syntaxError(`the template is longer than ${maxSource} characters`);
  if (depthOf(source) > maxDepth) throw syntaxError(`the template nests deeper than ${maxDepth}`);
  const pieces = splitActions(source);
  const { nodes, ended } = parseNodes(pieces, 0);
  if (ended) throw syntaxError(`unexpected {{${ended}}}`);
  return nodes;
}

/** An upper bound of the nesting: every opening parenthesis and every control action counts until it is closed. */
function depthOf(source: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [word] of source.matchAll(/[()]|\{\{-?\s*(?:if|with|range|end)\b|\belse\s+(?:if|with)\b/g)) {
    if (word === ")" || word.endsWith("end")) depth = Math.max(0, depth - 1);
    else deepest = Math.max(deepest, ++depth);
  }
  return deepest;
}

interface Parsed {
  nodes: Node[];
  /** Index behind the last piece that was read. */
  next: number;
  /** The `end` or `else...` that ended the list, if one did. */
  ended: string | undefined;
}

function parseNodes(pieces: readonly Piece[], start: number): Parsed {
  const nodes: Node[] = [];
  let at = start;
  while (at < pieces.length) {
    const piece = pieces[at++]!;
    if (piece.is === "text") {
      nodes.push(piece);
      continue;
    }
    const keyword = /^\w+/.exec(piece.source)?.[0] ?? "";
    if (keyword === "end" || keyword === "else") return { nodes, next: at, ended: piece.source };
    const parsed = parseAction(keyword, piece.source, pieces, at);
    nodes.push(parsed.node);
    at = parsed.next;
  }
  return { nodes, next: at, ended: undefined };
}

function parseAction(
  keyword: string,
  source: string,
  pieces: readonly Piece[],
  next: number,
): { node: Node; next: number } {
  switch (keyword) {
    case "if":
    case "with":
    case "range":
      return parseControl(keyword, source.slice(keyword.length), pieces, next);
    case "break":
    case "continue":
      return { node: { is: keyword }, next };
    case "define":
    case "template":
    case "block":
      throw syntaxError(`{{${keyword}}} is not supported: a report has one template`);
    default:
      return { node: { is: "action", pipeline: parsePipeline(source) }, next };
  }
}

function parseControl(
  is: "if" | "with" | "range",
  source: string,
  pieces: readonly Piece[],
  start: number,
): { node: Node; next: number } {
  const pipeline = parsePipeline(source);
  const body = parseNodes(pieces, start);
  if (body.ended === undefined) throw syntaxError("unexpected EOF");
  if (body.ended === "end") return { node: { is, pipeline, body: body.nodes, otherwise: [] }, next: body.next };
  const chained = /^else\s+(if|with)\b([\s\S]*)$/.exec(body.ended);
  if (chained) {
    const inner = parseControl(chained[1] as "if" | "with", chained[2] ?? "", pieces, body.next);
    return { node: { is, pipeline, body: body.nodes, otherwise: [inner.node] }, next: inner.next };
  }
  const otherwise = parseNodes(pieces, body.next);
  if (otherwise.ended !== "end") throw syntaxError("expected end");
  return { node: { is, pipeline, body: body.nodes, otherwise: otherwise.nodes }, next: otherwise.next };
}

function parsePipeline(source: string): Pipeline {
  const tokens = tokenize(source);
  const cursor = { tokens, at: 0 };
  const pipeline = readPipeline(cursor);
  const left = tokens[cursor.at];
  if (left) throw syntaxError(`unexpected <${left.text}> in operand`);
  return pipeline;
}

interface Cursor {
  readonly tokens: readonly Token[];
  at: number;
}

function readPipeline(cursor: Cursor): Pipeline {
  const { assign, declare } = readAssignment(cursor);
  const commands = [readCommand(cursor)];
  while (cursor.tokens[cursor.at]?.text === "|") {
    cursor.at++;
    commands.push(readCommand(cursor));
  }
  return { assign, declare, commands };
}

function readAssignment(cursor: Cursor): { assign: string[]; declare: boolean } {
  const names: string[] = [];
  let at = cursor.at;
  while (cursor.tokens[at]?.kind === "variable") {
    names.push(cursor.tokens[at]!.text);
    at++;
    if (cursor.tokens[at]?.text !== ",") break;
    at++;
  }
  const sign = cursor.tokens[at]?.text;
  if (names.length === 0 || (sign !== ":=" && sign !== "=")) return { assign: [], declare: false };
  cursor.at = at + 1;
  return { assign: names, declare: sign === ":=" };
}

function readCommand(cursor: Cursor): Command {
  const terms: Command = [];
  for (;;) {
    const token = cursor.tokens[cursor.at];
    if (!token || token.text === "|" || token.text === ")") break;
    terms.push(readTerm(cursor));
  }
  if (terms.length === 0) throw syntaxError("missing value for command");
  return terms;
}

function readTerm(cursor: Cursor): Term {
  const operand = readOperand(cursor);
  const fields: string[] = [];
  while (cursor.tokens[cursor.at]?.kind === "field" && (fields.length > 0 || chains(operand))) {
    fields.push(cursor.tokens[cursor.at++]!.text.slice(1));
  }
  return { operand, fields };
}

/** A field that follows `.`, a variable, or a parenthesis belongs to it; blanks are already gone, so a function takes it as argument. */
function chains(operand: Operand): boolean {
  return operand.is === "dot" || operand.is === "variable" || operand.is === "pipeline";
}

function readOperand(cursor: Cursor): Operand {
  const token = cursor.tokens[cursor.at]!;
  switch (token.kind) {
    case "field":
      // The dot of `.Name` is the operand; the field itself is read by the caller.
      return { is: "dot" };
    case "variable":
      cursor.at++;
      return { is: "variable", name: token.text };
    case "string":
      cursor.at++;
      return { is: "literal", value: token.text.startsWith("`") ? token.text.slice(1, -1) : readQuoted(token.text) };
    case "number":
      cursor.at++;
      return { is: "literal", value: Number(token.text) };
    case "word":
      cursor.at++;
      return wordOperand(token.text);
    case "symbol":
      return readSymbol(cursor, token);
  }
}

/** JSON has the escapes of Go that people use; the others are refused. */
function readQuoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    throw syntaxError("invalid syntax in a quoted string");
  }
}

function wordOperand(word: string): Operand {
  if (word === "true" || word === "false") return { is: "literal", value: word === "true" };
  if (word === "nil") return { is: "literal", value: null };
  return { is: "function", name: word };
}

function readSymbol(cursor: Cursor, token: Token): Operand {
  cursor.at++;
  if (token.text === ".") return { is: "dot" };
  if (token.text !== "(") throw syntaxError(`unexpected <${token.text}> in operand`);
  const pipeline = readPipeline(cursor);
  if (cursor.tokens[cursor.at++]?.text !== ")") throw syntaxError("unclosed left paren");
  return { is: "pipeline", pipeline };
}

import { executionError, functions, isTrue, textOf } from "./functions.ts";
import { parseTemplate } from "./parse.ts";
import type { Command, Node, Pipeline, Term } from "./syntax.ts";

/** Most bytes a template may write: a loop over a report cannot fill the memory. */
const outputLimit = 16 * 1024 * 1024;

/**
 * Fills in a Go text/template from plain data.
 *
 * @throws TemplateError with code TEMPLATE_SYNTAX when it does not parse, TEMPLATE_EXECUTION when it asks for a field that is not there
 */
export function runTemplate(source: string, data: unknown): string {
  const nodes = parseTemplate(source);
  const run: Run = { out: [], size: 0 };
  execute(nodes, { dot: data, variables: new Map([["$", data]]) }, run);
  return run.out.join("");
}

interface Scope {
  dot: unknown;
  /** Bounded by: declarations in the template. */
  variables: Map<string, unknown>;
}

interface Run {
  out: string[];
  size: number;
}

type Flow = "break" | "continue" | undefined;

function execute(nodes: readonly Node[], scope: Scope, run: Run): Flow {
  for (const node of nodes) {
    const flow = executeOne(node, scope, run);
    if (flow) return flow;
  }
  return undefined;
}

function executeOne(node: Node, scope: Scope, run: Run): Flow {
  switch (node.is) {
    case "text":
      write(run, node.text);
      return undefined;
    case "action": {
      const value = evaluate(node.pipeline, scope);
      if (node.pipeline.assign.length === 0) write(run, textOf(value));
      return undefined;
    }
    case "if":
    case "with": {
      const inner = child(scope);
      const value = evaluate(node.pipeline, inner);
      if (!isTrue(value)) return execute(node.otherwise, scope, run);
      if (node.is === "with") inner.dot = value;
      return execute(node.body, inner, run);
    }
    case "range":
      return executeRange(node.pipeline, node.body, node.otherwise, scope, run);
    case "break":
    case "continue":
      return node.is;
  }
}

function executeRange(
  pipeline: Pipeline,
  body: readonly Node[],
  otherwise: readonly Node[],
  scope: Scope,
  run: Run,
): Flow {
  const value = evaluate({ ...pipeline, assign: [] }, scope);
  const items = itemsOf(value);
  if (items.length === 0) return execute(otherwise, scope, run);
  for (const [key, element] of items) {
    const inner = child(scope);
    inner.dot = element;
    const [first, second] = pipeline.assign;
    if (second !== undefined) inner.variables.set(first!, key).set(second, element);
    else if (first !== undefined) inner.variables.set(first, element);
    if (execute(body, inner, run) === "break") break;
  }
  return undefined;
}

function itemsOf(value: unknown): [unknown, unknown][] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return [...value.entries()];
  if (typeof value === "object") return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  throw executionError(`range can't iterate over ${textOf(value)}`);
}

function child(scope: Scope): Scope {
  return { dot: scope.dot, variables: new Map(scope.variables) };
}

function write(run: Run, text: string): void {
  run.size += text.length;
  if (run.size > outputLimit) throw executionError("output too large");
  run.out.push(text);
}

function evaluate(pipeline: Pipeline, scope: Scope): unknown {
  let value: unknown;
  let piped = false;
  for (const command of pipeline.commands) {
    value = call(command, scope, piped ? [value] : []);
    piped = true;
  }
  for (const name of pipeline.assign) scope.variables.set(name, value);
  return value;
}

function call(command: Command, scope: Scope, piped: readonly unknown[]): unknown {
  const [first, ...rest] = command;
  if (first!.operand.is !== "function") {
    if (rest.length > 0 || piped.length > 0) throw executionError("can't give argument to non-function");
    return resolve(first!, scope);
  }
  const { name } = first!.operand;
  if (!Object.hasOwn(functions, name)) throw executionError(`function "${name}" not defined`);
  return functions[name]!(...rest.map((term) => resolve(term, scope)), ...piped);
}

function resolve(term: Term, scope: Scope): unknown {
  let value = operandOf(term, scope);
  for (const field of term.fields) {
    if (value === null || typeof value !== "object") throw executionError(`nil pointer evaluating .${field}`);
    if (!Object.hasOwn(value, field)) throw executionError(`can't evaluate field ${field}`);
    value = (value as Record<string, unknown>)[field];
  }
  return value;
}

function operandOf({ operand }: Term, scope: Scope): unknown {
  switch (operand.is) {
    case "literal":
      return operand.value;
    case "dot":
      return scope.dot;
    case "variable":
      if (!scope.variables.has(operand.name)) throw executionError(`undefined variable "${operand.name}"`);
      return scope.variables.get(operand.name);
    case "function":
      return call([{ operand, fields: [] }], scope, []);
    case "pipeline":
      return evaluate(operand.pipeline, scope);
  }
}

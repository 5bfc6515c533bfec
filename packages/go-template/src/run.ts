import { Budget, type TemplateLimits } from "./budget.ts";
import { executionError, TemplateError } from "./errors.ts";
import { functions, isTrue, textOf } from "./functions.ts";
import { parseTemplate } from "./parse.ts";
import type { Command, Node, Pipeline, Term } from "./syntax.ts";

/**
 * Fills in a Go text/template from plain data. Loops and functions are bounded by `limits`, so that a template from a stranger costs
 * milliseconds.
 *
 * @throws TemplateError with code TEMPLATE_SYNTAX when it does not parse, TEMPLATE_EXECUTION when it asks for a field that is not there
 * or uses up its limits
 */
export function runTemplate(source: string, data: unknown, limits: TemplateLimits = {}): string {
  const nodes = parseTemplate(source);
  const run: Run = { out: [], budget: new Budget(limits) };
  try {
    execute(nodes, { dot: data, own: new Map([["$", data]]), outer: undefined }, run);
  } catch (error) {
    if (error instanceof TemplateError) throw error;
    // What JavaScript refuses, a number that is not an integer as %x for instance, Go refuses as well.
    throw new TemplateError("TEMPLATE_EXECUTION", (error as Error).message, { cause: error });
  }
  return run.out.join("");
}

interface Scope {
  dot: unknown;
  /** Declared here; most scopes declare nothing. Bounded by: declarations in the template. */
  own: Map<string, unknown> | undefined;
  readonly outer: Scope | undefined;
}

interface Run {
  /** Bounded by: the budget. */
  readonly out: string[];
  readonly budget: Budget;
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
  run.budget.step();
  switch (node.is) {
    case "text":
      write(run, node.text);
      return undefined;
    case "action": {
      const value = evaluate(node.pipeline, scope, run);
      if (node.pipeline.assign.length === 0) write(run, textOf(value));
      return undefined;
    }
    case "if":
    case "with": {
      const inner = child(scope);
      const value = evaluate(node.pipeline, inner, run);
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
  const value = evaluate({ ...pipeline, assign: [] }, scope, run);
  const items = itemsOf(value);
  run.budget.step(items.length);
  if (items.length === 0) return execute(otherwise, scope, run);
  for (const [key, element] of items) {
    const inner = child(scope);
    inner.dot = element;
    const [first, second] = pipeline.assign;
    if (second !== undefined) inner.own = new Map([[first!, key]]).set(second, element);
    else if (first !== undefined) inner.own = new Map([[first, element]]);
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
  return { dot: scope.dot, own: undefined, outer: scope };
}

function write(run: Run, text: string): void {
  run.out.push(run.budget.made(text));
}

function evaluate(pipeline: Pipeline, scope: Scope, run: Run): unknown {
  let value: unknown;
  let piped = false;
  for (const command of pipeline.commands) {
    value = call(command, scope, run, piped ? [value] : []);
    piped = true;
  }
  for (const name of pipeline.assign) {
    const home = pipeline.declare ? scope : declared(name, scope);
    home.own ??= new Map();
    home.own.set(name, value);
  }
  return value;
}

/** The scope that declares a variable. */
function declared(name: string, scope: Scope): Scope {
  for (let at: Scope | undefined = scope; at; at = at.outer) if (at.own?.has(name)) return at;
  throw executionError(`undefined variable "${name}"`);
}

function call(command: Command, scope: Scope, run: Run, piped: readonly unknown[]): unknown {
  run.budget.step();
  const [first, ...rest] = command;
  if (first!.operand.is !== "function") {
    if (rest.length > 0 || piped.length > 0) throw executionError("can't give argument to non-function");
    return resolve(first!, scope, run);
  }
  const { name } = first!.operand;
  if (!Object.hasOwn(functions, name)) throw executionError(`function "${name}" not defined`);
  return functions[name]!(run.budget, ...rest.map((term) => resolve(term, scope, run)), ...piped);
}

function resolve(term: Term, scope: Scope, run: Run): unknown {
  let value = operandOf(term, scope, run);
  for (const field of term.fields) {
    if (value === null || typeof value !== "object") throw executionError(`nil pointer evaluating .${field}`);
    if (!Object.hasOwn(value, field)) throw executionError(`can't evaluate field ${field}`);
    value = (value as Record<string, unknown>)[field];
  }
  return value;
}

function operandOf({ operand }: Term, scope: Scope, run: Run): unknown {
  switch (operand.is) {
    case "literal":
      return operand.value;
    case "dot":
      return scope.dot;
    case "variable":
      return declared(operand.name, scope).own?.get(operand.name);
    case "function":
      return call([{ operand, fields: [] }], scope, run, []);
    case "pipeline":
      return evaluate(operand.pipeline, scope, run);
  }
}

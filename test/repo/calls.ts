import ts from "typescript";
import { programsOf, shellPrograms } from "../../apps/netlab/src/argv.ts";

/** A program that a source calls, and where. */
export interface ProgramCall {
  readonly program: string;
  readonly line: number;
}

/** Functions that take a program and an array of arguments: Node's, netlab's, and those that tests wrap around them. */
const runners = new Set([
  ...["exec", "execFile", "execFileSync", "spawn", "spawnSync"],
  ...["command", "leg", "must", "run", "runSilently"],
]);
/** Functions that take a line for a shell. */
const shellRunners = new Set(["execSync", "sh", "shAsync"]);

/** Programs that a source calls by name, as far as the name is plain text. */
export function programCalls(path: string, text: string): ProgramCall[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const calls: ProgramCall[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      const named = programsOfCall(node).filter((program) => program !== unknown);
      calls.push(...named.map((program) => ({ program, line })));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return calls;
}

function programsOfCall({ expression, arguments: given }: ts.CallExpression): string[] {
  const name = ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText();
  const [first, second] = given;
  const text = first && plainText(first);
  if (text === undefined) return [];
  if (shellRunners.has(name)) return shellPrograms(text);
  if (!runners.has(name) || second === undefined || !ts.isArrayLiteralExpression(second)) return [];
  const args = second.elements.map((element) => plainText(element) ?? unknown);
  return programsOf(text, args);
}

/** Stands for the computed parts of a text. */
const unknown = "$unknown";

/** A text with {@link unknown} for its computed parts; undefined for an expression that is not a text. */
function plainText(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return;
  return [node.head, ...node.templateSpans.map((span) => span.literal)].map((part) => part.text).join(unknown);
}

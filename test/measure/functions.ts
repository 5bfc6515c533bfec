import ts from "typescript";

/** A function with its size. Closures count for themselves, and as lines of the function around them. */
export interface FunctionSize {
  readonly path: string;
  readonly name: string;
  readonly line: number;
  readonly lines: number;
  readonly parameters: number;
}

/** Visits every node below one. */
export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

/** Every function, method, accessor, and closure of a file; closures that are one expression are left out. */
export function functionsOf(path: string, ast: ts.SourceFile): FunctionSize[] {
  const found: FunctionSize[] = [];
  visit(ast, (node) => {
    if (!ts.isFunctionLike(node) || !("body" in node) || node.body === undefined) return;
    if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) return;
    const line = (at: number) => ast.getLineAndCharacterOfPosition(at).line;
    const first = line(node.getStart());
    const lines = line(node.getEnd()) - first + 1;
    const parameters = node.parameters.filter((one) => one.name.getText() !== "this").length;
    found.push({ path, name: nameOf(node), line: first + 1, lines, parameters });
  });
  return found;
}

/** The name under which people know a function; that of what it is assigned to for a closure. */
function nameOf(node: ts.SignatureDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return `${className(node)}.constructor`;
  if (node.name !== undefined)
    return ts.isClassLike(node.parent) ? `${className(node)}.${node.name.getText()}` : node.name.getText();
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent))
    return parent.name.getText();
  if (ts.isCallExpression(parent)) return `closure in ${parent.expression.getText().split("\n")[0]!.slice(-40)}`;
  return "closure";
}

const className = (node: ts.Node): string =>
  ts.isClassLike(node.parent) ? (node.parent.name?.getText() ?? "class") : "class";

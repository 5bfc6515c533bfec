import ts from "typescript";
import { visit } from "./functions.ts";

/** A method that an interface declares. */
export interface Member {
  readonly owner: string;
  readonly name: string;
}

/** Methods of the interfaces of a file. */
export function methodsOf(ast: ts.SourceFile): Member[] {
  return ast.statements.filter(ts.isInterfaceDeclaration).flatMap(({ name: owner, members }) =>
    members.flatMap((member) => {
      const isMethod =
        ts.isMethodSignature(member) ||
        (ts.isPropertySignature(member) && member.type !== undefined && ts.isFunctionTypeNode(member.type));
      return isMethod && ts.isIdentifier(member.name) ? [{ owner: owner.text, name: member.name.text }] : [];
    }),
  );
}

/** Names that a file reads from an object: `x.name`, `{ name } = x`, and `x["name"]`. */
export function namesRead(ast: ts.SourceFile): string[] {
  const names = new Set<string>();
  visit(ast, (node) => {
    if (ts.isPropertyAccessExpression(node)) names.add(node.name.text);
    else if (ts.isBindingElement(node)) names.add((node.propertyName ?? node.name).getText());
    else if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression))
      names.add(node.argumentExpression.text);
  });
  return [...names];
}

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import type { Facts } from "./facts.ts";

/** Values that a module exports: its own, or some or all of another module. */
export interface Export {
  readonly names: readonly string[] | "all";
  /** The module that they come from, as a path of the tree; undefined for its own and for other packages. */
  readonly from?: string | undefined;
}

/** How many values an entry of a package exports; types are free. */
export interface EntrySize {
  /** Such as `dns-lb/node`. */
  readonly entry: string;
  readonly values: readonly string[];
}

/** Relative imports of a file, types included. */
export function importsOf(path: string, ast: ts.SourceFile): string[] {
  return ast.statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    return relative(path, statement.moduleSpecifier) ?? [];
  });
}

function relative(path: string, specifier: ts.Expression | undefined): string | undefined {
  if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith(".")) return;
  return join(dirname(path), specifier.text);
}

/** Values that a file exports. */
export function exportsOf(path: string, ast: ts.SourceFile): Export[] {
  return ast.statements.flatMap((statement): Export[] => {
    if (ts.isExportDeclaration(statement)) return reexport(path, statement);
    if (!ts.canHaveModifiers(statement) || !isExported(statement)) return [];
    if (ts.isVariableStatement(statement))
      return [{ names: statement.declarationList.declarations.map((one) => one.name.getText()) }];
    if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement))
      return [{ names: [statement.name?.text ?? "default"] }];
    return [];
  });
}

function reexport(path: string, { isTypeOnly, exportClause, moduleSpecifier }: ts.ExportDeclaration): Export[] {
  if (isTypeOnly) return [];
  const from = relative(path, moduleSpecifier);
  if (exportClause === undefined) return from === undefined ? [] : [{ names: "all", from }];
  if (ts.isNamespaceExport(exportClause)) return [{ names: [exportClause.name.text] }];
  return [{ names: exportClause.elements.filter((one) => !one.isTypeOnly).map((one) => one.name.text) }];
}

const isExported = (statement: ts.HasModifiers): boolean =>
  ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;

/** Entries of a package with the values that they export. */
export function entriesOf(tree: string, folder: string, sources: readonly Facts[]): EntrySize[] {
  const manifest = JSON.parse(readFileSync(join(tree, folder, "package.json"), "utf8")) as {
    exports?: Record<string, string | Record<string, string>>;
  };
  const byPath = new Map(sources.map((one) => [one.path, one]));
  const valuesOf = (path: string): string[] =>
    (byPath.get(path)?.exports ?? []).flatMap(({ names, from }) =>
      names === "all" ? valuesOf(from ?? "") : [...names],
    );
  return Object.entries(manifest.exports ?? {}).flatMap(([subpath, conditions]) => {
    const file = typeof conditions === "string" ? undefined : conditions["@weaved/source"];
    if (file === undefined) return [];
    const values = new Set(valuesOf(join(folder, file)));
    return [{ entry: `${folder.split("/")[1]}${subpath.slice(1)}`, values: [...values].sort() }];
  });
}

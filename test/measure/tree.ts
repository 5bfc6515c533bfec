import { existsSync, readdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { circlesOf } from "./circles.ts";
import { type EntrySize, entriesOf } from "./exports.ts";
import { type Facts, FactsCache } from "./facts.ts";
import type { FunctionSize } from "./functions.ts";
import type { Hit } from "./language.ts";

/** One package or app, measured. */
export interface PackageMeasures {
  readonly folder: string;
  readonly sources: readonly Facts[];
  readonly tests: readonly Facts[];
  readonly functions: readonly FunctionSize[];
  readonly circles: readonly (readonly string[])[];
  readonly entries: readonly EntrySize[];
  /** Of sources, tests, and documents. */
  readonly hits: readonly (Hit & { readonly path: string })[];
}

/** A tree, measured. */
export interface TreeMeasures {
  readonly packages: readonly PackageMeasures[];
  /** Names that sources, tests, or benchmarks read from objects. */
  readonly reads: ReadonlySet<string>;
}

/** Folders of packages and apps, such as `packages/dns-lb`. */
function workspacesOf(tree: string): string[] {
  const inside = (parent: string) => readdirSync(join(tree, parent)).map((name) => `${parent}/${name}`);
  return [...inside("packages"), ...inside("apps")].filter((dir) => existsSync(join(tree, dir, "package.json"))).sort();
}

/** Files below a folder, without what is installed or built. */
function filesBelow(tree: string, folder: string): string[] {
  const walk = (dir: string): string[] =>
    readdirSync(dir).flatMap((name) => {
      if (/^(?:node_modules|dist|bundle|golden|\..*)$/.test(name)) return [];
      const path = join(dir, name);
      return statSync(path).isDirectory() ? walk(path) : [relative(tree, path)];
    });
  return existsSync(join(tree, folder)) ? walk(join(tree, folder)).sort() : [];
}

/** Measures every package and app of a tree. */
export function measureTree(tree: string): TreeMeasures {
  const cache = new FactsCache(fileURLToPath(new URL("../..", import.meta.url)));
  const facts = (folder: string, kind: RegExp) =>
    filesBelow(tree, folder)
      .filter((path) => kind.test(path) && !path.endsWith(".d.ts"))
      .map((path) => cache.get(tree, path));
  const readers = [...facts("test", /\.ts$/)];
  const packages = workspacesOf(tree).map((folder): PackageMeasures => {
    const all = facts(folder, /\.(?:ts|md)$/);
    readers.push(...all);
    const [sources, tests] = ["src", "test"].map((part) =>
      all.filter(({ path }) => path.startsWith(`${folder}/${part}/`) && path.endsWith(".ts")),
    ) as [Facts[], Facts[]];
    return {
      folder,
      sources,
      tests,
      functions: sources.flatMap((one) => one.functions),
      circles: circlesOf(sources),
      entries: entriesOf(tree, folder, sources),
      hits: all.flatMap(({ path, hits }) => hits.map((hit) => ({ path, ...hit }))),
    };
  });
  cache.save();
  return { packages, reads: new Set(readers.flatMap((one) => one.reads)) };
}

/** The value below which a share of some numbers lies; 0 without any. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

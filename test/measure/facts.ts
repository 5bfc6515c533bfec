import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { type Export, exportsOf, importsOf } from "./exports.ts";
import { type FunctionSize, functionsOf } from "./functions.ts";
import { type Hit, hitsOf } from "./language.ts";
import { type Member, methodsOf, namesRead } from "./members.ts";

/** What the measures need to know of one file. */
export interface Facts {
  readonly path: string;
  readonly lines: number;
  readonly functions: readonly FunctionSize[];
  /** Relative imports, as paths of the tree. */
  readonly imports: readonly string[];
  readonly exports: readonly Export[];
  readonly methods: readonly Member[];
  /** Names that it reads from objects. */
  readonly reads: readonly string[];
  readonly hits: readonly Hit[];
}

/** Facts of one file. */
function factsOf(path: string, text: string): Facts {
  const lines = text.trimEnd().split("\n").length;
  const hits = hitsOf(path, text);
  if (!path.endsWith(".ts"))
    return { path, lines, functions: [], imports: [], exports: [], methods: [], reads: [], hits };
  const ast = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  return {
    path,
    lines,
    functions: functionsOf(path, ast),
    imports: importsOf(path, ast),
    exports: exportsOf(path, ast),
    methods: methodsOf(ast),
    reads: namesRead(ast),
    hits,
  };
}

/** Facts of the last run, by path and content: parsing everything takes seconds, and most files are as they were. */
export class FactsCache {
  readonly #file: string;
  readonly #version: string;
  readonly #known: Map<string, { readonly hash: string; readonly facts: Facts }>;
  #changed = false;

  constructor(root: string) {
    this.#file = join(root, ".cache/measure.json");
    const own = ["exports", "facts", "functions", "language", "members"].map((name) =>
      readFileSync(new URL(`./${name}.ts`, import.meta.url), "utf8"),
    );
    this.#version = hashOf(own.join("\n"));
    this.#known = new Map(this.#load());
  }

  #load(): [string, { hash: string; facts: Facts }][] {
    try {
      const { version, files } = JSON.parse(readFileSync(this.#file, "utf8"));
      return version === this.#version ? files : [];
    } catch {
      return []; // It is the first run, or another one is writing.
    }
  }

  get(tree: string, path: string): Facts {
    const text = readFileSync(join(tree, path), "utf8");
    const hash = hashOf(text);
    const known = this.#known.get(path);
    if (known?.hash === hash) return known.facts;
    const facts = factsOf(path, text);
    this.#known.set(path, { hash, facts });
    this.#changed = true;
    return facts;
  }

  save(): void {
    if (!this.#changed) return;
    mkdirSync(dirname(this.#file), { recursive: true });
    writeFileSync(this.#file, JSON.stringify({ version: this.#version, files: [...this.#known] }));
  }
}

const hashOf = (text: string): string => createHash("sha1").update(text).digest("hex");

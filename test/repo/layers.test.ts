import { describe, expect, it } from "vitest";
import { codeOf, importsOf, packageFolders, read, sources } from "./tree.ts";

/** The graph of ARCHITECTURE.md: `a --> b & c` lines of its mermaid drawing. `every` stands for each package. */
function drawnGraph(): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  const [, drawing = ""] = /```mermaid\n([\s\S]*?)```/.exec(read("ARCHITECTURE.md")) ?? [];
  for (const [, from, to] of drawing.matchAll(/^\s*([\w-]+)(?:\["[^"]*"\])? --> (.+)$/gm)) {
    graph.set(from!, new Set([...(graph.get(from!) ?? []), ...to!.split("&").map((name) => name.trim())]));
  }
  return graph;
}

/** Names of sibling packages that sources import. */
function siblings(folder: string): Set<string> {
  const names = sources(`${folder}/src`).flatMap((path) => importsOf(read(path)));
  return new Set(names.flatMap((name) => /^@weaved\/([\w-]+)/.exec(name)?.[1] ?? []));
}

describe("layers", () => {
  const graph = drawnGraph();

  it.each(packageFolders())("%s imports only the siblings that ARCHITECTURE.md draws", (folder) => {
    const allowed = [folder.split("/")[1]!, "every"].flatMap((name) => [...(graph.get(name) ?? [])]);
    expect([...siblings(folder)].filter((name) => !allowed.includes(name))).toEqual([]);
  });

  it("every drawn arrow is an import", () => {
    // Drawn before it is composed. Remove an arrow here once it is real.
    const planned = new Set(["weaved --> network-policy"]);
    const imports = (from: string) => siblings(from === "weaved" ? "apps/weaved" : `packages/${from}`);
    const drawn = [...graph].filter(([from]) => from !== "every");
    const missing = drawn.flatMap(([from, to]) => {
      const real = imports(from);
      return [...to].filter((name) => !real.has(name)).map((name) => `${from} --> ${name}`);
    });
    expect(missing.filter((arrow) => !planned.has(arrow))).toEqual([]);
  });

  it("every package that the daemon imports is drawn", () => {
    const drawn = graph.get("weaved") ?? new Set();
    expect([...siblings("apps/weaved")].filter((name) => !drawn.has(name) && name !== "ip")).toEqual([]);
  });

  it("nobody imports from an app, nor reaches into another package's src", () => {
    const reaching = packageFolders().flatMap((folder) =>
      sources(`${folder}/src`).filter((path) =>
        importsOf(read(path)).some((name) =>
          /apps\/|^(?:@weaved\/netlab|weaved)(?:\/|$)|\.\.\/[\w-]+\/src\//.test(name),
        ),
      ),
    );
    expect(reaching).toEqual([]);
  });

  it("only the data path calls native code", () => {
    const native = packageFolders().filter((folder) =>
      sources(`${folder}/src`).some((path) => importsOf(read(path)).includes("koffi")),
    );
    expect(native).toEqual(["packages/tun-datapath"]);
  });
});

/** What a core may not use: it comes in as an argument or a port. */
const impure: readonly (readonly [string, RegExp])[] = [
  ["Date", /\bDate\.now\(|\bnew Date\(\)/],
  ["Math.random", /\bMath\.random\b/],
  ["process", /\bprocess\./],
  ["timers", /\b(?:setTimeout|setInterval|setImmediate)\(/],
  ["performance", /\bperformance\.now\(/],
];

describe("cores are pure", () => {
  it.each(packageFolders())("%s keeps sockets, files, clocks, randomness in its rim", (folder) => {
    const core = sources(`${folder}/src`).filter((path) => !/\/src\/(?:node|testing)\//.test(path));
    const found = core.flatMap((path) => {
      const text = read(path);
      const modules = importsOf(text).filter((name) => name.startsWith("node:"));
      const words = impure.filter(([, pattern]) => pattern.test(codeOf(text))).map(([name]) => name);
      return [...modules, ...words].map((what) => `${path}: ${what}`);
    });
    expect(found).toEqual([]);
  });
});

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageFolders, read, root, sources, trackedFiles } from "./tree.ts";

/** Recorded data and lock files are not prose or code of ours. */
const ours = trackedFiles().filter(
  (path) => !/^test\/vectors\/golden\/|^pnpm-lock\.yaml$|\/LICENSE$|^LICENSE$/.test(path),
);

describe("what is committed", () => {
  it("names no path of a machine and no registry host", () => {
    // Put together, so that this file does not find itself.
    const forbidden = [
      ["/work", "main"],
      ["/work", "shared"],
      ["/opt", "original"],
      ["registry.npmjs", "org"],
      ["pypi", "org"],
      ["deb.debian", "org"],
    ].map(([a, b]) => `${a}${a!.startsWith("/") ? "/" : "."}${b}`);
    const found = ours.filter((path) => forbidden.some((word) => read(path).includes(word)));
    expect(found).toEqual([]);
  });

  it.each(packageFolders())("%s has a licence, a README, and an introduction in its index", (folder) => {
    const manifest = JSON.parse(read(`${folder}/package.json`));
    expect(read(`${folder}/src/index.ts`)).toContain("@packageDocumentation");
    if (manifest.private) return;
    expect(existsSync(join(root, folder, "LICENSE"))).toBe(true);
    expect(read(`${folder}/README.md`)).toMatch(/^# /);
    expect(manifest).toMatchObject({
      license: "Apache-2.0",
      type: "module",
      sideEffects: false,
      engines: { node: ">=20.19" },
    });
    expect(Object.keys(manifest.scripts ?? {})).not.toContain("postinstall");
  });

  it("pins every dependency through the catalog or the workspace", () => {
    const loose = [...packageFolders(), ...packageFolders("apps")].flatMap((folder) => {
      const {
        dependencies = {},
        devDependencies = {},
        optionalDependencies = {},
      } = JSON.parse(read(`${folder}/package.json`));
      const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies } as Record<
        string,
        string
      >);
      return all
        .filter(([, version]) => !/^(?:catalog:|workspace:)/.test(version))
        .map(([name]) => `${folder}: ${name}`);
    });
    expect(loose).toEqual([]);
  });

  it("holds no test that nothing runs", () => {
    // As vitest.config.ts includes them.
    const isRun = (path: string) => /^(?:(?:packages|apps)\/[^/]+\/)?test\/.*\.test\.ts$/.test(path);
    const tests = ours.filter((path) => /\.(?:test|spec)\.[cm]?[jt]sx?$/.test(path));
    expect(tests.length).toBeGreaterThan(100);
    expect(tests.filter((path) => !isRun(path))).toEqual([]);
  });

  it("gives a reason for every test that is skipped", () => {
    const silent = ours.filter(
      (path) => path.endsWith(".test.ts") && /\b(?:it|test|describe)\.(?:skip|todo)\b|\bctx\.skip\(\)/.test(read(path)),
    );
    expect(silent.filter((path) => !path.startsWith("test/repo/"))).toEqual([]);
  });
});

/** Lines beyond which a file is a question, and beyond which it is an answer. */
const fileBudget = { warn: 300, fail: 500 };

describe("sizes", () => {
  it("no source outgrows its budget; the largest are shown", () => {
    const folders = [...packageFolders(), ...packageFolders("apps")];
    const sizes = folders
      .flatMap((folder) => sources(`${folder}/src`))
      .map((path) => ({ path, lines: read(path).split("\n").length }))
      .sort((a, b) => b.lines - a.lines);
    const over = sizes.filter(({ lines }) => lines > fileBudget.warn).slice(0, 10);
    for (const { path, lines } of over) console.warn(`warning: ${path} has ${lines} lines (budget ${fileBudget.warn})`);
    expect(sizes.filter(({ lines }) => lines > fileBudget.fail)).toEqual([]);
  });
});

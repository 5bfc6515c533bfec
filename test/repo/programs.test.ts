import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { debianPackages, packageOf } from "../../apps/netlab/src/programs.ts";
import { programCalls } from "./calls.ts";
import { read, root, trackedFiles } from "./tree.ts";

/** Programs of node_modules/.bin come with `npm install`. */
const ofNpm = new Set(readdirSync(join(root, "node_modules/.bin")));
const callers = trackedFiles().filter((path) =>
  /^(?:scripts|test|(?:packages|apps)\/[^/]+\/(?:test|bench)|apps\/netlab\/src)\/.*\.(?:ts|mjs)$/.test(path),
);

describe("the list of programs", () => {
  it("has every program that a test, a benchmark, or a script calls", { timeout: 180_000 }, () => {
    const unknown = callers.flatMap((path) =>
      programCalls(path, read(path))
        .filter(({ program }) => packageOf(program) === undefined && !ofNpm.has(program))
        .map(({ program, line }) => `${path}:${line} calls ${program}: add it to apps/netlab/src/programs.ts`),
    );
    expect(unknown).toEqual([]);
  });

  it("sees calls through a shell, a timeout, and a namespace", () => {
    const source = [
      'host.exec("timeout", ["2", "alpha", "-"]);',
      'spawn("ip", ["netns", "exec", name, "beta"]);',
      'host.must("sh", ["-c", `printf x | gamma -q PORT`]);',
      "sh(`ip netns exec NS delta && ip link`);",
    ]
      .join("\n")
      .replaceAll(/PORT|NS/g, (name) => `\${${name}}`);
    const names = programCalls("x.ts", source).map(({ program }) => program);
    expect(names).toEqual(expect.arrayContaining(["alpha", "beta", "gamma", "delta"]));
  });

  it("names no program twice", () => {
    const names = debianPackages.flatMap(({ programs }) => programs);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageFolders, read, root } from "./tree.ts";

interface Example {
  readonly code: string;
  /** What it prints, when the README says so. */
  readonly output: string | undefined;
  readonly needsRoot: boolean;
}

/** The first ts fence of a README, and the text fence that follows it at once. */
function firstExample(readme: string): Example | undefined {
  const match =
    /(<!-- needs root -->\s*)?```ts\n([\s\S]*?)```\s*(?:(?!```)[^\n]*\n\s*)?(?:```text\n([\s\S]*?)```)?/.exec(readme);
  return match ? { code: match[2]!, output: match[3], needsRoot: match[1] !== undefined } : undefined;
}

describe("the example in each README runs and prints what it says", () => {
  const documented = packageFolders().filter((folder) => existsSync(join(root, folder, "README.md")));
  it.for(documented)("%s", (folder, ctx) => {
    const example = firstExample(read(`${folder}/README.md`));
    expect(example, "a README starts with an example").toBeDefined();
    if (!example) return;
    if (example.needsRoot && process.getuid?.() !== 0) ctx.skip("the example needs root");
    // Inside the package, so that its name and its dependencies resolve as they do for a user.
    const dir = mkdtempSync(join(root, folder, ".example-"));
    try {
      const file = join(dir, "example.mts");
      writeFileSync(file, example.code);
      const run = spawnSync(process.execPath, ["--import", "tsx", "--conditions=@weaved/source", file], {
        cwd: join(root, folder),
        encoding: "utf8",
        timeout: 20_000,
      });
      expect({ status: run.status, stderr: run.status === 0 ? "" : run.stderr }).toEqual({ status: 0, stderr: "" });
      if (example.output !== undefined) expect(run.stdout.trim()).toBe(example.output.trim());
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

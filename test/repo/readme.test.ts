import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Fence, parseFences } from "../../scripts/readmes/fences.mjs";
import { packageFolders, read, root } from "./tree.ts";

/** Examples of a README; those that speak to AWS are for `npm run readmes`, which has one. */
function examples(folder: string): { readonly name: string; readonly folder: string; readonly fence: Fence }[] {
  const fences = parseFences(read(`${folder}/README.md`)).filter(({ lang }) => lang === "ts");
  const here = fences.filter(({ notes }) => !notes.includes("needs AWS"));
  return here.map((fence) => ({ name: `${folder}, line ${fence.line}`, folder, fence }));
}

const documented = packageFolders().filter((folder) => existsSync(join(root, folder, "README.md")));

it.for(documented)("%s starts with an example", (folder) => {
  expect(parseFences(read(`${folder}/README.md`)).some(({ lang }) => lang === "ts")).toBe(true);
});

describe("the examples in each README run and print what it says", () => {
  it.for(documented.flatMap(examples))("$name", ({ folder, fence }, ctx) => {
    const needsRoot = fence.notes.includes("needs root");
    if (needsRoot && process.getuid?.() !== 0) ctx.skip("the example needs root");
    // Inside the package, so that its name and its dependencies resolve as they do for a user.
    const dir = mkdtempSync(join(root, folder, ".example-"));
    try {
      const file = join(dir, "example.mts");
      writeFileSync(file, fence.code);
      const argv = [process.execPath, "--import", "tsx", "--conditions=@weaved/source", file];
      // What needs root makes devices: not this machine's.
      const [program, ...args] = needsRoot ? ["unshare", "--net", ...argv] : argv;
      const run = spawnSync(program!, args, { cwd: join(root, folder), encoding: "utf8", timeout: 20_000 });
      expect({ status: run.status, stderr: run.status === 0 ? "" : run.stderr }).toEqual({ status: 0, stderr: "" });
      if (fence.output !== undefined) expect(run.stdout.trim()).toBe(fence.output.trim());
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

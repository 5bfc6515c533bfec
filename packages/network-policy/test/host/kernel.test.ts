import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** `WORLDS=1000` for 10,000 flows, `SEED=n` to repeat one run. */
const WORLDS = process.env.WORLDS ?? "40";
const SEED = process.env.SEED ?? String(Math.floor(Math.random() * 2 ** 31));

/** Runs a program of this folder in a network namespace of its own, on one core, so that packets keep their order. */
function inNamespace(program: string, ...args: string[]): unknown {
  const file = fileURLToPath(new URL(`${program}`, import.meta.url));
  const node = [process.execPath, "--import", "tsx", "--conditions=@weaved/source", file, ...args];
  return JSON.parse(execFileSync("unshare", ["--net", "taskset", "-c", "0", ...node], { encoding: "utf8" }));
}

describe("the kernel with compiled rules", () => {
  it(`delivers exactly what evaluate allows, in ${WORLDS} random worlds reached by diff (SEED=${SEED})`, (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip("network namespaces need root");
    const result = inNamespace("flows.ts", WORLDS, SEED) as Record<string, number> & { readonly wrong: string[] };
    console.log(JSON.stringify({ ...result, wrong: result.wrong.length }));
    expect(result.wrong).toEqual([]);
    expect(Math.min(result.delivered!, result.dropped!)).toBeGreaterThan(Number(WORLDS));
  }, 1_800_000);
});

describe("createEnforcer", () => {
  it("loses no allowed packet and delivers no denied one while rules are rewritten, and repairs a flushed table", (ctx) => {
    if (process.getuid?.() !== 0) ctx.skip("network namespaces need root");
    const rewrites = Number(process.env.REWRITES ?? 30);
    const result = inNamespace("rewrites.ts", String(rewrites)) as Rewrites;
    console.log(JSON.stringify(result));
    expect(result.done).toEqual({ none: 1, change: rewrites, whole: 2 });
    expect(result.sent.allowed).toBeGreaterThan(rewrites);
    expect(result.came).toEqual({ allowed: result.sent.allowed, denied: 0 });
    expect(result).toMatchObject({ intact: false, repaired: true, restored: true, removed: true, filtered: true });
    expect(result.bad).toMatch(
      /^policies cannot be enforced: ip failed: .*none0.*; check that the bridge exists and that br_netfilter/,
    );
  }, 1_800_000);
});

/** What `rewrites.ts` prints. */
interface Rewrites {
  readonly done: Record<string, number>;
  readonly sent: Record<string, number>;
  readonly came: Record<string, number>;
  readonly bad: string;
}

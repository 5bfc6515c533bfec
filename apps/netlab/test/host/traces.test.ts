/* What a lab leaves behind: nothing, whatever ends it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { createLab, type HostOptions, listRecords, sweep, waitFor, whyNoLab } from "../../src/index.ts";
import { run } from "../../src/node/run.ts";

const why = whyNoLab();
const root = join(import.meta.dirname, "../../../..");

/** What is on this machine now. Other labs may come or go meanwhile, so a difference is only held against the lab by its id. */
async function traces(): Promise<string[]> {
  const [netns, links, processes] = await Promise.all([
    run("ip", ["netns", "list"]),
    run("ip", ["-o", "link"]),
    run("ps", ["-eo", "pid,args", "--no-headers"]),
  ]);
  const namespaces = netns.stdout.split("\n").map((line) => `netns ${line.split(" ")[0]}`);
  const devices = links.stdout.split("\n").map((line) => `link ${line.split(":")[1]}`);
  // Our own ip, ps; kernel threads.
  const all = processes.stdout.split("\n").filter((line) => !/ (ps|ip) -|\[|ip netns/.test(line));
  return [...namespaces, ...devices, ...all.map((line) => `ps ${line.trim()}`)];
}

/** Entries that came up between two looks and carry the marks of a lab: its id, or a holder's command line. */
function left(before: readonly string[], after: readonly string[], id: string): string[] {
  return after.filter(
    (line) => !before.includes(line) && (line.includes(id) || /sleep infinity|netlab-init/.test(line)),
  );
}

/** Processes that carry the lab's mark in their environment. */
async function marked(id: string): Promise<string> {
  return (await run("sh", ["-c", `grep -lzx NETLAB_LAB=${id} /proc/[0-9]*/environ 2>/dev/null || true`])).stdout;
}

/** A process that makes a lab and stays; resolves with the lab's id. */
async function owner() {
  const args = ["--import", "tsx", "--conditions=@weaved/source", join(import.meta.dirname, "owner.ts")];
  const child = spawn("node", args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, id: String(line).trim() };
}

describe("a lab's traces", () => {
  beforeEach((ctx) => {
    if (why) ctx.skip(why);
    sweep();
  });

  it("10 hosts on 2 switches with 30 containers are up in under 5 s, gone without a trace", async () => {
    const before = await traces();
    const hosts: Record<string, HostOptions> = {};
    for (let index = 0; index < 10; index++)
      hosts[`h${index}`] = { switch: index % 2 ? "left" : "right", containers: 3 };
    const lab = await createLab({ switches: { left: {}, right: {} }, hosts });
    expect((await lab.host("h0").ping(lab.host("h9"))).received).toBe(5);
    const up = left(before, await traces(), lab.id);
    expect(await marked(lab.id)).not.toBe("");
    const start = performance.now();
    await lab.close();
    const downMs = performance.now() - start;
    const after = await traces();
    console.log(`10 hosts, 30 containers: up in ${Math.round(lab.upMs)} ms, down in ${Math.round(downMs)} ms`);
    console.log(
      `before and after ${JSON.stringify(before) === JSON.stringify(after) ? "are equal" : "differ by what others did"}`,
    );
    expect(lab.upMs).toBeLessThan(5000);
    expect(up.filter((line) => line.startsWith("netns")).length).toBe(41);
    expect(left(before, after, lab.id)).toEqual([]);
    expect(await marked(lab.id)).toBe("");
  });

  it("two labs with the same addresses run side by side", async () => {
    const [one, two] = await Promise.all([
      createLab({ hosts: { a: {}, b: {} } }),
      createLab({ hosts: { a: {}, b: {} } }),
    ]);
    await one.faults.cut("a", "b");
    expect((await one.host("a").ping(one.host("b"), { waitMs: 200 })).received).toBe(0);
    expect((await two.host("a").ping(two.host("b"))).received).toBe(5);
    await one.close();
    expect((await two.host("a").ping(two.host("b"))).received).toBe(5);
    await two.close();
    await two.close();
  });

  it.each(["SIGINT", "SIGTERM"] as const)("%s of its owner removes it", async (signal) => {
    const before = await traces();
    const { child, id } = await owner();
    child.kill(signal);
    await once(child, "exit");
    expect(child.signalCode).toBe(signal);
    expect(left(before, await traces(), id)).toEqual([]);
    expect(listRecords().map((record) => record.id)).not.toContain(id);
  });

  it("after kill -9 of its owner the next start removes it, and no other", async () => {
    const alive = await createLab({ hosts: { a: {} } });
    const before = await traces();
    const { child, id } = await owner();
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(left(before, await traces(), id).length).toBeGreaterThan(3);
    const next = await createLab({ hosts: { a: {} } });
    expect(listRecords().map((record) => record.id)).toEqual(expect.arrayContaining([alive.id, next.id]));
    await next.close();
    expect(left(before, await traces(), id)).toEqual([]);
    expect(await marked(id)).toBe("");
    expect((await alive.host("a").ping("10.77.1.1")).received).toBe(5);
    await alive.close();
  });

  it("a lab that fails half-way leaves nothing", async () => {
    const before = new Set(listRecords().map((record) => record.id));
    // A larger MTU than any kernel allows is only found out when the device is made.
    const broken = createLab({ switches: { x: { mtu: 1_000_000 } }, hosts: { a: {} } });
    await expect(broken).rejects.toMatchObject({ code: "COMMAND_FAILED" });
    const since = listRecords().filter((record) => record.owner.pid === process.pid && !before.has(record.id));
    expect(since).toEqual([]);
    expect(readdirSync("/run/netns").filter((name) => name.startsWith("nl") && !before.has(name.slice(0, 6)))).toEqual(
      [],
    );
  });

  it("netlab up --detach, ls, exec, down", async () => {
    const netlab = (...args: string[]) =>
      run("node", [
        "--import",
        "tsx",
        "--conditions=@weaved/source",
        join(root, "apps/netlab/src/cli/main.ts"),
        ...args,
      ]);
    const up = await netlab("up", join(root, "apps/netlab/examples/two-regions.yaml"), "--detach");
    const id = /lab (nl\w+)/.exec(up.stdout)?.[1] ?? "";
    expect(id).not.toBe("");
    expect((await netlab("ls")).stdout).toContain(id);
    expect((await netlab("exec", id, "b1/web", "cat", "/sys/class/net/eth0/operstate")).stdout).toBe("up\n");
    expect((await netlab("exec", id, "a1", "sh", "-c", "exit 7")).code).toBe(7);
    expect((await netlab("exec", id, "mars", "true")).stderr).toContain('has no "mars"; it has: switches, a1');
    expect((await netlab("down", id)).stdout).toBe(`removed ${id}\n`);
    await waitFor("it is gone", () => !listRecords().some((record) => record.id === id), 5000);
  });
});

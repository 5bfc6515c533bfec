import { afterEach, describe, expect, it } from "vitest";
import { all, command, each } from "../../src/node/bridge.ts";
import { sh } from "./lab.ts";

const device = `tpb${process.pid}`;
const mac = (i: number) =>
  `02:00:00:00:${(i >> 8).toString(16).padStart(2, "0")}:${(i & 255).toString(16).padStart(2, "0")}`;

afterEach(() => {
  sh(`ip link del ${device} 2>/dev/null || true`);
});

const reason = process.getuid?.() === 0 ? "" : ": skipped, needs root for devices";
describe.skipIf(reason !== "")(`commands in one process${reason}`, () => {
  it("run to the end, and those that fail are named", async () => {
    await all("ip", [`link add ${device} type vxlan id ${process.pid} dstport 4799 nolearning`]);
    const entries = Array.from(
      { length: 500 },
      (_, i) => `fdb replace ${mac(i)} dev ${device} dst 192.0.2.1 self permanent`,
    );
    const wrong = [`fdb del ${mac(999)} dev ${device} self`, `fdb replace nonsense dev ${device} dst 192.0.2.1 self`];
    const [gone = "", nonsense = ""] = wrong;
    expect(await each("bridge", [gone, ...entries.slice(0, 250), nonsense, ...entries.slice(250)])).toEqual(wrong);
    const rows = JSON.parse(await command("bridge", "-j", "fdb", "show", "dev", device)) as { mac: string }[];
    expect(rows.map((row) => row.mac).sort()).toEqual(Array.from({ length: 500 }, (_, i) => mac(i)));
  });

  it("are all tried, however many of them fail", async () => {
    await all("ip", [`link add ${device} type vxlan id ${process.pid} dstport 4799 nolearning`]);
    const lines = Array.from({ length: 20_000 }, (_, i) => `fdb del ${mac(i)} dev ${device} self`);
    expect(await each("bridge", lines)).toHaveLength(20_000);
  });

  it("end at the first that fails where all are needed", async () => {
    const lines = [`link add ${device} type bridge`, "link set dev nowhere up", `link set dev ${device} mtu 1300`];
    await expect(all("ip", lines)).rejects.toThrow("ip link set dev nowhere up: Cannot find device");
    expect(await command("ip", "link", "show", "dev", device)).toContain("mtu 1500");
  });

  it("all fail where the program cannot be run", async () => {
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent";
    try {
      expect(await each("bridge", ["fdb show", "link show"])).toEqual(["fdb show", "link show"]);
      await expect(all("ip", ["link show"])).rejects.toThrow(/ENOENT/);
    } finally {
      process.env.PATH = path;
    }
  });
});

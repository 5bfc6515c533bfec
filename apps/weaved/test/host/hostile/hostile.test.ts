/**
 * Named attacks on real daemons. `npm test` tries each a few times, `npm run hostile` as often as the table says.
 */
import { whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { attacks } from "./attacks.ts";
import { ethernet, udpPacket } from "./frames.ts";
import { honestMarker, inject, macOf, openWorld, type World } from "./world.ts";

const why = whyNoLab(["capture", "dns"]);
const whole = process.env.WEAVED_HOSTILE === "whole";
const rows: string[] = ["| attack | tried | got through | note |", "| --- | --- | --- | --- |"];

describe("an encrypted network", () => {
  let world: World;
  beforeAll(async () => {
    if (why === undefined) world = await openWorld();
  });
  beforeEach((ctx) => (why === undefined ? undefined : ctx.skip(why)));
  afterAll(async () => {
    if (why !== undefined) return;
    for (const row of rows) console.log(row);
    await world[Symbol.asyncDispose]();
  });

  it("shows a marked frame of a member to the probe, so that a forged one would be seen", async () => {
    expect(await world.arrivals(() => honestMarker(world))).toBeGreaterThan(0);
  });

  it.each(attacks.map((attack) => [attack.name, attack] as const))(
    "withstands: %s",
    async (name, attack) => {
      const count = whole ? attack.whole : attack.short;
      const { through, note } = await attack.run(world, count);
      rows.push(`| ${name} | ${count} | ${through} | ${note ?? ""} |`);
      expect({ through, note }).toMatchObject({ through: 0 });
    },
    whole ? 1_200_000 : 120_000,
  );

  it("shows a spoofed frame to the probe where a container may send it", async () => {
    const { a, target, neighbour } = world;
    await a.weave("attach", `--allow-source=${neighbour}/32`, a.reference("c2"));
    const [own, victim] = await Promise.all(["c2", "c1"].map((name) => macOf(a.container(name), "ethwe")));
    const route = { from: neighbour, fromPort: 9999, to: target, toPort: 9999 };
    const frame = ethernet(victim as string, own as string, 0x0800, udpPacket(route, Buffer.from("forged")));
    expect(
      await world.arrivals(() => inject(a.container("c2"), "ethwe", [frame], 20), "udp port 9999"),
    ).toBeGreaterThan(0);
  });
});

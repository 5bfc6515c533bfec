/**
 * Named attacks on real daemons. `npm test` tries each a few times, `npm run hostile` as often as the table says.
 */
import { whyNoLab } from "@weaved/netlab";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { attacks, knownGaps } from "./attacks.ts";
import { honestMarker, openWorld, type World } from "./world.ts";

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

  it.each(knownGaps.map((attack) => [attack.name, attack] as const))(
    "shows a known gap: %s",
    async (name, attack) => {
      const count = whole ? attack.whole : attack.short;
      const { through, note } = await attack.run(world, count);
      rows.push(`| ${name} (known gap) | ${count} | ${through} | ${note ?? ""} |`);
      if (through === 0) console.warn(`nothing got through: "${name}" has been closed; move it to the attacks`);
    },
    whole ? 1_200_000 : 120_000,
  );
});

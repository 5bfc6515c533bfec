import { afterEach, describe, expect, it } from "vitest";
import { type Json, Lab, type OurPeer, type TheirPeer, topologyOf, until } from "./lab.ts";

const original = process.env.WEAVED_ORIGINAL;
let lab: Lab | undefined;

afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** All peers believe the same, with `links` established link ends in all. */
async function agreed(peers: readonly (OurPeer | TheirPeer)[], links: number, timeoutMs = 20_000): Promise<void> {
  await until(async () => {
    const views = await Promise.all(
      peers.map(async (p) => topologyOf("report" in p ? p.report() : await p.ask("status"))),
    );
    for (const view of views) expect(view).toEqual(views[0]);
    const ends =
      Object.values(views[0]!)
        .join(" ")
        .match(/\/(true|false)\/true/g)?.length ?? 0;
    expect(Object.keys(views[0]!)).toHaveLength(peers.length);
    expect(ends).toBe(links);
    return true;
  }, timeoutMs);
}

const password = ["--password=wfvAwt7sj"];

describe("a mesh of ours and the original's", () => {
  const cases = [
    ["in clear, version 2", {}, []],
    ["encrypted, version 2", { password: "wfvAwt7sj" }, password],
    ["in clear, version 1", { maxProtocolVersion: 1 }, []],
    ["encrypted, version 1", { minProtocolVersion: 1, maxProtocolVersion: 1, password: "wfvAwt7sj" }, password],
  ] as const;
  for (const [title, options, args] of cases) {
    for (const dialler of ["ours", "theirs"] as const) {
      it(`two peers, ${title}, dialled by ${dialler}, believe the same`, async (ctx) => {
        if (!original) return ctx.skip("WEAVED_ORIGINAL is not set");
        lab = new Lab(2, original);
        const ours = await lab.ours(1, options);
        const theirs = await lab.theirs(2, dialler === "theirs" ? [...args, "10.77.0.1"] : args);
        if (dialler === "ours") await ours.ask("connect 10.77.0.2");
        await agreed([ours, theirs], 2);
      });
    }
  }

  it("three peers become a full mesh; forget, restart, connect heal on either side", async (ctx) => {
    if (!original) return ctx.skip("WEAVED_ORIGINAL is not set");
    lab = new Lab(4, original);
    const ours1 = await lab.ours(1);
    const theirs2 = await lab.theirs(2, ["10.77.0.1"]);
    const ours3 = await lab.ours(3);
    await ours3.ask("connect 10.77.0.2");
    await agreed([ours1, theirs2, ours3], 6);
    let theirs4 = await lab.theirs(4, ["10.77.0.3"]);
    await agreed([ours1, theirs2, ours3, theirs4], 12);
    // A new incarnation of the original's, then of ours: both have to outgrow what others remember of them.
    await theirs4.stop();
    await agreed([ours1, theirs2, ours3], 6);
    theirs4 = await lab.theirs(4, ["10.77.0.1"]);
    await agreed([ours1, theirs2, ours3, theirs4], 12);
    await ours1.stop();
    const again = await lab.ours(1);
    await again.ask("connect 10.77.0.2");
    await agreed([again, theirs2, ours3, theirs4], 12);
    theirs2.post("/forget", "peer=10.77.0.1");
    theirs2.post("/connect", "peer=10.77.0.3");
    await agreed([again, theirs2, ours3, theirs4], 12);
  });

  it("relays gossip through the other's kind: ours - theirs - ours", async (ctx) => {
    if (!original) return ctx.skip("WEAVED_ORIGINAL is not set");
    lab = new Lab(3, original);
    const first = await lab.ours(1, { discovery: false });
    const middle = await lab.theirs(2, ["--no-discovery"]);
    const last = await lab.ours(3, { discovery: false });
    await first.ask("connect 10.77.0.2");
    await last.ask("connect 10.77.0.2");
    await agreed([first, middle, last], 4);
    expect(await first.ask("unicast 3 hello")).toBe(true);
    await first.ask("broadcast everybody");
    await until(async () => (await last.ask("status")).received.length === 2, 10_000);
    expect((await last.ask("status")).received.sort()).toEqual(["1:everybody", "1:hello"]);
  });

  it("relays for the original: theirs - ours - theirs", async (ctx) => {
    if (!original) return ctx.skip("WEAVED_ORIGINAL is not set");
    lab = new Lab(3, original);
    const first = await lab.theirs(1, ["--no-discovery", "10.77.0.2"]);
    const middle = await lab.ours(2, { discovery: false });
    const last = await lab.theirs(3, ["--no-discovery", "10.77.0.2"]);
    await agreed([first, middle, last], 4);
    // The original works out its routes a little after the topology.
    await until(() => {
      const routes = Object.fromEntries(first.report().Router.UnicastRoutes.map((r: Json) => [r.Dest, r.Via]));
      expect(routes["00:00:00:00:00:03"]).toBe("00:00:00:00:00:02");
      return true;
    }, 10_000);
  });

  it("a wrong password, or none, is refused on either side without harm", async (ctx) => {
    if (!original) return ctx.skip("WEAVED_ORIGINAL is not set");
    lab = new Lab(3, original);
    const ours = await lab.ours(1, { password: "right" });
    const theirs = await lab.theirs(2, ["--password=right", "10.77.0.1"]);
    await agreed([ours, theirs], 2);
    const wrong = await lab.theirs(3, ["--password=wrong", "10.77.0.1", "10.77.0.2"]);
    await until(async () => (await ours.ask("status")).events.MESH_DECRYPT > 0, 20_000);
    await wrong.stop();
    await lab.theirs(3, ["10.77.0.1"]);
    await until(async () => (await ours.ask("status")).events.MESH_ENCRYPTION_MISMATCH > 0, 20_000);
    await agreed([ours, theirs], 2);
  });
});

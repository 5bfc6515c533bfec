/**
 * Real churn, by hand: `WEAVED_ORIGINAL=DIR node --import tsx --conditions=@weaved/source test/host/churn.ts [MINUTES] [SEED]`.
 * Three of ours, three of the original's, encrypted. Every few seconds one is restarted, or forgets and is told of others.
 * No connection may end for an error of the protocol, on either side; at the end all agree.
 */
import { seededRandom } from "@weaved/sim";
import { Lab, type OurPeer, type TheirPeer, topologyOf, until } from "./lab.ts";

const [minutes = "10", seed = "1"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const pick = (count: number) => Math.floor(random() * count);
const lab = new Lab(6, process.env.WEAVED_ORIGINAL!);
const password = "wfvAwt7sj";
const isOurs = (n: number) => n % 2 === 1;
const other = (n: number) => `10.77.0.${((n - 1 + 1 + pick(5)) % 6) + 1}`;
const start = async (n: number): Promise<OurPeer | TheirPeer> => {
  if (!isOurs(n)) return lab.theirs(n, [`--password=${password}`, other(n), other(n)]);
  const peer = await lab.ours(n, { password });
  await peer.ask(`connect ${other(n)} ${other(n)}`);
  return peer;
};
/** How connections may end: by a restart, by a duplicate, by nobody being there. */
const innocent =
  /EOF|reset by peer|refused|no route to host|Multiple connections|broken pipe|i\/o timeout|closed network|unknown remote name/;
const faults: string[] = [];
const check = async (peer: OurPeer | TheirPeer): Promise<void> => {
  if ("report" in peer) {
    const lines = peer
      .log()
      .split("\n")
      .filter((line) => line.includes("shutting down due to error"));
    faults.push(...lines.filter((line) => !innocent.test(line)));
    return;
  }
  const { events } = await peer.ask("status");
  for (const code of [
    "MESH_PROTOCOL",
    "MESH_DECRYPT",
    "MESH_GOSSIP",
    "MESH_OVERSIZE",
    "MESH_FEATURES",
    "MESH_CONGESTED",
  ]) {
    if (events[code]) faults.push(`${code} x ${events[code]}: ${peer.log().slice(-2000)}`);
  }
};

try {
  const peers = new Map<number, OurPeer | TheirPeer>();
  for (let n = 1; n <= 6; n++) peers.set(n, await start(n));
  const end = Date.now() + Number(minutes) * 60_000;
  let restarts = 0;
  let orders = 0;
  while (Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 2_000 + pick(6_000)));
    const n = 1 + pick(6);
    const peer = peers.get(n)!;
    if (random() < 0.4) {
      await check(peer);
      await peer.stop();
      await new Promise((resolve) => setTimeout(resolve, pick(4_000)));
      peers.set(n, await start(n));
      restarts++;
    } else {
      const [gone, wanted] = [other(n), other(n)];
      if ("report" in peer) {
        peer.post("/forget", `peer=${gone}`);
        peer.post("/connect", `peer=${wanted}`);
      } else {
        await peer.ask(`forget ${gone}`);
        await peer.ask(`connect ${wanted}`);
      }
      orders++;
    }
  }
  let sameViews = false;
  await until(async () => {
    const views = await Promise.all(
      [...peers.values()].map(async (p) => topologyOf("report" in p ? p.report() : await p.ask("status"))),
    );
    sameViews = new Set(views.map((view) => JSON.stringify(view))).size === 1 && Object.keys(views[0]!).length === 6;
    return sameViews;
  }, 120_000);
  for (const peer of peers.values()) await check(peer);
  console.log(
    `${minutes} minutes: ${restarts} restarts, ${orders} forget/connect orders, all agree: ${sameViews}, faults: ${faults.length}`,
  );
  for (const fault of faults.slice(0, 5)) console.log(fault);
} finally {
  await lab.close();
}
process.exit(faults.length > 0 ? 1 : 0);

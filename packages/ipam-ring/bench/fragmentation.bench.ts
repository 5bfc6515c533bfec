/**
 * CIDR blocks, hence VPC routes, per peer: random steps of 50 peers, the same history under our policy and the original's. STEPS
 * (20,000; 100,000 take minutes), SIZE (4096 addresses), SEED.
 */
import { seededRandom } from "@weaved/sim";
import { rangesOf } from "../src/ring/ring.ts";
import { countBlocks } from "../src/space/address.ts";
import { World } from "../test/support/world.ts";

const STEPS = Number(process.env.STEPS ?? 20_000);
const SEED = Number(process.env.SEED ?? 1);
const PEERS = 50;
const START = 0x0a200000;
const SIZE = Number(process.env.SIZE ?? 4096);
/** Beyond this share in use nobody starts containers. */
const FULLEST = 0.8;

interface Sample {
  readonly perPeer: number;
  readonly worst: number;
}

/** Blocks by the owners' own rings. */
function sample(world: World): Sample {
  const blocks = world.hosts.map(({ core, name }) => countBlocks(rangesOf(core!.replica.ring, name)));
  return { perPeer: blocks.reduce((sum, count) => sum + count, 0) / PEERS, worst: Math.max(...blocks) };
}

function run(grants: "aligned" | "legacy"): { samples: Sample[]; entries: number; live: number; waiting: number } {
  const world = new World({
    seed: SEED,
    peers: PEERS,
    universe: { start: START, end: START + SIZE },
    init: "seed",
    grants,
    promptDisks: true,
  });
  world.settle();
  const random = seededRandom(SEED);
  const growing = Array.from({ length: PEERS }, () => random() < 0.5);
  const samples: Sample[] = [];
  for (let step = 0; step < STEPS; step++) {
    const host = world.hosts[Math.floor(random() * PEERS)]!;
    const [toss, pick, turn] = [random(), random(), random()];
    // Workloads move: what grew shrinks a while later.
    if (turn < PEERS / 20_000) growing[host.name - 1] = !growing[host.name - 1];
    const starts = toss < (growing[host.name - 1] ? 0.7 : 0.3);
    if (!starts) world.free(host, Math.floor(pick * 1e6));
    else if (world.live.size < SIZE * FULLEST) world.allocate(host);
    // Every peer ticks once in 5 s; here, after as many steps as it has peers.
    world.now += 100;
    world.tick(world.hosts[step % PEERS]!);
    world.settle();
    if (step % (STEPS / 100) === 0) samples.push(sample(world));
  }
  samples.push(sample(world));
  const entries = world.hosts[0]!.core!.replica.ring.entries.length;
  const waiting = world.hosts.reduce((sum, { core }) => sum + core!.requests.pending, 0);
  return { samples, entries, live: world.live.size, waiting };
}

console.log(`${STEPS} steps, ${PEERS} peers, ${SIZE} addresses, seed ${SEED}`);
const means: number[] = [];
for (const grants of ["aligned", "legacy"] as const) {
  const begun = performance.now();
  const { samples, entries, live, waiting } = run(grants);
  const last = samples.at(-1)!;
  const mean = samples.reduce((sum, { perPeer }) => sum + perPeer, 0) / samples.length;
  means.push(last.perPeer);
  console.log(
    `${grants}: ${last.perPeer.toFixed(1)} blocks per peer at the end, ${last.worst} at worst; ${mean.toFixed(1)} on average over the history; ` +
      `${entries} ring entries; ${live} addresses in use, ${waiting} requests waiting; ${((performance.now() - begun) / 1000).toFixed(0)} s`,
  );
}
console.log(`original / aligned = ${(means[1]! / means[0]!).toFixed(2)}`);

import { seededRandom } from "@weaved/sim";
import type { Ring } from "../../src/ring/ring.ts";
import { TICK_MS } from "../../src/timing.ts";
import { Violation, World, type WorldOptions } from "./world.ts";

/** One thing that happens. Numbers are taken modulo what there is, so any list of events is a history: shrinking just removes some. */
export interface Event {
  readonly do: keyof typeof weights | "removeLiving" | "rollBack";
  readonly host: number;
  readonly pick: number;
}

const weights = {
  allocate: 20,
  claim: 6,
  free: 10,
  deliver: 60,
  disk: 25,
  lose: 4,
  crash: 3,
  restart: 6,
  die: 1,
  reclaim: 5,
  replace: 1,
  leave: 1,
  partition: 2,
  heal: 2,
  tick: 12,
  gossip: 10,
};
/** With living machines that are removed, and disks that are restored from old copies. */
const restoring = { ...weights, removeLiving: 1, rollBack: 1 };

/** Draws the events of a history; `plain` leaves out the mistakes of operators. */
export function drawHistory(seed: number, length: number, plain = false): Event[] {
  const random = seededRandom(seed ^ 0x5bd1e995);
  const table = Object.entries(plain ? weights : restoring) as [Event["do"], number][];
  const total = table.reduce((sum, [, weight]) => sum + weight, 0);
  return Array.from({ length }, () => {
    return {
      do: drawKind(table, random() * total),
      host: Math.floor(random() * 1e6),
      pick: Math.floor(random() * 1e6),
    };
  });
}

function drawKind(table: readonly [Event["do"], number][], at: number): Event["do"] {
  let left = at;
  for (const [kind, weight] of table) {
    left -= weight;
    if (left < 0) return kind;
  }
  return "tick";
}

/** The world of a seed: 3 to 50 peers, mostly few, because small worlds meet more of each other. */
export function drawWorld(seed: number): WorldOptions {
  const random = seededRandom(seed);
  const peers = random() < 0.97 ? 3 + Math.floor(random() * 4) : 7 + Math.floor(random() * 44);
  const bits = random() < 0.5 ? 4 : 5 + Math.floor(random() * 4);
  const start = 0x0a200000;
  return {
    seed,
    peers,
    universe: { start, end: start + 2 ** Math.max(bits, Math.ceil(Math.log2(peers))) },
    init: random() < 0.5 ? "seed" : "consensus",
    grants: random() < 0.7 ? "aligned" : "legacy",
    promptDisks: random() < 0.3,
  };
}

/** Runs a history; the violation, if any. */
export function runHistory(options: WorldOptions, events: readonly Event[], make = newWorld): Violation | undefined {
  try {
    const world = make(options);
    for (const event of events) apply(world, event);
    world.heal();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error;
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return new Violation(`an error: ${reason}`);
  }
}

function newWorld(options: WorldOptions): World {
  return new World(options);
}

function apply(world: World, { do: kind, host: which, pick }: Event): void {
  const host = world.hosts[which % world.hosts.length]!;
  const up = host.core !== undefined && !host.core.leaving;
  const other = world.hosts[pick % world.hosts.length]!;
  world.steps++;
  world.now += 50;
  const { start, end } = world.options.universe;
  if (kind === "deliver") world.deliver(pick % 4 === 0 ? which % Math.max(world.flights.length, 1) : 0);
  else if (kind === "lose") world.lose(which % Math.max(world.flights.length, 1));
  else if (kind === "restart") world.restart(host);
  else if (kind === "partition") partition(world, pick);
  else if (kind === "heal") for (const each of world.hosts) each.group = 0;
  else if (kind === "replace") replaceDead(world, host);
  else if (kind === "rollBack") rollBack(world, host, pick);
  else if (kind === "disk") world.finishSave(host);
  else if (!up) return;
  else if (kind === "allocate") world.allocate(host);
  else if (kind === "claim") world.claim(host, start + (pick % (end - start)));
  else if (kind === "free") world.free(host, pick);
  else if (kind === "crash") world.crash(host);
  else if (kind === "die") dieLater(world, host);
  else if (kind === "leave") leaveLater(world, host);
  else if (kind === "reclaim") takeOverDead(world, pick);
  else if (kind === "removeLiving") removeLiving(world, host, other);
  else if (kind === "tick") {
    world.now += TICK_MS / 4;
    world.tick(host);
  } else if (other.core && other !== host) world.gossip(host, other);
}

function partition(world: World, pick: number): void {
  for (const each of world.hosts) each.group = (pick >> (each.name % 16)) & 1;
  world.reportGone();
}

function rollBack(world: World, host: World["hosts"][number], pick: number): void {
  if (!founded(world) || host.dead) return;
  if (host.core) world.crash(host);
  world.rollBack(host, pick);
}

function removeLiving(world: World, host: World["hosts"][number], other: World["hosts"][number]): void {
  if (other === host || other.dead || !founded(world)) return;
  if (other.core) world.crash(other);
  world.removeLiving(host, other);
}

/** Before there is a ring everywhere, a lost disk would also be a lost vote: bootstrapping is done by hosts that stay. */
function founded(world: World): boolean {
  return world.hosts.every(({ disk, dead }) => dead || (disk !== undefined && disk.ring.entries.length > 0));
}

function dieLater(world: World, host: World["hosts"][number]): void {
  if (founded(world) && world.alive().length > 1) world.die(host);
}

function leaveLater(world: World, host: World["hosts"][number]): void {
  if (founded(world) && world.alive().length > 1) world.leave(host);
}

/** The operator says on several survivors at once that a machine is gone. Only of machines that are. */
function takeOverDead(world: World, pick: number): void {
  const dead = world.hosts.filter((host) => host.dead);
  const target = dead[pick % Math.max(dead.length, 1)];
  if (!target) return;
  for (const host of world.alive()) {
    if (!host.core!.leaving && (pick >> (host.name % 12)) % 3 === 0 && !target.core) world.reclaim(host, target);
  }
}

/**
 * A new machine with an empty disk takes a dead one's name. Only once nobody can hear any more that the old one owned something:
 * nobody up or down, and no message under way. The README says so to operators.
 */
function replaceDead(world: World, host: World["hosts"][number]): void {
  const owns = (ring: Ring | undefined): boolean => ring?.entries.some(({ peer }) => peer === host.name) ?? false;
  // A disk that lags is what its host still says to others, and what it will know after a crash.
  const known = world.hosts.some(({ core, disk, written }) =>
    [core?.replica.ring, core?.state().ring, disk?.ring, written?.ring].some(owns),
  );
  const heard = world.flights.some(({ to, message }) => to === host.name || owns(ringIn(message)));
  if (host.dead && !known && !heard) world.replace(host);
}

function ringIn(message: World["flights"][number]["message"]): Ring | undefined {
  if (message.kind === "state") return message.state().ring;
  if (message.kind === "consent") return message.message.ring;
  return message.message.type === "ringUpdate" ? message.message.state.ring : undefined;
}

/** Removes events as long as the history still fails: first halves, then single ones. */
export function shrink(options: WorldOptions, events: readonly Event[], make = newWorld): Event[] {
  let best = [...events];
  for (let size = Math.floor(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length; ) {
      const shorter = [...best.slice(0, at), ...best.slice(at + size)];
      if (runHistory(options, shorter, make)) best = shorter;
      else at += size;
    }
  }
  return best;
}

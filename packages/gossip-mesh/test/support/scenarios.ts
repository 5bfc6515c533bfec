/** Simulations: what the unit tests run small and `bench/` runs large. All of a run follows from its seed. */
import { exponential, type VirtualClock } from "@weaved/sim";
import type { GossipData, GossipHandler, Mesh, MeshOptions } from "../../src/index.ts";
import { createWorld, type World } from "./world.ts";

/** As many targets for each peer: on average the links are twice as many. */
const TARGETS = 4;
/** ScaleCube's network: each message late by 2 ms on average, one in a hundred lost. */
const NETWORK = { latency: exponential(2), loss: 0.01 };

/** As many updates show how news spreads. */
const UPDATES = 100;

/** Peers on a random graph of degree 8 in one piece. */
export interface Graph {
  readonly world: World;
  readonly meshes: Mesh[];
  /** Peers that each one is told of, in order of name. */
  readonly targets: readonly (readonly string[])[];
}

export async function randomGraph(seed: number, count: number, options: Partial<MeshOptions> = {}): Promise<Graph> {
  const world = createWorld(seed, NETWORK);
  const targets = Array.from({ length: count }, (_, i) => {
    const peers = new Set<number>(i === 0 ? [] : [i]);
    while (peers.size < Math.min(TARGETS, i)) peers.add(1 + Math.floor(world.random() * i));
    return [...peers].map(world.address);
  });
  const settings = { discovery: false, connectionLimit: 0, ...options };
  const meshes = targets.map((_, i) => world.start(i + 1, settings));
  await Promise.all(meshes.map((mesh, i) => mesh.connect(targets[i]!)));
  return { world, meshes, targets };
}

/** Whether all believe the same, and know `count` peers. */
export function settled(meshes: readonly Mesh[], count: number): boolean {
  const first = meshes[0]!.convergence().digest;
  return meshes.every((mesh) => {
    const { peers, digest } = mesh.convergence();
    return peers === count && digest === first;
  });
}

/** Lets time pass until a condition holds, looked at twice a second. Returns how long that took; Infinity: too long. */
export function timeUntil(clock: VirtualClock, condition: () => boolean, limitMs: number): number {
  const started = clock.now();
  while (!condition()) {
    if (clock.now() - started >= limitMs) return Number.POSITIVE_INFINITY;
    clock.advance(500);
  }
  return clock.now() - started;
}

/** One part of a run: virtual milliseconds until all agreed, and what it took since the part before. */
export interface Phase {
  readonly title: string;
  readonly ms: number;
  readonly messagesPerPeer: number;
  readonly bytesPerPeer: number;
}

/**
 * Peers come up, are split in halves for two minutes, are joined again. `onPhase` hears of each part as it ends; `onNews`,
 * if given, of how long a hundred updates took to reach the others while all was well.
 */
export async function splitAndHeal(
  seed: number,
  count: number,
  onPhase: (phase: Phase) => void,
  onNews?: (times: number[]) => void,
): Promise<void> {
  const graph = await randomGraph(seed, count);
  const { world, meshes } = graph;
  const { clock, network } = world;
  let before = { bytes: 0, segments: 0 };
  const phase = (title: string, groups: Mesh[][], expected: number): void => {
    const ms = timeUntil(clock, () => groups.every((group) => settled(group, expected)), 600_000);
    const { bytes, segments } = network.stats;
    const per = (now: number, then: number): number => (now - then) / count;
    onPhase({ title, ms, messagesPerPeer: per(segments, before.segments), bytesPerPeer: per(bytes, before.bytes) });
    before = { bytes, segments };
  };
  phase("comes up", [meshes], count);
  onNews?.(spreadNews(graph, UPDATES));
  before = { ...network.stats };
  const half = count / 2;
  const halves = [meshes.slice(0, half), meshes.slice(half)];
  network.partition(halves.map((group) => group.map((mesh) => world.address(mesh.name))));
  phase("split in halves", halves, half);
  // Both sides give up on what is left of the old links.
  clock.advance(120_000);
  network.heal();
  phase("joined again", [meshes], count);
  for (const mesh of meshes) mesh.close();
}

/** Bytes that each of some peers sends until all agree. */
export async function bytesToComeUp(seed: number, count: number): Promise<number> {
  const { world, meshes } = await randomGraph(seed, count);
  if (timeUntil(world.clock, () => settled(meshes, count), 120_000) === Number.POSITIVE_INFINITY) return Infinity;
  for (const mesh of meshes) mesh.close();
  return world.network.stats.bytes / count;
}

/** All peers end at once, and begin again as new incarnations. Virtual milliseconds until all agree. */
export async function restartAll(seed: number, count: number, options: Partial<MeshOptions> = {}): Promise<number> {
  const { world, meshes, targets } = await randomGraph(seed, count, options);
  const limitMs = 120_000;
  if (timeUntil(world.clock, () => settled(meshes, count), limitMs) === Number.POSITIVE_INFINITY) return Infinity;
  world.clock.advance(10_000);
  for (const mesh of meshes) mesh.close();
  const settings = { discovery: false, connectionLimit: 0, ...options };
  const again = meshes.map(({ name }) => world.start(name, settings));
  await Promise.all(again.map((mesh, i) => mesh.connect(targets[i]!)));
  const ms = timeUntil(world.clock, () => settled(again, count), limitMs);
  for (const mesh of again) mesh.close();
  return ms;
}

/** Peers of a random graph, told of one update after another; see {@link spreadNews}. */
export async function disseminate(seed: number, count: number, updates: number): Promise<number[]> {
  const graph = await randomGraph(seed, count);
  timeUntil(graph.world.clock, () => settled(graph.meshes, count), 120_000);
  const times = spreadNews(graph, updates);
  for (const mesh of graph.meshes) mesh.close();
  return times;
}

/** One peer tells news, then another, `updates` times. Virtual milliseconds until each of the others had heard, of each. */
function spreadNews({ world, meshes }: Graph, updates: number): number[] {
  const { clock, random } = world;
  let heardAt: number[] = [];
  const peers = meshes.map((mesh) => {
    const { handler, know } = newsHandler(() => heardAt.push(clock.now()));
    return { know, sender: mesh.openChannel("news", handler) };
  });
  const times: number[] = [];
  for (let update = 0; update < updates; update++) {
    heardAt = [];
    const started = clock.now();
    const { know, sender } = peers[Math.floor(random() * meshes.length)]!;
    sender.gossip(know(update));
    clock.advanceUntil(() => heardAt.length >= meshes.length - 1, 60_000);
    times.push(...heardAt.map((at) => at - started));
    clock.advance(1_000);
  }
  return times;
}

function news(value: number): GossipData {
  return { merge: (other) => other, encode: () => [Uint8Array.of(value)] };
}

/** Passes on news once. Who tells some knows it already: to hear it back is no news. */
function newsHandler(onNews: () => void): { handler: GossipHandler; know: (value: number) => GossipData } {
  let last = -1;
  const know = (value: number): GossipData => {
    last = value;
    return news(value);
  };
  const take = (payload: Uint8Array): GossipData | undefined => {
    if (payload[0]! <= last) return undefined;
    onNews();
    return know(payload[0]!);
  };
  const handler: GossipHandler = {
    onUnicast() {},
    onBroadcast: (_source, payload) => take(payload),
    onGossip: take,
    gossip: () => (last < 0 ? undefined : news(last)),
  };
  return { handler, know };
}

/** What became of a mesh under a limit. */
export interface Limited {
  readonly count: number;
  readonly limit: number;
  /** All know all, and believe the same. */
  readonly onePiece: boolean;
  readonly withinLimit: boolean;
}

/** A random mesh under a random connection limit, mostly a narrow one; each peer is told of one that is there already. */
export async function limitConnections(seed: number): Promise<Limited> {
  const world = createWorld(seed);
  const between = (low: number, high: number): number => low + Math.floor(world.random() * (high - low + 1));
  const kind = world.random();
  // Wide limits bind only in meshes that are wider still.
  const limit = kind < 0.95 ? between(3, 6) : kind < 0.999 ? between(7, 20) : between(21, 200);
  const count = Math.min(limit + between(1, 12), 60);
  const meshes = Array.from({ length: count }, (_, i) => world.start(i + 1, { connectionLimit: limit }));
  for (let n = 2; n <= count; n++) await meshes[n - 1]!.connect([world.address(between(1, n - 1))]);
  const within = (): boolean => meshes.every((mesh) => liveConnections(mesh) <= limit);
  world.clock.advance(30_000);
  timeUntil(world.clock, () => settled(meshes, count) && within(), 270_000);
  // That it is so now is not enough: it has to stay so.
  world.clock.advance(30_000);
  const onePiece = timeUntil(world.clock, () => settled(meshes, count), 60_000) !== Number.POSITIVE_INFINITY;
  const withinLimit = within();
  for (const mesh of meshes) mesh.close();
  return { count, limit, onePiece, withinLimit };
}

function liveConnections(mesh: Mesh): number {
  return mesh.status().connections.filter(({ state }) => state === "established").length;
}

/** The value that a share `q` of all stays below. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.slice().sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

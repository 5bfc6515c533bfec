import { createHash } from "node:crypto";
import { TICK_MS } from "../src/core.ts";
import { Violation, World } from "./world.ts";

/**
 * Every interleaving of a small world: breadth first over all orders of all steps, each state visited once.
 *
 * Three peers share eight addresses. Steps: a container starts or ends on a peer; the next message of any link arrives; time passes;
 * a peer's process is killed and started again; peer 3's machine is lost for good; a survivor takes it over. Containers are named by
 * peer only, so histories that differ in names are one state. States are rebuilt by repeating their steps: slow, and with no
 * special code in what is checked.
 */
export type Step =
  | `${"allocate" | "free" | "restart" | "takeOver"} ${number}`
  | `deliver ${number} ${number}`
  | "tick"
  | "die 3";

export interface Exploration {
  /** States at each depth, the start first. */
  readonly states: readonly number[];
  /** Steps tried. */
  readonly transitions: number;
  /** Steps that lead to a violation, and which. */
  readonly violation?: { readonly steps: readonly Step[]; readonly message: string };
}

const START = 0x0a200000;
const MOST_CONTAINERS = 3;

function fresh(): World {
  const world = new World({
    seed: 1,
    peers: 3,
    universe: { start: START, end: START + 8 },
    init: "seed",
    donation: "aligned",
    promptDisks: true,
    fixedRandom: 0.5,
  });
  world.settle();
  return world;
}

/** What can happen next. */
function steps(world: World, path: readonly Step[]): Step[] {
  const result: Step[] = [];
  const crashed = path.some((step) => step.startsWith("restart"));
  for (const { name, core } of world.hosts) {
    if (!core) continue;
    const held = [...world.live.values()].filter(({ host }) => host === name).length + core.requests.pending;
    if (held < MOST_CONTAINERS) result.push(`allocate ${name}`);
    if (held > core.requests.pending) result.push(`free ${name}`);
    if (!crashed) result.push(`restart ${name}`);
    if (name !== 3 && world.host(3).dead && !path.includes(`takeOver ${name}`)) result.push(`takeOver ${name}`);
  }
  const links = new Set(world.flights.map(({ from, to }) => `deliver ${from} ${to}` as const));
  result.push(...links);
  if (world.host(3).core) result.push("die 3");
  if (world.hosts.some(({ core }) => core && core.requests.pending > 0) || world.host(3).dead) result.push("tick");
  return result;
}

function take(world: World, step: Step): void {
  const [kind, a = "0", b] = step.split(" ");
  const host = world.hosts[Number(a) - 1]!;
  if (kind === "allocate") world.allocate(host, nextIdent(world, host.name));
  else if (kind === "free") world.free(host, 0);
  else if (kind === "die") world.die(host);
  else if (kind === "takeOver") world.takeOver(host, world.host(3));
  else if (kind === "deliver")
    world.deliver(world.flights.findIndex(({ from, to }) => from === Number(a) && to === Number(b)));
  else if (kind === "restart") {
    world.crash(host);
    world.restart(host);
  } else {
    world.now += TICK_MS;
    for (const each of world.alive()) world.tick(each);
  }
}

function nextIdent(world: World, host: number): string {
  for (let i = 0; ; i++) {
    const ident = `c${host}.${i}`;
    const waits = world
      .host(host)
      .core!.requests.list("allocate")
      .some((request) => request.ident === ident);
    if (!waits && ![...world.live.values()].some((who) => who.ident === ident)) return ident;
  }
}

/** Everything that the future depends on. Ages of questions count only as "still bars asking". */
function digest(world: World): string {
  const hosts = world.hosts.map(({ core, dead, disk }) => {
    if (!core) return [dead, disk];
    const { ring, books, requests, takeovers } = core;
    const waiting = requests
      .list("allocate")
      .map(({ ident, asked }) => [ident, asked.map(({ peer, answer }) => [peer, answer])]);
    const questions = requests.questions().map(({ peer, answer, at }) => [peer, answer, world.now - at < TICK_MS]);
    return [ring.entries, books.list(), waiting, questions, takeovers.saved(), takeovers.waiting()];
  });
  const flights = world.flights.map(({ from, to, message }) => [
    from,
    to,
    message.kind === "state" ? message.state() : message.message,
  ]);
  // Order matters within a link only.
  const links = flights
    .map((flight, i) => [flight, i] as const)
    .sort(([a, i], [b, j]) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1]) || i - j);
  const text = JSON.stringify([hosts, links.map(([flight]) => flight), [...world.live]], (key, value) =>
    key === "now"
      ? undefined
      : typeof value === "bigint"
        ? String(value)
        : value instanceof Map
          ? [...value]
          : key === "at"
            ? undefined
            : value,
  );
  return createHash("sha1").update(text).digest("base64");
}

/** Explores to a depth, or as far as `mostStates` allow. */
export function explore(depth: number, mostStates: number = Number.POSITIVE_INFINITY): Exploration {
  const seen = new Set<string>();
  let frontier: Step[][] = [[]];
  seen.add(digest(fresh()));
  const states = [1];
  let transitions = 0;
  for (let level = 0; level < depth && frontier.length > 0; level++) {
    const next: Step[][] = [];
    for (const path of frontier) {
      for (const step of steps(replay(path), path)) {
        if (seen.size >= mostStates) return { states, transitions };
        transitions++;
        const steps = [...path, step];
        const outcome = visit(steps);
        if (outcome instanceof Violation)
          return { states, transitions, violation: { steps, message: outcome.message } };
        if (seen.has(outcome)) continue;
        seen.add(outcome);
        next.push(steps);
      }
    }
    frontier = next;
    states.push(next.length);
  }
  return { states, transitions };
}

function replay(path: readonly Step[]): World {
  const world = fresh();
  for (const step of path) take(world, step);
  return world;
}

function visit(path: readonly Step[]): string | Violation {
  try {
    return digest(replay(path));
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
}

import type { Entry } from "../../src/ring/entry.ts";
import { type Input, type Message, MORTAL, SmallHost } from "./small-host.ts";
import { describe, ranks } from "./small-shapes.ts";

/**
 * A world small enough to try every order of everything that can happen: three peers share eight addresses. Steps: a container starts
 * or ends on a peer; the next message of any link arrives; time passes; a process is killed and started again, once; peer 3's
 * machine is lost for good; a survivor takes it over.
 *
 * A peer is a deterministic machine, so what an input does to a peer in a state is worked out once, by the real allocator, and
 * remembered; the world only combines peers and the messages between them.
 */
export interface Global {
  /** States of the three peers; -1 for the lost one. */
  readonly peers: readonly [number, number, number];
  /** Messages under way on each of nine links, oldest first. */
  readonly links: readonly (readonly number[])[];
  /** Bits: a process was restarted; peer 1 claimed; peer 2 claimed. */
  readonly flags: number;
}

/** Where a step leads. */
export interface Transition {
  readonly step: string;
  readonly to: Global;
  readonly violation?: string;
}

/** Containers at once: on a peer, in the world. Of the six addresses for containers, the peers are given 3, 2, 1. */
const MOST_ON_PEER = 2;
const MOST_CONTAINERS = 4;
const MOST_AGE = 64;

interface PeerState {
  readonly name: number;
  /** Equal for states that differ in versions only. */
  readonly shape: number;
  readonly entries: readonly Entry[];
  readonly held: number;
  readonly owned: number;
  readonly pending: number;
  readonly takingOver: boolean;
  /** How to get there: the state before, and what happened. */
  readonly history: readonly Input[];
  readonly results: Map<string, Result>;
}

interface Result {
  readonly state: number;
  readonly sent: readonly { readonly to: number; readonly message: number }[];
  readonly violation?: string;
}

/** Numbers for values that are the same by their text. */
class Interner<T> {
  readonly values: T[] = [];
  readonly #numbers = new Map<string, number>();
  intern(text: string, make: () => T): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.values.length);
    return this.values.push(make()) - 1;
  }
}

export class SmallWorld {
  readonly #states = new Interner<PeerState>();
  readonly #shapes = new Interner<string>();
  readonly #messages = new Interner<{
    readonly message: Message;
    readonly shape: number;
    readonly entries: readonly Entry[];
  }>();
  /** Runs of the real allocator. */
  worked = 0;

  /** All up, all acquainted, nothing under way. */
  start(): Global {
    const links: number[][] = Array.from({ length: 9 }, () => []);
    const peers = [1, 2, 3].map((name) => {
      const host = new SmallHost(name);
      for (const { to, message } of host.sent) links[linkOf(name, to)]!.push(this.#intern(message));
      return this.#remember(host, name, []);
    }) as [number, number, number];
    let world: Global = { peers, links, flags: 0 };
    for (let age = 0; age < MOST_AGE; age++) {
      const busy = world.links.findIndex((link) => link.length > 0);
      if (busy < 0) return world;
      world = this.#deliver(world, busy).to;
    }
    throw new Error("never quiet");
  }

  /** Everything that can happen. */
  *steps(world: Global): Generator<Transition> {
    const states = world.peers.map((state) => (state < 0 ? undefined : this.#states.values[state]!));
    const alone = states[MORTAL - 1] === undefined;
    const count = (state: PeerState | undefined): number => (state ? bits(state.held) + state.pending : 0);
    const containers = states.reduce((sum, state) => sum + count(state), 0);
    for (const state of states) {
      if (!state) continue;
      const { name } = state;
      if (count(state) < MOST_ON_PEER && containers < MOST_CONTAINERS)
        yield this.#one(world, name, { kind: "allocate", alone });
      for (let address = 0; address < 8; address++) {
        if (state.held & (1 << address)) yield this.#one(world, name, { kind: "free", alone, address });
      }
      if (!(world.flags & 1)) yield this.#one({ ...world, flags: world.flags | 1 }, name, { kind: "restart", alone });
      const claimed = 1 << name;
      if (alone && !(world.flags & claimed)) {
        yield this.#one({ ...world, flags: world.flags | claimed }, name, { kind: "reclaim", alone });
      }
    }
    for (const [link, queue] of world.links.entries()) if (queue.length > 0) yield this.#deliver(world, link);
    if (!alone) yield { step: `die ${MORTAL}`, to: lose(world) };
    if (alone || states.some((state) => state && (state.pending > 0 || state.takingOver)))
      yield this.#tick(world, alone);
  }

  /**
   * The same text for states that are the same but for names and versions: see {@link SmallHost.digest}, {@link ranks}. Peers are not
   * interchangeable: their shares differ in size, and the lower name wins a tie.
   */
  canonical({ peers, links, flags }: Global): string {
    const parts: { shape: number; entries: readonly Entry[] }[] = [];
    const owners = new Map<number, readonly Entry[]>();
    let text = `${flags}`;
    for (const state of peers) {
      const peer = state < 0 ? undefined : this.#states.values[state]!;
      if (peer) {
        owners.set(peer.name, peer.entries);
        parts.push(peer);
      }
      text += `,${peer?.shape ?? "x"}`;
    }
    for (const link of links) {
      text += ";";
      for (const id of link) {
        const message = this.#messages.values[id]!;
        if (message.entries.length > 0) parts.push(message);
        text += `,${message.shape}`;
      }
    }
    const rank = ranks(parts, owners);
    for (const { entries } of parts) {
      text += "/";
      for (const entry of entries) text += `${rank(entry)} `;
    }
    return text;
  }

  #one(world: Global, name: number, input: Input): Transition {
    const detail = input.address === undefined ? "" : ` .${input.address}`;
    return this.#apply(world, [[name, input]], `${input.kind} ${name}${detail}`);
  }

  #deliver(world: Global, link: number): Transition {
    const [from, to] = [Math.floor(link / 3) + 1, (link % 3) + 1];
    const [first, ...rest] = world.links[link] as [number, ...number[]];
    const links = world.links.map((queue, i) => (i === link ? rest : queue));
    const alone = world.peers[MORTAL - 1]! < 0;
    const { message } = this.#messages.values[first]!;
    return this.#apply(
      { ...world, links },
      [[to, { kind: "deliver", alone, from, message }, `${from} ${first}`]],
      `deliver ${from} ${to}`,
    );
  }

  #tick(world: Global, alone: boolean): Transition {
    const up = [1, 2, 3].filter((name) => world.peers[name - 1]! >= 0);
    return this.#apply(
      world,
      up.map((name) => [name, { kind: "tick", alone }]),
      "tick",
    );
  }

  #apply(world: Global, inputs: readonly [number, Input, string?][], step: string): Transition {
    const peers = [...world.peers] as [number, number, number];
    const links = [...world.links];
    let violation: string | undefined;
    for (const [name, input, key = `${input.address}`] of inputs) {
      const result = this.#result(peers[name - 1]!, input, key);
      peers[name - 1] = result.state;
      violation ??= result.violation;
      for (const { to, message } of result.sent) {
        const link = linkOf(name, to);
        links[link] = [...links[link]!, message];
      }
    }
    violation ??= this.#check(peers);
    return { step, to: { ...world, peers, links }, ...(violation !== undefined && { violation }) };
  }

  #result(from: number, input: Input, key: string): Result {
    const state = this.#states.values[from]!;
    const full = `${input.kind} ${input.alone} ${key}`;
    const known = state.results.get(full);
    if (known) return known;
    this.worked++;
    const host = new SmallHost(state.name);
    for (const each of state.history) host.take(each);
    host.sent.length = 0;
    let violation: string | undefined;
    try {
      host.take(input);
    } catch (error) {
      violation = (error as Error).message;
    }
    const sent = host.sent.map(({ to, message }) => ({ to, message: this.#intern(message) }));
    const result = {
      state: this.#remember(host, state.name, [...state.history, input]),
      sent,
      ...(violation !== undefined && { violation }),
    };
    state.results.set(full, result);
    return result;
  }

  /** Two peers with one address, in their rings or with a container. */
  #check(peers: readonly number[]): string | undefined {
    const up = peers.filter((state) => state >= 0).map((state) => this.#states.values[state]!);
    for (const [i, a] of up.entries()) {
      for (const b of up.slice(i + 1)) {
        if (a.held & b.held) return `containers on h${a.name} and h${b.name} have the same address`;
        if (a.owned & b.owned) return `h${a.name} and h${b.name} own the same address`;
      }
    }
    return undefined;
  }

  #remember(host: SmallHost, name: number, history: readonly Input[]): number {
    const digest = host.digest();
    const { entries, held, owned, pending, takingOver } = host;
    const versions = entries.map(({ version }) => version).join();
    return this.#states.intern(`${digest} ${versions}`, () => {
      const shape = this.#shapes.intern(digest, () => "");
      return { name, shape, entries, held, owned, pending, takingOver, history, results: new Map() };
    });
  }

  #intern(message: Message): number {
    const { shape, entries } = describe(message);
    const versions = entries.map(({ version }) => version).join();
    return this.#messages.intern(`${shape} ${versions}`, () => ({
      message,
      entries,
      shape: this.#shapes.intern(shape, () => ""),
    }));
  }
}

function linkOf(from: number, to: number): number {
  return (from - 1) * 3 + to - 1;
}

/** What the lost machine sent still arrives; what was on its way to it matters no more. */
function lose({ peers: [first, second], links, flags }: Global): Global {
  return {
    peers: [first, second, -1],
    links: links.map((queue, link) => (link % 3 === MORTAL - 1 ? [] : queue)),
    flags,
  };
}

function bits(mask: number): number {
  let count = 0;
  for (let left = mask; left > 0; left &= left - 1) count++;
  return count;
}

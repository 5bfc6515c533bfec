import { createVirtualClock, seededRandom, type VirtualClock } from "@weaved/sim";
import { type Allocator, type AllocatorOptions, createAllocator } from "../../src/index.ts";
import type { Store } from "../../src/ports.ts";
import { createMemoryNetwork, createMemoryStore, type MemoryNetwork } from "../../src/testing/index.ts";

/** Whole allocators on a network in memory, in virtual time. */
export interface Cluster {
  readonly clock: VirtualClock;
  readonly network: MemoryNetwork;
  readonly stores: Store[];
  /** Starts peer 1, 2, ... or starts it again. */
  add(name: number, more?: Partial<AllocatorOptions>): Promise<Allocator>;
  /** Lets messages and saves go round, and `ms` pass. */
  run(ms?: number): Promise<void>;
}

export function createCluster(peers: number, defaults: Partial<AllocatorOptions> = {}): Cluster {
  const clock = createVirtualClock();
  const network = createMemoryNetwork();
  const stores = Array.from({ length: peers + 1 }, () => createMemoryStore());
  const random = seededRandom(1);
  let life = 0n;
  return {
    clock,
    network,
    stores,
    async add(name, more) {
      const allocator = await createAllocator({
        name,
        uid: ++life,
        nickname: `h${name}`,
        universe: "10.32.0.0/24",
        init: { kind: "consensus", peers, guess: () => peers },
        clock,
        random,
        store: stores[name]!,
        isKnownPeer: (peer) => network.isKnown(peer),
        mixed: false,
        ...defaults,
        ...more,
      });
      network.connect(name, allocator);
      allocator.start();
      return allocator;
    },
    async run(ms = 0) {
      for (let left = ms; left >= 0; left -= 1000) {
        await quiet();
        if (left > 0) clock.advance(Math.min(left, 1000));
      }
      await quiet();
    },
  };
}

/** Microtasks breed microtasks; a macrotask comes when there are none. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An address as people write it. */
export function text({ address, prefixLength }: { readonly address: string; readonly prefixLength: number }): string {
  return `${address}/${prefixLength}`;
}

/** The state of a promise without waiting for it. */
export async function stateOf(promise: Promise<unknown>): Promise<string> {
  return Promise.race([
    promise.then(
      () => "done",
      (error) => `failed: ${error.code}`,
    ),
    new Promise<string>((go) => setImmediate(() => go("waits"))),
  ]);
}

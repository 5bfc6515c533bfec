import { AllocatorCore } from "../../src/core/core.ts";
import type { Saved } from "../../src/durability/saved.ts";
import type { Entry } from "../../src/ring/entry.ts";
import { alignedGrants } from "../../src/ring/grant-policy.ts";
import { rangesOf } from "../../src/ring/ring.ts";
import { formatIpv4, parseIpv4 } from "../../src/space/address.ts";
import { TICK_MS } from "../../src/timing.ts";
import type { GossipState, UnicastMessage } from "../../src/wire/allocation-wire.ts";
import type { ConsentMessage } from "../../src/wire/consent-wire.ts";

/** Eight addresses for three peers. */
export const UNIVERSE = { start: 0x0a200000, end: 0x0a200008 };
const SUBNET = { address: formatIpv4(UNIVERSE.start), prefixLength: 29 };
/** The peer whose machine may be lost. */
export const MORTAL = 3;

export type Message =
  | { readonly kind: "unicast"; readonly message: UnicastMessage }
  | { readonly kind: "state"; readonly state: GossipState }
  | { readonly kind: "consent"; readonly message: ConsentMessage };

/** What can happen to one peer. `alone` says whether peer 3 is lost by then. */
export interface Input {
  readonly kind: "allocate" | "free" | "restart" | "reclaim" | "tick" | "deliver";
  readonly alone: boolean;
  /** Of `free`: the offset of the address. */
  readonly address?: number;
  /** Of `deliver`. */
  readonly from?: number;
  readonly message?: Message;
}

/** One peer with its disk, its containers, and a record of what it sent. Saves are done at once. */
export class SmallHost {
  readonly sent: { readonly to: number; readonly message: Message }[] = [];
  readonly #name: number;
  readonly #running = new Set<number>();
  #core: AllocatorCore;
  #disk: Saved | undefined;
  #alone = false;
  #lives = 0;
  #ticks = 0;
  #containers = 0;

  constructor(name: number) {
    this.#name = name;
    this.#core = this.#boot();
  }

  /** Takes an input. @throws Error when an address is given out twice */
  take(input: Input): void {
    this.#alone = input.alone;
    const core = this.#core;
    if (input.kind === "allocate") this.#allocate();
    else if (input.kind === "free") this.#free(UNIVERSE.start + input.address!);
    else if (input.kind === "restart") this.#core = this.#boot();
    else if (input.kind === "reclaim") {
      core.reclaim(MORTAL, () => {});
    } else if (input.kind === "tick") {
      this.#ticks++;
      core.tick();
    } else this.#receive(input.from!, input.message!);
    const wrong = [...core.replica.allocations.addresses()].filter((address) => !this.#running.has(address));
    if (wrong.length > 0)
      throw new Error(`h${this.#name} has ${wrong.map(formatIpv4)} in its allocations, which nobody has`);
  }

  get entries(): readonly Entry[] {
    return this.#core.replica.ring.entries;
  }

  /** Addresses of containers, a bit each. */
  get held(): number {
    return [...this.#running].reduce((mask, address) => mask | (1 << (address - UNIVERSE.start)), 0);
  }

  /** Addresses that the peer takes for its own, a bit each. */
  get owned(): number {
    const bits = ({ start, end }: { start: number; end: number }): number =>
      2 ** (end - UNIVERSE.start) - 2 ** (start - UNIVERSE.start);
    return rangesOf(this.#core.replica.ring, this.#name).reduce((mask, range) => mask + bits(range), 0);
  }

  get pending(): number {
    return this.#core.requests.pending;
  }

  get takingOver(): boolean {
    return this.#core.reclaims.waiting().length > 0;
  }

  /**
   * Everything that the peer's future depends on, but for versions. Containers are interchangeable, so only which addresses they
   * have counts; of the age of a question only whether it still bars asking again.
   */
  digest(): string {
    const { requests, reclaims, knownPeers, replica } = this.#core;
    const waiting = requests
      .list("allocate")
      .map(({ asked }) => asked.filter(({ answer }) => !answer).map(({ peer }) => peer));
    const bars = (at: number): boolean => this.#ticks * TICK_MS - at < TICK_MS;
    const questions = requests.spaceRequests().map(({ peer, answer, at }) => [peer, answer, bars(at)]);
    const { members, gone, ...consent } = reclaims.saved();
    return JSON.stringify([
      [this.#name, this.#lives, this.held, waiting, questions],
      replica.ring.entries.map(({ token, peer, free }) => [token, peer, free]),
      [consent, [...members].sort(), [...gone].sort(), reclaims.waiting()],
      [...knownPeers.nicknames.keys()].sort(),
    ]);
  }

  #boot(): AllocatorCore {
    const name = this.#name;
    const life = ++this.#lives;
    const others = (): number[] => [1, 2, 3].filter((peer) => peer !== name && this.#reaches(peer));
    const send = (to: number, message: Message): void => {
      if (life === this.#lives && this.#reaches(to)) this.sent.push({ to, message });
    };
    const core = new AllocatorCore({
      ...{ name, uid: BigInt(life), nickname: `h${name}`, universe: UNIVERSE, grantPolicy: alignedGrants, tidy: true },
      ...{ init: { kind: "seed", peers: [1, 2, 3] }, mixed: false, avoid: [], reservations: new Map() },
      now: () => this.#ticks * TICK_MS,
      unixSeconds: () => 0,
      random: () => name / 8 + life / 64,
      isKnownPeer: (peer) => this.#reaches(peer),
      save: (snapshot, done) => {
        this.#disk = snapshot.full();
        done();
      },
      transport: {
        unicast: (to, message) => {
          send(to, { kind: "unicast", message: frozen(message) });
          return this.#reaches(to);
        },
        broadcast: (state) => {
          const message = { kind: "state", state: frozenState(state()) } as const;
          for (const to of others()) send(to, message);
        },
        consent: (to, message) => {
          for (const peer of to === "all" ? others() : [to]) send(peer, { kind: "consent", message });
        },
      },
    });
    core.start(this.#disk);
    return core;
  }

  #reaches(peer: number): boolean {
    return !(this.#alone && peer === MORTAL);
  }

  #allocate(): void {
    const life = this.#lives;
    this.#core.allocate(`c${++this.#containers}`, SUBNET, {}, (result) => {
      if (life !== this.#lives || "error" in result) return;
      const address = parseIpv4(result.value.address)!;
      if (this.#running.has(address)) throw new Error(`h${this.#name} gave out ${result.value.address} twice`);
      this.#running.add(address);
    });
  }

  #free(address: number): void {
    this.#running.delete(address);
    this.#core.release(this.#core.replica.allocations.holderOf(address)!, address);
  }

  #receive(from: number, message: Message): void {
    if (message.kind === "unicast") this.#core.receiveUnicast(from, message.message);
    else if (message.kind === "consent") this.#core.receiveConsent(from, message.message);
    else this.#core.receiveState(from, message.state);
  }
}

function frozen(message: UnicastMessage): UnicastMessage {
  return message.type === "ringUpdate" ? { ...message, state: frozenState(message.state) } : message;
}

/** What is sent is what was so then. */
function frozenState(state: GossipState): GossipState {
  return { ...state, nicknames: new Map(state.nicknames) };
}

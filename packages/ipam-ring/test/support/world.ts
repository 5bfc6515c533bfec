import { type Random, seededRandom } from "@weaved/sim";
import type { RingOrigin } from "../../src/consensus/origin.ts";
import { AllocatorCore } from "../../src/core/core.ts";
import { type Patch, replay } from "../../src/durability/journal.ts";
import type { Saved } from "../../src/durability/saved.ts";
import { alignedGrants, legacyGrants } from "../../src/ring/grant-policy.ts";
import { allRanges } from "../../src/ring/ring.ts";
import { formatIpv4, parseIpv4, type Range } from "../../src/space/address.ts";
import { TICK_MS } from "../../src/timing.ts";
import type { GossipState, UnicastMessage } from "../../src/wire/allocation-wire.ts";
import type { ConsentMessage } from "../../src/wire/consent-wire.ts";

/**
 * Many allocators in one process, stopped between any two steps, with every kind of bad luck under control: messages that are
 * late, lost, out of order; disks that lag; processes that die between saving and sending.
 *
 * The world knows what no peer knows: which containers run where. Two containers with one address end the run.
 */
export interface WorldOptions {
  readonly seed: number;
  readonly peers: number;
  readonly universe: Range;
  readonly init: "seed" | "consensus";
  readonly grants: "aligned" | "legacy";
  /** Saves complete at once instead of when the world says so. */
  readonly promptDisks?: boolean;
  /** What a peer draws depends on its name and how often it was started, on nothing else. */
  readonly fixedRandom?: boolean;
}

type Message =
  | { readonly kind: "unicast"; readonly message: UnicastMessage }
  | { readonly kind: "state"; readonly state: () => GossipState; readonly direct: boolean }
  | { readonly kind: "consent"; readonly message: ConsentMessage };
interface Flight {
  readonly from: number;
  readonly to: number;
  readonly message: Message;
}

interface Host {
  readonly name: number;
  core: AllocatorCore | undefined;
  disk: Saved | undefined;
  /** What the process said last that is to be on the disk. */
  written: Saved | undefined;
  pendingSaves: { value: Saved; done: () => void }[];
  /** The machine is gone, its containers with it. */
  dead: boolean;
  /** How the machine is configured to start. */
  init: RingOrigin;
  /** Earlier states of the disk, oldest first. Bounded by: the last 8. */
  backups: Saved[];
  wasRemoved: boolean;
  group: number;
  life: number;
}

/** A violation of what must always hold. */
export class Violation extends Error {}

export class World {
  readonly hosts: Host[] = [];
  readonly random: Random;
  readonly options: WorldOptions;
  readonly subnet: { address: string; prefixLength: number };
  /** Containers that run: address -> who. */
  readonly live = new Map<number, { host: number; ident: string }>();
  flights: Flight[] = [];
  now = 0;
  counter = 0;
  steps = 0;
  /** A living host was removed, or got an old disk back: then an address may be in two hands, and both sides must say so. */
  isTainted = false;
  /** Addresses that were once in two hands. */
  readonly doubles = new Map<number, { host: number; ident: string }[]>();

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = options.fixedRandom ? () => 0.5 : seededRandom(options.seed);
    const size = options.universe.end - options.universe.start;
    this.subnet = { address: formatIpv4(options.universe.start), prefixLength: 32 - Math.log2(size) };
    for (let name = 1; name <= options.peers; name++) {
      this.hosts.push({
        name,
        core: undefined,
        disk: undefined,
        written: undefined,
        pendingSaves: [],
        dead: false,
        init: this.origin(),
        backups: [],
        wasRemoved: false,
        group: 0,
        life: 0,
      });
    }
    for (const host of this.hosts) this.boot(host);
  }

  private origin(): RingOrigin {
    const { peers } = this.options;
    return this.options.init === "seed"
      ? { kind: "seed", peers: Array.from({ length: peers }, (_, i) => i + 1) }
      : { kind: "consensus", peers, guess: () => peers };
  }

  boot(host: Host): void {
    const { init } = host;
    const life = ++host.life;
    const alive = (): boolean => host.life === life && host.core !== undefined;
    const { universe, grants } = this.options;
    const core = new AllocatorCore({
      name: host.name,
      uid: BigInt(Math.floor(this.random() * 2 ** 40)),
      nickname: `h${host.name}`,
      universe,
      init,
      now: () => this.now,
      unixSeconds: () => this.now / 1000,
      random: this.options.fixedRandom ? () => host.name / 8 + life / 1024 : this.random,
      isKnownPeer: (peer) => this.reachable(host, this.host(peer)),
      grantPolicy: grants === "legacy" ? legacyGrants : alignedGrants,
      tidy: grants === "aligned",
      mixed: false,
      startupPeers: () => ({
        untried: [],
        neighbours: this.alive()
          .filter((each) => each !== host && this.reachable(host, each))
          .map(({ name }) => name),
      }),
      avoid: [],
      reservations: new Map(),
      save: (snapshot, done) => {
        const value = snapshot.full();
        if (snapshot.patch && this.options.seed % 4 === 0) checkJournal(host, snapshot.patch, value);
        host.written = value;
        if (this.options.promptDisks) {
          this.write(host, value);
          return done();
        }
        host.pendingSaves.push({ value, done });
      },
      transport: {
        unicast: (to, message) => alive() && this.send(host, to, { kind: "unicast", message }),
        broadcast: (state) => alive() && this.sendAll(host, { kind: "state", state, direct: true }),
        consent: (to, message) => {
          if (!alive()) return;
          if (to === "all") this.sendAll(host, { kind: "consent", message });
          else this.send(host, to, { kind: "consent", message });
        },
      },
    });
    host.core = core;
    core.start(host.disk);
    this.reconcile(host);
  }

  host(name: number): Host {
    return this.hosts[name - 1]!;
  }

  reachable(a: Host, b: Host | undefined): boolean {
    return a.core !== undefined && b?.core !== undefined && a.group === b.group;
  }

  send(from: Host, to: number, message: Message): boolean {
    if (!this.reachable(from, this.host(to))) return false;
    this.flights.push({ from: from.name, to, message });
    return true;
  }

  sendAll(from: Host, message: Message): void {
    // A state is encoded when sent, as a connection would; the receiver must not see later changes.
    const fixed = message.kind === "state" ? this.freeze(message) : message;
    for (const { name } of this.hosts) if (name !== from.name) this.send(from, name, fixed);
  }

  private freeze(message: Extract<Message, { kind: "state" }>): Message {
    const state = message.state();
    const copy = { ...state, nicknames: new Map(state.nicknames) };
    return { ...message, state: () => copy };
  }

  /** Delivers one message that is under way; the one sent first unless `index` says otherwise. */
  deliver(index = 0): boolean {
    // Most often the first one, which shift() takes without moving the others.
    const flight = index === 0 ? this.flights.shift() : this.flights.splice(index, 1)[0];
    if (!flight) return false;
    const from = this.host(flight.from);
    const to = this.host(flight.to);
    // From a process that died since it still arrives; across a cut it does not.
    if (!to.core || from.group !== to.group) return true;
    const { message } = flight;
    if (message.kind === "unicast") to.core.receiveUnicast(flight.from, message.message);
    else if (message.kind === "consent") to.core.receiveConsent(flight.from, message.message);
    else to.core.receiveState(message.direct ? flight.from : undefined, message.state());
    return true;
  }

  lose(index: number): void {
    this.flights.splice(index, 1);
  }

  private write(host: Host, value: Saved): void {
    if (host.disk) host.backups.push(host.disk);
    if (host.backups.length > 8) host.backups.shift();
    host.disk = value;
  }

  /** One save of a host reaches the disk. */
  finishSave(host: Host): void {
    const save = host.pendingSaves.shift();
    if (!save) return;
    this.write(host, save.value);
    save.done();
  }

  allocate(host: Host, ident = `c${++this.counter}`): void {
    this.start(host, ident, (settle) => host.core!.allocate(ident, this.subnet, {}, settle));
  }

  claim(host: Host, address: number, ident = `c${++this.counter}`): void {
    const cidr = { address: formatIpv4(address), prefixLength: this.subnet.prefixLength };
    this.start(host, ident, (settle) => host.core!.claim(ident, cidr, {}, settle));
  }

  private start(
    host: Host,
    ident: string,
    begin: (settle: Parameters<AllocatorCore["requests"]["allocate"]>[3]) => unknown,
  ): void {
    const { life } = host;
    begin((result) => {
      if (host.life !== life || !host.core || "error" in result) return;
      const address = parseIpv4(result.value.address)!;
      const other = this.live.get(address);
      if (other && (other.host !== host.name || other.ident !== ident)) {
        if (this.isTainted && other.host !== host.name)
          return void this.noteDouble(address, other, { host: host.name, ident });
        throw new Violation(
          `${result.value.address} given to ${ident} on h${host.name} while ${other.ident} on h${other.host} has it`,
        );
      }
      this.live.set(address, { host: host.name, ident });
    });
  }

  private noteDouble(address: number, ...holders: { host: number; ident: string }[]): void {
    const known = this.doubles.get(address) ?? [];
    for (const holder of holders) if (!known.some((each) => each.host === holder.host)) known.push(holder);
    this.doubles.set(address, known);
  }

  /** The operator takes a living machine, whose process is down, for dead. */
  removeLiving(host: Host, living: Host): void {
    this.isTainted = living.wasRemoved = true;
    this.reclaim(host, living);
  }

  /** The machine's disk is restored from an older copy; its containers run on. */
  rollBack(host: Host, pick: number): void {
    const old = host.backups[pick % Math.max(host.backups.length, 1)];
    if (host.core || host.dead || !old) return;
    // Restoring a disk takes longer than messages and saves.
    this.settle();
    this.isTainted = true;
    host.disk = host.written = old;
    host.backups = [];
    this.restart(host);
  }

  /** Peers that went out of reach are reported, as the mesh does. */
  reportGone(): void {
    for (const { core } of this.alive()) core!.replica.checks.forgetUnreachable();
  }

  /** A container of the host ends. */
  free(host: Host, pick: number, order?: (a: number, b: number) => number): void {
    const mine = [...this.live].filter(([, who]) => who.host === host.name);
    if (order) mine.sort(([a], [b]) => order(a, b));
    const [address, who] = mine[pick % Math.max(mine.length, 1)] ?? [];
    if (address === undefined || !who) return;
    this.live.delete(address);
    // After a restore the claim of its own address may be under way.
    if (host.core!.replica.allocations.holderOf(address) === who.ident) host.core!.release(who.ident, address);
  }

  /** The process stops; containers run on. A save under way is on the disk or is not. */
  crash(host: Host): void {
    const [save] = host.pendingSaves;
    if (save && this.random() < 0.5) host.disk = save.value;
    host.pendingSaves = [];
    host.written = host.disk;
    host.core = undefined;
    host.life++;
    this.reportGone();
  }

  restart(host: Host): void {
    if (host.core || host.dead) return;
    // A removed machine does not come back within the time of a message.
    if (host.wasRemoved) this.settle();
    host.wasRemoved = false;
    this.boot(host);
  }

  /** The machine is lost with everything on it. */
  die(host: Host): void {
    this.crash(host);
    host.disk = host.written = undefined;
    host.dead = true;
    for (const [address, who] of this.live) if (who.host === host.name) this.live.delete(address);
  }

  /** A new machine under the old name: an observer, as joiners of a running network are. */
  replace(host: Host): void {
    host.dead = false;
    host.init = { kind: "observer" };
    this.boot(host);
  }

  /** What the daemon does at its start: give back what no running container has. */
  reconcile(host: Host): void {
    for (const { ident, addresses } of host.core!.replica.allocations.list()) {
      for (const { address } of addresses) {
        const value = parseIpv4(address)!;
        if (!this.holds(host, value, ident)) host.core!.release(ident, value);
      }
    }
    for (const [address, { ident, host: at }] of this.live) {
      if (at === host.name && host.core!.replica.allocations.holderOf(address) === undefined)
        this.claim(host, address, ident);
    }
  }

  private holds(host: Host, address: number, ident: string): boolean {
    const holders = [this.live.get(address), ...(this.doubles.get(address) ?? [])];
    return holders.some((each) => each?.host === host.name && each.ident === ident);
  }

  leave(host: Host): void {
    for (const [address, who] of this.live) if (who.host === host.name) this.live.delete(address);
    for (const { ident } of host.core!.replica.allocations.list()) host.core!.releaseAll(ident);
    const { life } = host;
    host.core!.leave(() => {
      if (host.life === life) this.die(host);
    });
  }

  reclaim(host: Host, dead: Host): void {
    host.core!.reclaim(dead.name, () => {});
  }

  tick(host: Host): void {
    host.core!.tick();
  }

  /** Plain gossip of everything, as neighbours exchange it. */
  gossip(from: Host, to: Host): void {
    const state = from.core!.state();
    const copy = { ...state, nicknames: new Map(state.nicknames) };
    this.send(from, to.name, { kind: "state", state: () => copy, direct: false });
    this.send(from, to.name, { kind: "consent", message: from.core!.reclaims.hello() });
  }

  /** Finishes every save, delivers every message. */
  settle(): void {
    for (let i = 0; i < 100_000; i++) {
      const busy = this.hosts.find((host) => host.pendingSaves.length > 0);
      if (busy) this.finishSave(busy);
      else if (!this.deliver()) return;
    }
    throw new Violation("never quiet");
  }

  alive(): Host[] {
    return this.hosts.filter(({ core }) => core !== undefined);
  }

  /** Ends all trouble, lets survivors take over the dead, then checks that everything fits. */
  heal(): void {
    for (const host of this.hosts) host.group = 0;
    for (const host of this.hosts) if (!host.dead) this.restart(host);
    this.settle();
    const survivors = this.alive();
    if (survivors.length === 0) return;
    for (let round = 0; round < 12; round++) {
      this.now += TICK_MS;
      for (const dead of this.hosts.filter((host) => host.dead)) {
        if (round === 1 || round === 4) for (const host of survivors.slice(0, 2)) this.reclaim(host, dead);
      }
      for (const host of survivors) this.tick(host);
      const all = survivors.length < 6 || round % 6 === 5;
      survivors.forEach((from, i) => {
        if (!all) this.gossip(from, survivors[(i + 1) % survivors.length]!);
        else for (const to of survivors) if (from !== to) this.gossip(from, to);
      });
      this.settle();
      if (round >= 2 && this.converged(survivors)) break;
    }
    this.check();
  }

  /** A host keeps a ring of its own only where an operator made a mistake, and then it says so. */
  private agrees({ core }: Host): boolean {
    const { contests, conflicts } = core!.replica;
    return !this.isTainted || (contests.isEmpty && conflicts.list().length === 0);
  }

  private converged(survivors: readonly Host[]): boolean {
    const agreeing = survivors.filter((host) => this.agrees(host));
    const [first, ...others] = agreeing.map(({ core }) => core!.replica.ring.entries);
    const waits = survivors.some(({ core }) => core!.reclaims.waiting().length > 0);
    const text = JSON.stringify(first);
    const lost = (first ?? []).some(({ peer }) => this.host(peer).dead);
    return !waits && !lost && others.every((entries) => JSON.stringify(entries) === text);
  }

  private isReported(address: number, host: number): boolean {
    const { core } = this.host(host);
    return (
      this.isTainted &&
      (core!.replica.conflicts.list().length > 0 || core!.contested().some((each) => each.address === address))
    );
  }

  /** An address in two hands must be named on both hosts. */
  private checkDoubles(): void {
    for (const [address, holders] of this.doubles) {
      const holding = holders.filter(
        ({ host, ident }) => this.host(host).core?.replica.allocations.holderOf(address) === ident,
      );
      if (holding.length < 2) continue;
      for (const { host } of holding) {
        if (this.agrees(this.host(host)) && !this.isReported(address, host))
          throw new Violation(`${formatIpv4(address)} is in two hands, and h${host} does not say so`);
      }
    }
  }

  check(): void {
    const survivors = this.alive();
    const withRing = survivors.filter(({ core }) => core!.hasRing);
    if (withRing.length === 0) return;
    if (withRing.length < survivors.length) throw new Violation("a survivor has no ring");
    // A host with contested addresses keeps its ring until its containers have let go.
    const [first, ...others] = withRing.filter((host) => this.agrees(host));
    if (!first) return;
    const text = JSON.stringify(first!.core!.replica.ring.entries);
    for (const { core, name } of others) {
      if (JSON.stringify(core!.replica.ring.entries) !== text) {
        throw new Violation(
          `rings differ: h${first!.name} ${text} h${name} ${JSON.stringify(core!.replica.ring.entries)}`,
        );
      }
    }
    this.checkDoubles();
    const names = new Set(survivors.map(({ name }) => name));
    let covered = 0;
    for (const { start, end, peer } of allRanges(first!.core!.replica.ring)) {
      if (!names.has(peer))
        throw new Violation(`space lost: ${formatIpv4(start)} still belongs to h${peer}, which is dead`);
      covered += end - start;
    }
    const { start, end } = this.options.universe;
    if (covered !== end - start) throw new Violation(`the ring covers ${covered} addresses`);
    for (const [address, { host, ident }] of this.live) {
      const { core } = this.host(host);
      if (this.isReported(address, host)) continue;
      if (core!.replica.ownerOf(address) !== host)
        throw new Violation(`${formatIpv4(address)} of ${ident} belongs to h${core!.replica.ownerOf(address)}`);
      if (core!.replica.allocations.holderOf(address) !== ident)
        throw new Violation(`${formatIpv4(address)} is not in the allocations of h${host}`);
    }
    for (const { core, name } of survivors) {
      const owned = allRanges(core!.replica.ring).reduce(
        (sum, range) => sum + (range.peer === name ? range.end - range.start : 0),
        0,
      );
      if (core!.replica.space.free + core!.replica.space.used !== owned)
        throw new Violation(`allocations of h${name} do not sum up`);
    }
  }
}

/** A journal must say no less and no more than the whole state. */
function checkJournal(host: Host, patch: Patch, value: Saved): void {
  const replayed = textOf(host.written && replay(host.written, [patch]));
  const whole = textOf(value);
  if (replayed !== whole) throw new Violation(`the journal of h${host.name} has ${replayed} instead of ${whole}`);
}

/** Only a vote has 64-bit numbers; a replacer makes this several times slower. */
function textOf(saved: Saved | undefined): string | undefined {
  if (saved?.vote === undefined) return JSON.stringify(saved);
  return JSON.stringify(saved, (_, each) => (typeof each === "bigint" ? `${each}` : each));
}

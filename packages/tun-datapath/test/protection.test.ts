import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inheritance, type PlaintextPolicy, type Protection, permits, permitsKernelPath } from "../src/protection.ts";
import type { VxlanEntries } from "../src/vxlan-entries.ts";
import { planDevices, VNI, type VxlanDevice } from "../src/vxlan-plan.ts";
import { makeKernel, type TestKernel } from "./support/kernel.ts";

const MAC_AGE_MS = 600_000;
const CONFIRM_MS = 10_000;
const OURS = { name: "vx-weave", port: 6784, mac: "0a:00:00:00:00:01" };

describe("permits", () => {
  it("refuses plaintext links in a network with a password, and trusted ones where no subnet is trusted", () => {
    const policies = ["allowed", "trusted", "never"] as const;
    const allowed = (protection: Protection) => policies.filter((policy) => permits(policy, protection));
    expect(allowed("encrypted")).toEqual(["allowed", "trusted", "never"]);
    expect(allowed("trusted")).toEqual(["allowed", "trusted"]);
    expect(allowed("plaintext")).toEqual(["allowed"]);
    for (const policy of policies) expect(permitsKernelPath(policy, "encrypted")).toBe(false);
  });

  it("refuses plaintext when a caller leaves the policy out", () => {
    expect(permits(undefined as unknown as PlaintextPolicy, "plaintext")).toBe(false);
    expect(inheritance(undefined as unknown as PlaintextPolicy, MAC_AGE_MS).device).toBe(false);
  });
});

describe("planDevices", () => {
  const device: VxlanDevice = { ...OURS, vni: VNI };
  const inherited = (policy: PlaintextPolicy) => inheritance(policy, MAC_AGE_MS);

  it("adopts a device of an earlier life only in a network without a password", () => {
    expect(planDevices([device], OURS, inherited("allowed"))).toEqual({ remove: [], next: "adopt" });
    expect(planDevices([device], OURS, inherited("trusted"))).toEqual({ remove: ["vx-weave"], next: "make" });
    expect(planDevices([device], OURS, inherited("never"))).toEqual({ remove: ["vx-weave"], next: "nothing" });
  });

  const changes: [string, Partial<VxlanDevice>][] = [
    ["bridge", { name: "vx-other" }],
    ["port", { port: 7001 }],
    ["peer name", { mac: "0a:00:00:00:00:02" }],
    ["bridge and port", { name: "vx-other", port: 7001 }],
    ["bridge and peer name", { name: "vx-other", mac: "0a:00:00:00:00:02" }],
    ["network identifier", { vni: 7 }],
  ];
  it.each(changes)("removes the device of an earlier life with another %s", (_what, change) => {
    const { remove } = planDevices([{ ...device, ...change }], OURS, inherited("never"));
    expect(remove).toEqual([change.name ?? "vx-weave"]);
  });

  it("leaves devices of other programs and of other daemons alone", () => {
    const others = [
      { name: "flannel.1", vni: 1, port: 8472, mac: "0a:00:00:00:00:01" },
      { name: "vx-second", vni: VNI, port: 7001, mac: "0a:00:00:00:00:02" },
    ];
    expect(planDevices(others, OURS, inherited("never")).remove).toEqual([]);
  });
});

// --- histories ---

const ADDRESSES = ["192.0.2.2", "192.0.2.3"] as const;
const MACS = [0x0a580a200001, 0x0a580a200002, 0x0a580a200003] as const;

/** A thing that happens to one host. Peers 2 and 3 live at one address each. */
type Event =
  | { readonly kind: "start"; readonly policy: PlaintextPolicy; readonly fastdp: boolean }
  | { readonly kind: "stop" }
  | { readonly kind: "kill" }
  | { readonly kind: "link"; readonly peer: 2 | 3; readonly protection: Protection }
  | { readonly kind: "unlink"; readonly peer: 2 | 3 }
  | { readonly kind: "state"; readonly peer: 2 | 3; readonly state: "usable" | "on hold" }
  | { readonly kind: "mac"; readonly mac: number; readonly peer: 0 | 2 | 3 }
  | { readonly kind: "wait"; readonly ms: number };

const peer = fc.constantFrom<2 | 3>(2, 3);
const policy = fc.constantFrom<PlaintextPolicy>("allowed", "allowed", "allowed", "trusted", "never");
const protection = fc.constantFrom<Protection>("plaintext", "plaintext", "trusted", "encrypted");
/** Links, MACs, and waits come more often than new lives, so that lives have something to leave behind. */
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("start" as const),
      policy,
      fastdp: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Event>({ kind: "stop" }, { kind: "kill" }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("link" as const), peer, protection }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("unlink" as const), peer }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("state" as const),
      peer,
      state: fc.constantFrom<"usable" | "on hold">("usable", "usable", "usable", "on hold"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("mac" as const),
      mac: fc.constantFrom(...MACS),
      peer: fc.constantFrom<0 | 2 | 3>(0, 2, 2, 3, 3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.constantFrom(500, 9_999, 10_000, 60_000, 600_000),
    }),
  },
);

/** One life of the daemon. */
interface Life {
  readonly policy: PlaintextPolicy;
  readonly fastdp: boolean;
  readonly startedAt: number;
  readonly entries: VxlanEntries;
}

/** A host with its kernel, its daemon if one runs, and a record of why something may lead to an address. */
class Host {
  readonly kernel: TestKernel = makeKernel();
  devices: VxlanDevice[] = [];
  life: Life | undefined;
  #now = 0;
  #link = 0;
  readonly #links: Map<number, { link: number; protection: Protection }> = new Map();
  /** Address -> when a permitted plaintext link to it ended in this life. */
  readonly #endedAt: Map<string, number> = new Map();
  /** Addresses that have been seen to encrypt in this life. */
  readonly #encrypted: Set<string> = new Set();

  apply(event: Event): void {
    if (event.kind === "start") this.#start(event);
    else if (event.kind === "wait") this.#wait(event.ms);
    else if (this.life === undefined) return;
    else if (event.kind === "stop") this.#stop(this.life);
    else if (event.kind === "kill") this.#forgetLife();
    else if (event.kind === "link") this.#open(this.life, event);
    else if (event.kind === "unlink") this.#close(this.life, event.peer);
    else if (event.kind === "mac") this.life.entries.setMac(event.mac, event.peer);
    else this.life.entries.setForwarding(event.peer, this.#links.get(event.peer)?.link ?? -1, event.state);
  }

  #start({ policy, fastdp }: Event & { kind: "start" }): void {
    if (this.life) this.#forgetLife();
    const inherited = inheritance(policy, MAC_AGE_MS);
    const plan = planDevices(this.devices, OURS, { ...inherited, device: inherited.device && fastdp });
    for (const name of plan.remove) this.#removeDevice(name);
    // As the rim does: the filter is put in place anew, and ends of tunnels are made when their links are back.
    this.kernel.sources = [];
    this.kernel.tunnels.clear();
    const entries = this.kernel.attach(inherited.lingerMs);
    if (plan.next === "make") this.devices.push({ ...OURS, vni: VNI });
    if (plan.next === "adopt") entries.adopt([...this.kernel.forwarded]);
    this.life = { policy, fastdp, startedAt: this.#now, entries };
  }

  #removeDevice(name: string): void {
    this.devices = this.devices.filter((device) => device.name !== name);
    this.kernel.forwarded.clear();
    this.kernel.tunnels.clear();
  }

  #open({ policy, fastdp, entries }: Life, { peer, protection }: Event & { kind: "link" }): void {
    if (!permits(policy, protection) || !fastdp || policy === "never") return;
    this.#note(peer);
    const address = addressOf(peer);
    const link = ++this.#link;
    this.#links.set(peer, { link, protection });
    if (permitsKernelPath(policy, protection)) entries.open({ link, peer, address, mac: peer });
    else {
      entries.encrypted(peer, address);
      this.#encrypted.add(address);
      this.#endedAt.delete(address);
    }
  }

  #close({ entries }: Life, peer: 2 | 3): void {
    this.#note(peer);
    const link = this.#links.get(peer)?.link;
    if (link !== undefined) entries.close(peer, link);
    this.#links.delete(peer);
  }

  /** The right that a living link gave to its address runs from now. */
  #note(peer: number): void {
    const before = this.#links.get(peer);
    if (before !== undefined && before.protection !== "encrypted") this.#endedAt.set(addressOf(peer), this.#now);
  }

  #stop(life: Life): void {
    for (const peer of [2, 3] as const) this.#close(life, peer);
    life.entries.stop();
    if (!inheritance(life.policy, MAC_AGE_MS).outlives) this.#removeDevice(OURS.name);
    this.#forgetLife();
  }

  #forgetLife(): void {
    this.life = undefined;
    this.kernel.attach(0);
    this.#links.clear();
    this.#endedAt.clear();
    this.#encrypted.clear();
  }

  #wait(ms: number): void {
    this.kernel.advance(ms);
    this.#now += ms;
  }

  /** Whether the kernel may forward plaintext to this address now, for any reason. Independent of the code under test. */
  mayForward(address: string): boolean {
    const { life } = this;
    if (life === undefined) return true;
    const living = [...this.#links].find(([peer]) => addressOf(peer) === address)?.[1].protection;
    if (living !== undefined && living !== "encrypted") return true;
    const sinceEnd = this.#now - (this.#endedAt.get(address) ?? Number.NEGATIVE_INFINITY);
    if (living === undefined && sinceEnd < (life.policy === "allowed" ? MAC_AGE_MS : CONFIRM_MS)) return true;
    const isYoung = this.#now - life.startedAt < CONFIRM_MS;
    return life.policy === "allowed" && isYoung && !this.#encrypted.has(address);
  }
}

const addressOf = (peer: number): string => ADDRESSES[peer - 2] as string;

describe("over any history of starts, stops, kills, changed passwords and subnets, with the fast path on and off", () => {
  it("no state of the kernel that we made outlives the right to use it", () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 5, maxLength: 80, size: "max" }), (events) => {
        const host = new Host();
        for (const happening of events) {
          host.apply(happening);
          const { life, kernel, devices } = host;
          if (life && (life.policy === "never" || !life.fastdp)) expect(devices).toEqual([]);
          if (devices.length === 0) expect([...kernel.forwarded, ...kernel.tunnels]).toEqual([]);
          const used = [...kernel.forwarded.values(), ...(life && devices.length > 0 ? kernel.sources : [])];
          for (const address of used)
            if (!host.mayForward(address)) throw new Error(`${address} has no right any more`);
        }
        // After the last link of the last life ended, nothing is left to wait for.
        if (host.life) {
          for (const peer of [2, 3] as const) host.apply({ kind: "unlink", peer });
          host.apply({ kind: "wait", ms: 2 * MAC_AGE_MS });
          expect([...host.kernel.forwarded, ...host.kernel.tunnels]).toEqual([]);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

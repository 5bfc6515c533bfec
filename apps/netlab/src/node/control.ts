import { type FaultTable, type PathFault, pathKey, renderFaults } from "../faults.ts";
import { hostsOf, type Topology } from "../topology.ts";
import type { Place } from "./place.ts";

/**
 * Faults of a lab. Each call resolves when the fault is in force. A group is the name of a host, switch, or region.
 * Later calls for the same path replace earlier ones.
 */
export interface Faults {
  /** Cuts both directions between two groups; without a second group, between the first and everybody else. */
  cut(a: string, b?: string): Promise<void>;
  /** Cuts what `from` sends to `to`; answers still travel. */
  cutOneWay(from: string, to: string): Promise<void>;
  /** Splits the lab: hosts reach only their own side. Hosts not named form one more side together. */
  partition(...sides: readonly (readonly string[])[]): Promise<void>;
  /** Ends every fault between two groups; without arguments all cuts, partitions, losses, size limits of the lab. */
  heal(a?: string, b?: string): Promise<void>;
  /** Loses a share of packets, 0 to 100, in both directions; each direction draws for itself. */
  lose(a: string, b: string, percent: number): Promise<void>;
  /** Swallows IP packets above a size in both directions, without an ICMP answer. */
  limitSize(a: string, b: string, maxBytes: number): Promise<void>;
  /** One direction, every detail. `undefined` heals it. */
  setPath(from: string, to: string, fault: PathFault | undefined): Promise<void>;
  /** Limits what a host sends and receives, each, on all its cables; `undefined` lifts it. */
  setRate(group: string, mbit: number | undefined): Promise<void>;
  /** MTU of a host's cables, both ends; tells the host, unlike `limitSize`. */
  setMtu(group: string, bytes: number): Promise<void>;
  /** Pulls (`down`) or plugs in the cables: the host sees its carrier go. */
  setLink(group: string, state: "up" | "down"): Promise<void>;
}

/** Controls the switches of a running lab. `outside` is the place at the far end of a host's cable: its NAT router, or itself. */
export function createFaults(topology: Topology, switches: Place, outside: (host: string) => Place): Faults {
  /** Bounded by: ordered pairs of hosts. */
  const table = new Map<string, PathFault>();
  let queue: Promise<unknown> = Promise.resolve();

  /** Changes are loaded one after the other, so that the last call wins. */
  const load = (): Promise<void> => {
    const rules = renderFaults(topology, table as FaultTable);
    const done = queue.then(() => switches.must("nft", ["-f", "-"], { input: rules }));
    queue = done.catch(() => {});
    return done.then(() => {});
  };
  const names = (group: string) => hostsOf(topology, group).map((host) => host.name);
  const set = (from: readonly string[], to: readonly string[], fault: PathFault | undefined) => {
    for (const a of from) {
      for (const b of to) {
        if (a === b) continue;
        if (fault === undefined) table.delete(pathKey(a, b));
        else table.set(pathKey(a, b), fault);
      }
    }
  };
  const both = (a: readonly string[], b: readonly string[], fault: PathFault | undefined): Promise<void> => {
    set(a, b, fault);
    set(b, a, fault);
    return load();
  };
  const everyone = topology.hosts.map((host) => host.name);

  return {
    cut: (a, b) =>
      both(names(a), b === undefined ? everyone.filter((one) => !names(a).includes(one)) : names(b), { cut: true }),
    cutOneWay(from, to) {
      set(names(from), names(to), { cut: true });
      return load();
    },
    partition(...sides) {
      const named = sides.map((side) => side.flatMap(names));
      const rest = everyone.filter((one) => !named.flat().includes(one));
      const all = [...named, rest];
      for (const side of all) {
        for (const other of all) if (other !== side) set(side, other, { cut: true });
      }
      return load();
    },
    heal(a, b) {
      if (a === undefined) table.clear();
      else set(names(a), b === undefined ? everyone : names(b), undefined);
      if (a !== undefined) set(b === undefined ? everyone : names(b), names(a), undefined);
      return load();
    },
    lose: (a, b, percent) => both(names(a), names(b), { lossPercent: percent }),
    async limitSize(a, b, maxBytes) {
      // Virtual cables pass batches of segments as one large packet; real ones cut them, so only then sizes mean something.
      const cutFirst = (device: string) => [["ip", "link", "set", device, "gso_max_segs", "1"]];
      for (const group of [a, b]) await eachCable(group, cutFirst);
      await both(names(a), names(b), { maxBytes });
    },
    setPath(from, to, fault) {
      set(names(from), names(to), fault);
      return load();
    },
    setRate: (group, mbit) => eachCable(group, (device) => rate(device, mbit)),
    setMtu: (group, bytes) => eachCable(group, (device) => [["ip", "link", "set", device, "mtu", `${bytes}`]]),
    setLink: (group, state) => eachCable(group, (device) => [["ip", "link", "set", device, state]], "ports"),
  };

  /** Runs commands for every cable of a group, at the switch's end and, unless told otherwise, at the host's. */
  async function eachCable(
    group: string,
    commands: (device: string) => string[][],
    ends: "both" | "ports" = "both",
  ): Promise<void> {
    for (const host of hostsOf(topology, group)) {
      for (const nic of host.nics) {
        for (const [program = "", ...args] of commands(nic.port)) await switches.must(program, args);
        if (ends === "ports") continue;
        const device = host.nat ? "out" : nic.device;
        for (const [program = "", ...args] of commands(device)) await outside(host.name).must(program, args);
      }
    }
  }
}

function rate(device: string, mbit: number | undefined): string[][] {
  // Replacing by the default first makes lifting a limit that is not there no error.
  const clear = ["tc", "qdisc", "replace", "dev", device, "root", "pfifo"];
  if (mbit === undefined) return [clear];
  // Burst: 10 ms worth of traffic, at least two full frames with offload (64 KiB each).
  const burst = Math.max(131_072, Math.round((mbit * 1e6) / 8 / 100));
  return [
    [
      "tc",
      "qdisc",
      "replace",
      "dev",
      device,
      "root",
      "tbf",
      "rate",
      `${mbit}mbit`,
      "burst",
      `${burst}`,
      "latency",
      "50ms",
    ],
  ];
}

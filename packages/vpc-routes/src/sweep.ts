import type { Cidr } from "@weaved/ip";
import type { Ec2Port, PeerName, RouteTable } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { isInside } from "./routes.ts";

/** Finds interfaces that are gone for good; keeps count over passes. */
export interface Sweeper {
  /** Interfaces proven gone. Makes EC2 calls only when a suspect was seen often enough. */
  look(tables: readonly RouteTable[], members: Registry): Promise<ReadonlySet<string>>;
}

const ASK_EVERY = 6;

/** What a {@link Sweeper} needs. */
export interface SweeperOptions {
  readonly ec2: Pick<Ec2Port, "describeInterfaces" | "describeInstances">;
  readonly self: string;
  readonly within: readonly Cidr[];
  /** Peers that gossip can reach; undefined when unknown, then only EC2's `blackhole` makes a suspect. */
  readonly alive: () => ReadonlySet<PeerName> | undefined;
  /** Black holes whose interface nobody registered are suspects, too. */
  readonly adoptBlackholes: boolean;
}

/**
 * Proof in two parts. First a suspect has to be seen in two passes: its route is a black hole, or gossip has lost it. Then
 * EC2 has to say that the interface does not exist, or that its instance is terminated. A stopped instance, or a detached
 * interface, may come back: its routes are kept. An instance that EC2 does not name proves nothing: its reads may be old.
 *
 * Hosts take turns: the n-th member by id waits n passes longer (at most 4), so that mostly one of them makes the calls. A
 * suspect without proof is asked about every sixth pass, once an hour while nothing else changes.
 */
export function createSweeper({ ec2, self, within, alive, adoptBlackholes }: SweeperOptions): Sweeper {
  /** Bounded by: interfaces in the registry. */
  let sightings = new Map<string, number>();
  const prove = async (suspects: readonly string[]): Promise<Set<string>> => {
    const there = new Map((await ec2.describeInterfaces(suspects)).map((one) => [one.id, one]));
    const instances = [...there.values()].flatMap((one) => (one.instance === undefined ? [] : [one.instance]));
    const states = instances.length === 0 ? new Map<string, string>() : await ec2.describeInstances(instances);
    const gone = suspects.filter((id) => {
      const found = there.get(id);
      if (found === undefined) return true;
      return found.instance !== undefined && states.get(found.instance) === "terminated";
    });
    return new Set(gone);
  };
  return {
    async look(tables, members) {
      const living = alive();
      const blackholes = new Set<string>();
      for (const { eni, state, ...route } of tables.flatMap((table) => table.routes)) {
        if (eni === undefined || eni === self || state !== "blackhole") continue;
        if (isInside({ ...route, state }, within) && (adoptBlackholes || members.has(eni))) blackholes.add(eni);
      }
      const lost = [...members].filter(([, peer]) => living !== undefined && !living.has(peer)).map(([eni]) => eni);
      const suspects = new Set([...blackholes, ...lost.filter((eni) => eni !== self)]);
      sightings = new Map([...suspects].map((eni) => [eni, (sightings.get(eni) ?? 0) + 1]));
      const trusted = [...members.keys()].filter((eni) => !sightings.has(eni)).sort();
      const turn = Math.min(4, Math.max(0, trusted.indexOf(self)));
      const ripe = [...sightings].filter(([, seen]) => isDue(seen - 2 - turn)).map(([eni]) => eni);
      return ripe.length === 0 ? new Set() : prove(ripe);
    },
  };
}

/** @param late - passes since the first in which proof was due */
function isDue(late: number): boolean {
  return late >= 0 && (late < 2 || late % ASK_EVERY === 0);
}

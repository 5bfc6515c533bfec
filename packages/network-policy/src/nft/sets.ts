import { Cidr, type Family, mergeCidrs } from "@weaved/ip";
import type { NamedPort } from "../model.ts";
import { Selector } from "../selector/selector.ts";
import type { Owner, World } from "../world.ts";
import { nameFor } from "./names.ts";
import type { WantedSet } from "./ruleset.ts";

/** The sets that rules refer to, made when first asked for. */
export class SetBook {
  readonly #world: World;
  readonly #owners: OwnersOf;
  readonly sets: Map<string, WantedSet> = new Map();

  constructor(world: World, owners: OwnersOf) {
    this.#world = world;
    this.#owners = owners;
  }

  /** The set of addresses that a selector matches. */
  addresses(selector: Selector, family: Family): string {
    return this.#named(`s${family}`, selector.text, () => ({
      kind: "addresses",
      family,
      elements: mergeCidrs(this.#owners(this.#world, selector).flatMap((one) => blocksOf(one, family))).map(
        elementText,
      ),
    }));
  }

  /** The set of services that have a port of this name, at endpoints that the selector matches. */
  services(name: string, protocol: number, selector: Selector | undefined, family: Family): string {
    const text = `${protocol} ${name} ${selector?.text ?? ""}`;
    return this.#named(`p${family}`, text, () => {
      const owners = this.#owners(this.#world, selector ?? Selector.all);
      const elements = owners.flatMap((owner) =>
        portsOf(owner, name, protocol).flatMap(({ port }) =>
          blocksOf(owner, family).map(({ base }) => `${base} . ${protocol} . ${port}`),
        ),
      );
      return { kind: "services", family, elements: [...new Set(elements)].sort() };
    });
  }

  #named(prefix: string, text: string, make: () => WantedSet): string {
    const name = nameFor(prefix, text);
    if (!this.sets.has(name)) this.sets.set(name, make());
    return name;
  }
}

/** Finds the endpoints and network sets that a selector matches. */
export type OwnersOf = (world: World, selector: Selector) => readonly Owner[];

/** The plain way: asks every one. */
export function scanOwners({ endpoints, networkSets }: World, selector: Selector): Owner[] {
  return [...endpoints, ...networkSets].filter(({ labels }) => selector.matches(labels));
}

function blocksOf(owner: Owner, family: Family): Cidr[] {
  const blocks = "nets" in owner ? owner.nets : owner.addresses.map((address) => Cidr.of(address));
  return blocks.filter((block) => block.family === family);
}

function portsOf(owner: Owner, name: string, protocol: number): readonly NamedPort[] {
  const ports = "addresses" in owner ? (owner.ports ?? []) : [];
  return ports.filter((port) => port.name === name && port.protocol === protocol);
}

/** A block of one address without its length, as nft lists it. */
export function elementText(cidr: Cidr): string {
  return cidr.size === 1n ? cidr.base.toString() : cidr.toString();
}

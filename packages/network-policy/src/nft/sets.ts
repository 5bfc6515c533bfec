import { Cidr, type Family, mergeCidrs } from "@weaved/ip";
import type { NamedPort } from "../model.ts";
import type { Selector } from "../selector/selector.ts";
import type { Owner } from "../world.ts";
import { nameFor } from "./names.ts";
import type { WantedSet } from "./ruleset.ts";

/** What a named set holds: addresses that a selector matches, or services of a name at endpoints that it matches. */
export type SetSpec =
  | { readonly kind: "addresses"; readonly family: Family; readonly selector: Selector }
  | {
      readonly kind: "services";
      readonly family: Family;
      readonly selector: Selector;
      readonly port: Pick<NamedPort, "name" | "protocol">;
    };

/** The name of a set. Sets of one name hold the same, whichever rule asks for them. */
export function setName(spec: SetSpec): string {
  if (spec.kind === "addresses") return nameFor(`s${spec.family}`, spec.selector.text);
  return nameFor(`p${spec.family}`, `${spec.port.protocol} ${spec.port.name} ${spec.selector.text}`);
}

/** A set from the owners that its selector matches. */
export function fillSet(spec: SetSpec, owners: readonly Owner[]): WantedSet {
  const { kind, family } = spec;
  if (kind === "addresses") {
    const blocks = owners.flatMap((owner) => blocksOf(owner, family));
    return { kind, family, elements: mergeCidrs(blocks).map(elementText) };
  }
  const { name, protocol } = spec.port;
  const elements = owners.flatMap((owner) =>
    portsOf(owner, name, protocol).flatMap(({ port }) =>
      blocksOf(owner, family).map(({ base }) => `${base} . ${protocol} . ${port}`),
    ),
  );
  return { kind, family, elements: [...new Set(elements)].sort() };
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

import { defaultPrefix } from "../names.ts";
import type { Step } from "../steps.ts";
import type { ObservedAttachment, Place } from "./attach-plan.ts";
import { noMulticastGuard, shrinkSteps } from "./inside-plan.ts";
import { aliasText, containerIfname } from "./port-names.ts";
import { ip } from "./words.ts";

/** What a detachment removes. */
export interface Detachment {
  readonly ifname?: string | undefined;
  /** Missing: all addresses, and the interface. The last address also takes the interface along. */
  readonly addresses?: readonly string[] | undefined;
  /** The attachment that the port is to be found under from now on, when its maker leaves and others stay. */
  readonly heir?: string | undefined;
}

/**
 * What to change so that addresses are gone.
 *
 * @param place - the namespace; undefined when it is gone, and only the port can be left
 */
export function planDetach(actual: ObservedAttachment, what: Detachment, place: Place | undefined): Step[] {
  const { inner } = actual;
  const port = "peer" in actual ? (actual.peer ?? actual.port) : actual.port;
  const removed = removedAddresses(inner?.addresses ?? [], what);
  const isLast = what.addresses === undefined || (inner?.addresses ?? []).every((cidr) => removed.includes(cidr));
  const prefix = place?.prefix ?? defaultPrefix;
  const inside = place && { netns: place.netns, ifname: what.ifname ?? containerIfname, prefix };
  if (isLast)
    return [
      // Deleting one end deletes both.
      ...(port ? [ip("link", "delete", "dev", port.ifname)] : []),
      ...(inside && inner ? [noMulticastGuard(inside)] : []),
    ];
  const alias = what.heir && aliasText({ kind: "attachment", id: what.heir, addresses: [] }, prefix);
  return [
    ...(inside && inner ? shrinkSteps(inner, removed, inside) : []),
    ...(port && alias && port.alias !== alias ? [ip("link", "set", "dev", port.ifname, "alias", alias)] : []),
  ];
}

/** Addresses of the interface that a detachment removes. */
export function removedAddresses(present: readonly string[], { addresses }: Detachment): string[] {
  return present.filter((cidr) => addresses === undefined || addresses.includes(cidr));
}

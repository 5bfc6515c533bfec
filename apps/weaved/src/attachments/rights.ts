import { parseCidr } from "../values/cidr.ts";
import { WeavedError } from "../values/error.ts";

/** What a workload may say on the bridge besides its own addresses; see anti-spoofing in host-links. */
export interface Rights {
  /** Sources that it may use: it routes for them, or holds a floating address. */
  readonly allowSources?: readonly string[];
  /** It may serve DHCP and send router advertisements. */
  readonly allowDhcp?: boolean;
}

const sourceLabel = "weave.allow-source";
const dhcpLabel = "weave.allow-dhcp";

/**
 * Reads the labels `weave.allow-source` (CIDRs, separated by commas) and `weave.allow-dhcp` (no value, or `true`).
 *
 * @throws WeavedError ARGUMENT_INVALID when a label cannot be read: a container that relies on it must not start without it
 */
export function rightsOf(labels: Readonly<Record<string, string>>): Rights {
  const dhcp = labels[dhcpLabel];
  if (dhcp !== undefined && !["", "true", "false"].includes(dhcp))
    throw new WeavedError("ARGUMENT_INVALID", `the label ${dhcpLabel}=${dhcp} is not valid; write true or false`);
  const sources = (labels[sourceLabel] ?? "").split(",").map((text) => text.trim());
  return rights(
    sources.filter((text) => text !== ""),
    dhcp === "" || dhcp === "true",
  );
}

/** @throws WeavedError ARGUMENT_INVALID when a source is not a CIDR */
export function rights(allowSources: readonly string[], allowDhcp: boolean): Rights {
  for (const source of allowSources) checkSource(source);
  return { ...(allowSources.length > 0 && { allowSources }), ...(allowDhcp && { allowDhcp }) };
}

function checkSource(text: string): void {
  // IPv6 is checked by host-links.
  if (text.includes(":")) return;
  parseCidr(text);
}

/** Both together. */
export function joinRights(a: Rights, b: Rights): Rights {
  const sources = [...new Set([...(a.allowSources ?? []), ...(b.allowSources ?? [])])];
  return rights(sources, Boolean(a.allowDhcp || b.allowDhcp));
}

import { parseCidr, parseIpv4, subnetOf } from "./address.ts";
import { LinksError } from "./errors.ts";
import type { Exposure, FirewallSpec, ServiceRule } from "./types.ts";

/** Name of our tables; nothing outside them is ever touched by a rule file. */
export const tableName = "weave";

/**
 * The complete rule file for nftables. `nft -f` applies it atomically: no moment without rules, and all or nothing.
 * Tables are `inet weave` (translation, filters) and, only with anti-spoofing, `bridge weave`.
 *
 * @throws LinksError LINKS_INVALID when a rule cannot be expressed
 */
export function firewallRules(spec: FirewallSpec): string {
  validate(spec);
  const { bridge } = spec;
  const chains = [
    chain(
      "prerouting",
      "nat",
      "prerouting",
      "dstnat",
      (spec.services ?? []).map((rule) => redirect(rule, bridge)),
    ),
    // Processes of this host reach exported services too, unlike with a rule in prerouting only.
    chain(
      "output",
      "nat",
      "output",
      "-100",
      (spec.services ?? []).filter((rule) => rule.kind !== "import").map((rule) => redirect(rule, undefined)),
    ),
    chain("postrouting", "nat", "postrouting", "srcnat", translation(spec)),
    chain("input", "filter", "input", "filter", inputRules(spec)),
    chain("forward", "filter", "forward", "filter", forwardRules(spec)),
  ];
  const sources = spec.sources ?? [];
  return [
    replaceTable("inet", chains.join("")),
    // Empty: only deleted.
    replaceTable(
      "bridge",
      sources.length === 0
        ? undefined
        : chain("prerouting", "filter", "prerouting", "-200", sources.flatMap(sourceRules)),
    ),
  ].join("");
}

/** The rule file that takes all of our tables away; applies whether or not they exist. */
export function noFirewallRules(): string {
  return replaceTable("inet", undefined) + replaceTable("bridge", undefined);
}

/** Declaring a table first makes deleting it legal in the same transaction. */
function replaceTable(family: string, content: string | undefined): string {
  const name = `${family} ${tableName}`;
  const fresh = content === undefined ? "" : `table ${name} {\n${content}}\n`;
  return `table ${name} {}\ndelete table ${name}\n${fresh}`;
}

function chain(name: string, type: string, hook: string, priority: string, rules: readonly string[]): string {
  const lines = rules.map((rule) => `    ${rule}\n`).join("");
  return `  chain ${name} {\n    type ${type} hook ${hook} priority ${priority}; policy accept;\n${lines}  }\n`;
}

function redirect(rule: ServiceRule, bridge: string | undefined): string {
  const { protocol, port, target } = rule;
  // Exports listen towards the outside, imports and bindings towards the network.
  const side = bridge === undefined ? "" : rule.kind === "export" ? `iifname != "${bridge}" ` : `iifname "${bridge}" `;
  const address = rule.address === undefined ? "fib daddr type local" : `ip daddr ${rule.address}`;
  return `${side}${address} ${protocol} dport ${port} dnat ip to ${target.address}:${target.port} comment "${rule.name}"`;
}

function translation(spec: FirewallSpec): string[] {
  const keep = (spec.keepSource ?? []).map((cidr) => `ip daddr ${subnetOf(cidr)} return`);
  return [
    ...keep,
    // Answers must come back through this host, which knows what was redirected.
    ...(spec.services ?? []).map(
      ({ protocol, target, name }) =>
        `ct status dnat ip daddr ${target.address} ${protocol} dport ${target.port} masquerade comment "${name}"`,
    ),
    ...(spec.exposures ?? []).filter(({ masquerade }) => masquerade).flatMap(masquerading),
  ];
}

/** What crosses the border of the subnet, either way, takes this host's address; multicast does not cross. */
function masquerading({ cidr }: Exposure): string[] {
  const subnet = subnetOf(cidr);
  return [
    `ip saddr ${subnet} ip daddr 224.0.0.0/4 return`,
    `ip daddr ${subnet} ip saddr != ${subnet} masquerade`,
    `ip saddr ${subnet} ip daddr != ${subnet} masquerade`,
  ];
}

function inputRules({ dockerBridge, guardedPorts = [], loopbackPorts = [] }: FirewallSpec): string[] {
  const rules = loopbackPorts.map(
    (port) => `ip daddr 127.0.0.1 tcp dport ${port} fib saddr type != local ct state != { established, related } drop`,
  );
  if (dockerBridge === undefined || guardedPorts.length === 0) return rules;
  return [...rules, `iifname "${dockerBridge}" meta l4proto { tcp, udp } th dport { ${guardedPorts.join(", ")} } drop`];
}

/** Only drops work from here: an accept of ours does not overrule a drop of another table; see `hookRules`. */
function forwardRules({ bridge, dockerBridge }: FirewallSpec): string[] {
  return dockerBridge === undefined || dockerBridge === bridge
    ? []
    : [`iifname "${dockerBridge}" oifname "${bridge}" drop`];
}

/** ARP included, or a liar could still draw traffic to itself. */
function sourceRules({ port, addresses }: { port: string; addresses: readonly string[] }): string[] {
  const allowed = addresses.map((cidr) => cidr.split("/")[0]).join(", ");
  return [
    `iifname "${port}" ether type ip ip saddr != { ${allowed} } drop`,
    `iifname "${port}" ether type arp arp saddr ip != { ${allowed} } drop`,
  ];
}

/** Chain of the iptables-managed `filter` table that holds what {@link hookRules} says. */
export const hookChain = "WEAVE-FORWARD";

/**
 * Rules that must stand in the `filter` table that Docker and others manage, because there a policy or rule drops what our own
 * table cannot rescue. In the format of `iptables-restore --noflush`: replaces our chain, nothing else, atomically.
 */
export function hookRules({ bridge, exposures = [], services = [] }: FirewallSpec): string {
  const accept = (match: string) => `-A ${hookChain} ${match} -j ACCEPT\n`;
  return [
    `*filter\n:${hookChain} - [0:0]\n`,
    accept(`-i ${bridge} -o ${bridge}`),
    ...exposures.map(({ cidr }) => accept(`-d ${subnetOf(cidr)} -o ${bridge}`)),
    ...services.map(({ protocol, target }) =>
      accept(
        `-d ${target.address}/32 -p ${protocol} -m ${protocol} --dport ${target.port} -m conntrack --ctstate DNAT`,
      ),
    ),
    accept(`-i ${bridge} ! -o ${bridge}`),
    accept(`-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED`),
    "COMMIT\n",
  ].join("");
}

function validate(spec: FirewallSpec): void {
  for (const { cidr } of spec.exposures ?? []) parseCidr(cidr);
  for (const rule of spec.services ?? []) {
    parseIpv4(rule.target.address);
    if (rule.address !== undefined) parseIpv4(rule.address);
    else if (rule.kind === "bind")
      throw new LinksError("LINKS_INVALID", `${rule.name}: a binding needs the address that it answers on`);
    for (const port of [rule.port, rule.target.port])
      if (!Number.isInteger(port) || port < 1 || port > 65535)
        throw new LinksError("LINKS_INVALID", `${rule.name}: ${port} is no port`);
    if (!/^[\w.:/-]{1,64}$/.test(rule.name)) throw new LinksError("LINKS_INVALID", `"${rule.name}" is no rule name`);
  }
  for (const { port, addresses } of spec.sources ?? []) {
    if (addresses.length === 0) throw new LinksError("LINKS_INVALID", `${port}: no source allowed; detach it instead`);
  }
}

/** Whether two listings by `nft -j list table` mean the same: handles, counters, versions aside. */
export function sameListing(a: string, b: string): boolean {
  return normalListing(a) === normalListing(b);
}

function normalListing(listing: string): string {
  const ignored = new Set(["handle", "metainfo"]);
  return JSON.stringify(JSON.parse(listing || "{}"), (key, value: unknown) => (ignored.has(key) ? undefined : value));
}

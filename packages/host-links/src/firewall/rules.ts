import { subnetOf } from "../address.ts";
import type { Exposure, FirewallSpec, ServiceRule } from "../types.ts";
import { anyOf, chain, drop } from "./text.ts";

/** Chains of the `inet` table: address translation, and what may reach or cross this host. */
export function filterChains(spec: FirewallSpec): string {
  const { bridge, services = [] } = spec;
  const nat = (name: "prerouting" | "output" | "postrouting", priority: string, rules: readonly string[]) =>
    chain(name, { type: "nat", hook: name, priority }, rules);
  const filter = (name: "input" | "forward", rules: readonly string[]) =>
    chain(name, { type: "filter", hook: name, priority: "filter" }, rules);
  const local = services.filter((rule) => rule.kind !== "import");
  return [
    nat(
      "prerouting",
      "dstnat",
      services.map((rule) => redirect(rule, bridge)),
    ),
    // Processes of this host reach exported services too, unlike with a rule in prerouting only.
    nat(
      "output",
      "-100",
      local.map((rule) => redirect(rule, undefined)),
    ),
    nat("postrouting", "srcnat", translation(spec)),
    filter("input", inputRules(spec)),
    filter("forward", forwardRules(spec)),
  ].join("");
}

function redirect(rule: ServiceRule, bridge: string | undefined): string {
  const { protocol, port, target } = rule;
  // Exports listen towards the outside, imports and bindings towards the network.
  const side = bridge === undefined ? "" : rule.kind === "export" ? `iifname != "${bridge}" ` : `iifname "${bridge}" `;
  const address = rule.address === undefined ? "fib daddr type local" : `ip daddr ${rule.address}`;
  return `${side}${address} ${protocol} dport ${port} dnat ip to ${target.address}:${target.port} comment "${rule.name}"`;
}

function translation({ keepSource = [], services = [], exposures = [] }: FirewallSpec): string[] {
  return [
    ...keepSource.map((cidr) => `ip daddr ${subnetOf(cidr)} return`),
    // Replies must come back through this host, which knows what was redirected.
    ...services.map(
      ({ protocol, target, name }) =>
        `ct status dnat ip daddr ${target.address} ${protocol} dport ${target.port} masquerade comment "${name}"`,
    ),
    ...exposures.filter(({ masquerade }) => masquerade).flatMap(masquerading),
  ];
}

/** Traffic that enters or leaves the subnet takes this host's address; multicast and broadcast do not leave it. */
function masquerading({ cidr }: Exposure): string[] {
  const subnet = subnetOf(cidr);
  return [
    `ip saddr ${subnet} ip daddr { 224.0.0.0/4, 255.255.255.255 } return`,
    `ip daddr ${subnet} ip saddr != ${subnet} masquerade`,
    `ip saddr ${subnet} ip daddr != ${subnet} masquerade`,
  ];
}

/** What may reach this host. Only drops work from here: an accept does not overrule a drop of another table; see the hook. */
function inputRules(spec: FirewallSpec): string[] {
  const { bridge, engineBridges = [], guardedPorts = [], loopbackPorts = [], exposures = [] } = spec;
  const rules: string[] = [];
  if (loopbackPorts.length > 0)
    // With route_localnet=1 the kernel delivers such packets; what this host sends to itself comes in by lo.
    rules.push(`iifname != "lo" ip daddr 127.0.0.0/8 ${ports(loopbackPorts)} ${drop("loopback")}`);
  if (guardedPorts.length > 0)
    rules.push(`iifname ${names([bridge, ...engineBridges])} ${ports(guardedPorts)} ${drop("guarded-port")}`);
  if (exposures.length === 0) {
    // An address that an operator put on the bridge by hand stays reachable; other addresses of this host do not.
    rules.push(
      `iifname "${bridge}" meta nfproto ipv6 ${drop("unexposed")}`,
      `iifname "${bridge}" fib daddr . iif type != local ${drop("unexposed")}`,
    );
  }
  return rules;
}

/** What may be forwarded between the bridge and other interfaces. Frames within the bridge have it on both sides and pass. */
function forwardRules({ bridge, engineBridges = [], exposures = [] }: FirewallSpec): string[] {
  const leaves = `iifname "${bridge}" oifname != "${bridge}"`;
  const starts = "ct state new ct status & dnat == 0";
  const subnets = [...new Set(exposures.map(({ cidr }) => subnetOf(cidr)))];
  const others = engineBridges.filter((name) => name !== bridge);
  const rules: string[] = [];
  if (others.length > 0)
    rules.push(
      `iifname ${names(others)} oifname "${bridge}" ct state != { established, related } ${drop("engine")}`,
      // Published ports are redirected before, so they pass.
      `iifname "${bridge}" oifname ${names(others)} ${starts} ${drop("engine")}`,
    );
  // Exposures are IPv4; no IPv6 of the network may leave through this host.
  rules.push(`${leaves} meta nfproto ipv6 ${drop("unexposed")}`);
  rules.push(
    subnets.length === 0
      ? `${leaves} ${starts} ${drop("unexposed")}`
      : `${leaves} ${starts} ip saddr != ${anyOf(subnets)} ${drop("unexposed")}`,
  );
  return rules;
}

function ports(numbers: readonly number[]): string {
  return `meta l4proto { tcp, udp } th dport ${anyOf(numbers)}`;
}

function names(interfaces: readonly string[]): string {
  return anyOf([...new Set(interfaces)].map((name) => `"${name}"`));
}

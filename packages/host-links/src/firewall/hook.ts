import { subnetOf } from "../address.ts";
import { chainNames } from "../names.ts";
import type { FirewallSpec } from "../types.ts";

/** A command of the iptables family. */
export type IptablesTool = "iptables" | "ip6tables";

/**
 * Rules that must stand in the `filter` table that iptables, Docker, and ufw manage, because there a policy or rule drops what
 * our own table cannot rescue. The text is for `iptables-restore --noflush`: it replaces our chains, nothing else, atomically.
 */
export function hookRules(spec: FirewallSpec, prefix: string, tool: IptablesTool = "iptables"): string {
  const { forward, input } = chainNames(prefix);
  const { bridge, exposures = [], services = [] } = spec;
  const accept = (match: string) => `-A ${forward} ${match} -j ACCEPT\n`;
  const subnets = [...new Set(exposures.map(({ cidr }) => subnetOf(cidr)))];
  const crossing = [
    ...subnets.map((subnet) => accept(`-d ${subnet} -o ${bridge}`)),
    ...services.map(({ protocol, target }) =>
      accept(
        `-d ${target.address}/32 -p ${protocol} -m ${protocol} --dport ${target.port} -m conntrack --ctstate DNAT`,
      ),
    ),
    // What our own table lets leave passes here too.
    accept(`-i ${bridge} ! -o ${bridge}`),
    accept(`-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED`),
  ];
  return [
    `*filter\n:${forward} - [0:0]\n:${input} - [0:0]\n`,
    // Bridged frames come by here where br_netfilter is on.
    accept(`-i ${bridge} -o ${bridge}`),
    ...(tool === "iptables" ? [...crossing, ...nameServerRules(spec, input)] : []),
    "COMMIT\n",
  ].join("");
}

/** Workloads ask the name server on this host, also where the INPUT policy drops. */
function nameServerRules({ bridge, engineBridges = [], dnsPort }: FirewallSpec, input: string): string[] {
  if (dnsPort === undefined) return [];
  return [...new Set([bridge, ...engineBridges])].flatMap((name) =>
    ["udp", "tcp"].map(
      (protocol) => `-A ${input} -i ${name} -p ${protocol} -m ${protocol} --dport ${dnsPort} -j ACCEPT\n`,
    ),
  );
}

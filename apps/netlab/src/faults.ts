import type { Topology } from "./topology.ts";

/**
 * What is wrong with the path from one host to another. One direction only.
 *
 * Faults live in the switches, so hosts cannot see or undo them, and what a host sends itself is never touched.
 */
export interface PathFault {
  /** Nothing passes. */
  readonly cut?: boolean;
  /** Share of packets that vanish, 0 to 100, two decimals. */
  readonly lossPercent?: number;
  /** Larger IP packets vanish without a word: a path MTU black hole. Bytes, IP header included. */
  readonly maxBytes?: number;
}

/** Faults by `from>to`. Bounded by: ordered pairs of hosts. */
export type FaultTable = ReadonlyMap<string, PathFault>;

/** Key of a {@link FaultTable}. */
export function pathKey(from: string, to: string): string {
  return `${from}>${to}`;
}

function chainName(fault: PathFault): string {
  return `fault_${Math.round((fault.lossPercent ?? 0) * 100)}_${fault.maxBytes ?? 0}`;
}

function chain(fault: PathFault): string {
  const loss = Math.round((fault.lossPercent ?? 0) * 100);
  const rules = [
    // Ethernet header included: 14 bytes before the IP header at this hook.
    ...(fault.maxBytes === undefined ? [] : [`    ether type ip meta length > ${fault.maxBytes + 14} drop`]),
    ...(loss === 0 ? [] : [`    numgen random mod 10000 < ${loss} drop`]),
  ];
  return [`  chain ${chainName(fault)} {`, ...rules, "  }"].join("\n");
}

/**
 * The whole rule set of the switches for a set of faults, to be loaded in one transaction. Pure.
 *
 * ```text
 *   host a --eth0==p0--> [ingress: mark := 1] --> bridge or router --> [egress p1: (mark, p1) in map?] --> host b
 * ```
 * The mark says who sent the frame; it survives bridging and routing inside the switches' namespace.
 */
export function renderFaults(topology: Topology, faults: FaultTable): string {
  const ports = topology.hosts.flatMap((host, index) => host.nics.map((nic) => ({ host, nic, mark: index + 1 })));
  const chains = new Map<string, string>();
  const elements: string[] = [];
  for (const [index, from] of topology.hosts.entries()) {
    for (const { host, nic } of ports) {
      const fault = faults.get(pathKey(from.name, host.name));
      if (fault === undefined) continue;
      if (!fault.cut) chains.set(chainName(fault), chain(fault));
      elements.push(`${index + 1} . "${nic.port}" : ${fault.cut ? "drop" : `jump ${chainName(fault)}`}`);
    }
  }
  const out = ports.map(({ nic }) => nic.port).join(", ");
  return [
    "table netdev netlab",
    "delete table netdev netlab",
    "table netdev netlab {",
    ...chains.values(),
    "  map paths {",
    "    type mark . ifname : verdict",
    ...(elements.length > 0 ? [`    elements = { ${elements.join(", ")} }`] : []),
    "  }",
    ...ports.flatMap(({ nic, mark }) => [
      `  chain from_${nic.port} {`,
      `    type filter hook ingress device "${nic.port}" priority 0`,
      `    meta mark set ${mark}`,
      "  }",
    ]),
    "  chain to_hosts {",
    `    type filter hook egress devices = { ${out} } priority 0`,
    "    meta mark . oifname vmap @paths",
    "  }",
    "}",
    "",
  ].join("\n");
}

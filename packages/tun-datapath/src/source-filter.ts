/**
 * The rule file that lets the kernel's VXLAN hear the given addresses alone. VXLAN has no authentication, so without it any host that
 * reaches the port can put frames into the bridge.
 *
 * The chain stands in the input hook because packets are whole there: in an earlier hook a second fragment has no port. Packets from
 * the bridge itself are refused under any address, on both overlay ports: a workload must not speak as a peer. The table is replaced in one transaction, so
 * there is no moment without rules.
 */
export function sourceFilterRules({ bridge, port, sources }: SourceFilter): string {
  const elements = sources.length === 0 ? "" : ` elements = { ${sources.join(", ")} };`;
  return `${noSourceFilterRules(port)}table inet ${sourceFilterTable(port)} {
  set sources { type ipv4_addr;${elements} }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname "${bridge}" udp dport { ${port - 1}, ${port} } drop
    udp dport ${port} ip saddr @sources accept
    udp dport ${port} drop
  }
}
`;
}

/** What is filtered. */
export interface SourceFilter {
  readonly bridge: string;
  /** UDP port of the tunnel; the one before it is that of the userspace overlays. */
  readonly port: number;
  /** IPv4 addresses, text form. */
  readonly sources: readonly string[];
}

/** The rule file that takes the filter away, whether or not it is there: declaring a table first makes deleting it legal. */
export function noSourceFilterRules(port: number): string {
  const table = sourceFilterTable(port);
  return `table inet ${table} {}\ndelete table inet ${table}\n`;
}

/** Name of our table in nftables. One per port, so that two daemons of one network namespace do not share it. */
export function sourceFilterTable(port: number): string {
  return `weave-vxlan-${port}`;
}

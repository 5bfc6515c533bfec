import { dialectOf, hex, JUDGE, type RenderOptions } from "./render.ts";

/** How packets reach the rules. */
export interface HookOptions extends RenderOptions {
  /** One bit of the connection mark: the connection was judged and allowed. @defaultValue 0x1000000 */
  readonly connectionMark?: number | undefined;
  /** Ports of this host that containers always reach, so that no policy cuts them off the DNS. @defaultValue UDP and TCP 53 */
  readonly hostPorts?: readonly { readonly protocol: "tcp" | "udp"; readonly port: number }[] | undefined;
  /** Priority of the chains. @defaultValue -5, before the filters of others */
  readonly priority?: number | undefined;
}

const DNS = [
  { protocol: "udp", port: 53 },
  { protocol: "tcp", port: 53 },
] as const;

/** Neighbour discovery without router advertisements and redirects: without it IPv6 does not work at all. */
const NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept";

/**
 * Lines for {@link render} that send forwarded packets, and those from and to this host, to the rules. Bridged packets pass them
 * when the bridge has `nf_call_iptables` and `nf_call_ip6tables` set.
 *
 * Packets of a connection that exists or was judged are accepted first. A stream in one direction is never "established",
 * so without the connection mark each of its packets would walk through every policy.
 */
export function hookLines(options: HookOptions = {}): string[] {
  const { connectionMark = 0x1000000, hostPorts = DNS, priority = -5 } = options;
  const { table, marks } = dialectOf(options);
  const bit = hex(connectionMark);
  const failsafe = hostPorts.map(({ protocol, port }) => `${protocol} dport ${port} accept`);
  const hosts = [...failsafe, "icmp type echo-request accept", "icmpv6 type echo-request accept"];
  const chain = (hook: string, early: readonly string[]) => [
    `add chain inet ${table} ${hook} { type filter hook ${hook} priority ${priority} ; policy accept ; }`,
    ...[
      "ct state established,related accept",
      `ct mark & ${bit} == ${bit} accept`,
      NEIGHBOURS,
      ...early,
      `jump ${JUDGE}`,
      `meta mark & ${hex(marks.judged)} != 0 ct mark set ct mark | ${bit}`,
      `meta mark set meta mark & ${hex(~(marks.allowed | marks.passed | marks.judged))}`,
    ].map((rule) => `add rule inet ${table} ${hook} ${rule}`),
  ];
  return [...chain("forward", []), ...chain("input", hosts), ...chain("output", [])];
}

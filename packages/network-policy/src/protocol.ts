/** Names of IP protocols that Kubernetes and Calico know (IANA protocol numbers). */
const NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** Protocols with ports that a rule can name. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);

export const ICMP = 1;
export const TCP = 6;
export const ICMPV6 = 58;

/** The number of a protocol given by name (any case) or number 1 to 255; `undefined` for anything else. */
export function protocolNumber(value: unknown): number | undefined {
  if (typeof value === "string" && /^[1-9]\d{0,2}$/.test(value)) return protocolNumber(Number(value));
  if (typeof value === "string")
    return Object.hasOwn(NUMBERS, value.toLowerCase()) ? NUMBERS[value.toLowerCase()] : undefined;
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 255 ? value : undefined;
}

/** Whether rules may name ports of a protocol. */
export function hasPorts(protocol: number | undefined): boolean {
  return protocol !== undefined && WITH_PORTS.has(protocol);
}

import type { Step } from "../steps.ts";

/** A line of `ip` on the host. */
export function ip(...words: string[]): Step {
  return { do: "ip", words };
}

/** A line of `ip` in a namespace. */
export function within(netns: string, ...words: string[]): Step {
  return { do: "ip", netns, words };
}

/** sysctl(8) separates with dots, so dots of an interface name are written as slashes. */
export function sysctlName(ifname: string): string {
  return ifname.replaceAll(".", "/");
}

/**
 * Removes addresses. With the first address of a subnet the kernel would delete all others of that subnet, unless it is told to
 * promote the next one.
 */
export function removeAddresses(ifname: string, addresses: readonly string[], netns?: string): Step[] {
  if (addresses.length === 0) return [];
  const place = netns === undefined ? {} : { netns };
  const settings = { [`net.ipv4.conf.${sysctlName(ifname)}.promote_secondaries`]: "1" };
  return [
    { do: "sysctl", ...place, settings },
    ...addresses.map((cidr): Step => ({ do: "ip", ...place, words: ["address", "delete", cidr, "dev", ifname] })),
  ];
}

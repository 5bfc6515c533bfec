/** Bounds on what a source may ask over UDP, where its address may be a lie. */
import { contains, parseSubnet, type Subnet } from "./address.ts";
import type { ClientAddress } from "./stats.ts";

/** How often a source may ask. */
export interface RateLimitOptions {
  /** Queries per second and source, in the long run. @defaultValue 100 */
  readonly perSecond?: number;
  /** Queries at once, after a pause. @defaultValue 200 */
  readonly burst?: number;
  /** Queries per second of all limited sources together, in the long run. @defaultValue 5000 */
  readonly totalPerSecond?: number;
  /** Sources without a limit. @defaultValue the private subnets, where containers and hosts live */
  readonly trusted?: readonly Subnet[];
}

/** Addresses that packets from the Internet cannot carry past a router that knows its job, so no amplifier's victims. */
export const privateSubnets: readonly Subnet[] = [
  "127.0.0.0/8",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "169.254.0.0/16",
  "100.64.0.0/10",
].map((text) => parseSubnet(text)!);

/** Sources remembered. Two that share a slot take it from each other, which costs a limit, never an answer. */
const slots = 1 << 16;

/** Decides for each UDP query. Constant memory (1 MB), whatever addresses are invented. */
export interface RateLimiter {
  admits(client: ClientAddress, now: () => number): boolean;
}

/**
 * Two bounds: one for each source, against those that ask too much or are made to look so; one for all of them together, so that
 * however many sources are invented, there is time left for the trusted ones.
 *
 * One virtual clock per source (the generic cell rate algorithm): each query moves it forward by 1/perSecond, and it may be
 * ahead of the real one by burst/perSecond.
 * @param seed - makes the slots unpredictable; 32 bits
 */
export function createRateLimiter(options: RateLimitOptions, seed: number): RateLimiter {
  const { perSecond = 100, burst = 200, totalPerSecond = 5000, trusted = privateSubnets } = options;
  const stepMs = 1000 / perSecond;
  const aheadMs = burst * stepMs;
  const owners = new Float64Array(slots).fill(-1);
  const clocks = new Float64Array(slots);
  // A tenth of a second's worth may come at once.
  const totalStepMs = 1000 / totalPerSecond;
  let totalClock = 0;
  // Runs for every packet: no closure, no clock for those who need no limit.
  const isTrusted = (client: number): boolean => {
    for (const subnet of trusted) if (contains(subnet, client)) return true;
    return false;
  };
  return {
    admits(client, now) {
      if (typeof client === "number" && isTrusted(client)) return true;
      const key = typeof client === "number" ? client : hashText(client);
      const nowMs = now();
      const total = Math.max(totalClock, nowMs) + totalStepMs;
      if (total - nowMs > 100) return false;
      const slot = Math.imul(key ^ seed, 0x9e3779b1) >>> 16;
      const before = owners[slot] === key ? clocks[slot]! : 0;
      const after = Math.max(before, nowMs) + stepMs;
      owners[slot] = key;
      const admitted = after - nowMs <= aheadMs;
      clocks[slot] = admitted ? after : before;
      if (admitted) totalClock = total;
      return admitted;
    },
  };
}

/** IPv6 sources count by /64, which one host can fill at will. Two billion values; loopback is as any other. */
function hashText(address: string): number {
  const network = address.split("::")[0]!.split(":").slice(0, 4).join(":");
  let hash = 0x811c9dc5;
  for (let i = 0; i < network.length; i++) hash = Math.imul(hash ^ network.charCodeAt(i), 0x01000193);
  return 2 ** 32 + (hash >>> 0);
}

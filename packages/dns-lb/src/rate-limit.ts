/** Bounds on what a source may ask over UDP, where its address may be forged. */
import type { CidrInput } from "@weaved/ip";
import { keyOf, NetworkSet, PRIVATE_NETWORKS } from "./clients.ts";
import type { ClientAddress } from "./stats.ts";

/** How often a source may ask. */
export interface RateLimitOptions {
  /** Queries per second and source, in the long run. @defaultValue 100 */
  readonly perSecond?: number;
  /** Queries at once, after a pause. @defaultValue 200 */
  readonly burst?: number;
  /** Queries per second of all limited sources together, in the long run. @defaultValue 5000 */
  readonly totalPerSecond?: number;
  /** Sources without a limit. @defaultValue private networks, where containers and hosts live */
  readonly trusted?: readonly CidrInput[];
}

/** Sources remembered. Two that share a slot take it from each other, which costs a limit, never an answer. */
const SLOTS = 1 << 16;
/** What all limited sources may ask at once: their total of this time. */
const TOTAL_BURST_MS = 100;

/** Decides for each UDP query. Constant memory (1 MB), whatever addresses are invented. */
export interface RateLimiter {
  admits(client: ClientAddress, now: () => number): boolean;
}

/**
 * Two bounds: one for each source, against those that ask too much or whose address is forged; one for all of them together, so
 * that however many sources are invented, there is time left for the trusted ones.
 *
 * One virtual clock per source (the generic cell rate algorithm): each query moves it forward by 1/perSecond, and it may be
 * ahead of the real one by burst/perSecond.
 * @param seed - makes the slots unpredictable; 32 bits
 * @throws DnsError `DNS_BAD_ADDRESS`
 */
export function createRateLimiter(options: RateLimitOptions, seed: number): RateLimiter {
  const { perSecond = 100, burst = 200, totalPerSecond = 5000 } = options;
  const trusted = new NetworkSet(options.trusted ?? PRIVATE_NETWORKS);
  const stepMs = 1000 / perSecond;
  const aheadMs = burst * stepMs;
  const owners = new Float64Array(SLOTS).fill(-1);
  const clocks = new Float64Array(SLOTS);
  const totalStepMs = 1000 / totalPerSecond;
  let totalClock = 0;
  return {
    // Runs for every packet: trusted sources cost no closure and no reading of the clock.
    admits(client, now) {
      if (trusted.has(client)) return true;
      const key = keyOf(client);
      const nowMs = now();
      const total = Math.max(totalClock, nowMs) + totalStepMs;
      if (total - nowMs > TOTAL_BURST_MS) return false;
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

/** When to try an address again. */
import type { MeshError } from "../errors.ts";
import type { Random } from "../ports.ts";

export const INITIAL_INTERVAL_MS = 2_000;
export const MAX_INTERVAL_MS: number = 6 * 60_000;
const GROWTH = 1.5;
/** A connection that lasted this long was a good one: its end is no failure of the address. */
const RESET_AFTER_MS = 60_000;

/** A peer that was lost is tried for this long, with this pause after each attempt. */
const LOST_MS = 15 * 60_000;
const LOST_PAUSE_MS = 200;
/** An attempt is given this long to be answered, or several times what the host took when it last answered. */
const LOST_ATTEMPT_MS = 1_000;
const TIMES_LAST_ANSWER = 3;

/** Attempts at once: a mass restart must not become a flood of its own. */
const MAX_ATTEMPTS = 64;
/** Of those, at once that get somewhere, or may yet: each remote has a handshake to make with us, and with others. */
const MAX_PROMISING = 12;
/** An attempt gets this long to be answered, then this long to be through: others are not kept waiting by the dead. */
export const ANSWER_MS = 1_000;
const HANDSHAKE_MS = 5_000;

/** One address that we would like to be connected to. */
export interface Target {
  readonly address: string;
  state: "waiting" | "attempting" | "connected" | "suspended";
  /** Of an attempt under way: until when it is promising. */
  promisingUntil: number;
  /** Of a discovered peer that is to dial us: for how long we wait, and its version when last looked at. */
  wait: { readonly until: number; readonly version: bigint } | undefined;
  /** It was connected, and was lost without an answer: until when it is tried every second. */
  lostUntil: number;
  /** When the latest attempt began, and how long the host took when it last answered one. */
  beganAt: number;
  answerMs: number;
  /** Why it is not connected. */
  lastError: MeshError | undefined;
  /** Earliest next try; Infinity: never, until given again. */
  tryAt: number;
  intervalMs: number;
}

/** A target that may be tried from `at` on. */
export function newTarget(address: string, at: number): Target {
  return {
    address,
    state: "waiting",
    promisingUntil: 0,
    wait: undefined,
    lostUntil: 0,
    beganAt: 0,
    answerMs: 0,
    lastError: undefined,
    tryAt: at,
    intervalMs: INITIAL_INTERVAL_MS,
  };
}

/** An attempt begins. */
export function begin(target: Target, now: number): void {
  target.state = "attempting";
  target.promisingUntil = now + ANSWER_MS;
  target.beganAt = now;
}

/** The host has answered an attempt. */
export function answered(target: Target, now: number): void {
  if (target.state !== "attempting") return;
  target.promisingUntil = now + HANDSHAKE_MS;
  target.answerMs = now - target.beganAt;
}

/** How many attempts more may be under way. */
export function roomForAttempts(targets: Iterable<Target>, now: number): number {
  let attempts = MAX_ATTEMPTS;
  let promising = MAX_PROMISING;
  for (const { state, promisingUntil } of targets) {
    if (state !== "attempting") continue;
    attempts--;
    if (now < promisingUntil) promising--;
  }
  return Math.min(attempts, promising);
}

/** Forgets all failures. */
export function tryNow(target: Target, now: number): void {
  target.wait = undefined;
  target.tryAt = now;
  target.intervalMs = INITIAL_INTERVAL_MS;
}

/** Next try after half to one and a half intervals; the interval grows by half, to six minutes at most. */
export function tryLater(target: Target, now: number, random: Random): void {
  target.tryAt = now + target.intervalMs * (0.5 + random());
  target.intervalMs = Math.min(target.intervalMs * GROWTH, MAX_INTERVAL_MS);
}

/** Whether an error says that nothing answers at the address: the network may be cut, and come back any moment. */
function isSilence(error: MeshError): boolean {
  const cause = (error.cause as { readonly code?: string } | undefined)?.code ?? "";
  return error.code === "MESH_TIMEOUT" || ["EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"].includes(cause);
}

/**
 * How long the next attempt may wait for the host to answer. A lost peer is tried often and briefly, because an attempt
 * that begins while the network is cut does not notice for seconds that it is back.
 */
export function answerTimeoutMs({ lostUntil, answerMs }: Target, now: number): number | undefined {
  return now < lostUntil ? Math.max(LOST_ATTEMPT_MS, TIMES_LAST_ANSWER * answerMs) : undefined;
}

/** What the end of an attempt or connection means for the next. */
export function afterFailure(target: Target, error: MeshError, now: number, random: Random): void {
  const wasConnected = target.state === "connected";
  target.state = "waiting";
  target.lastError = error;
  if (error.code === "MESH_STALLED") {
    // The connection that takes its place is under way.
    begin(target, now);
    answered(target, now);
    return;
  }
  if (wasConnected && isSilence(error)) target.lostUntil = now + LOST_MS;
  if (error.code === "MESH_NAME_COLLISION" || error.code === "MESH_SELF") {
    target.tryAt = Number.POSITIVE_INFINITY;
    target.intervalMs = MAX_INTERVAL_MS;
  } else if (wasConnected && now > target.tryAt + RESET_AFTER_MS) tryNow(target, now);
  else if (now < target.lostUntil && isSilence(error)) target.tryAt = now + LOST_PAUSE_MS;
  else tryLater(target, now, random);
}

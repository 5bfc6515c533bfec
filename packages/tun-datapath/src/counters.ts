/**
 * Frames counted where they enter, where they leave, why they were dropped. At any quiet moment
 * `tapIn + overlayIn + made = tapOut + overlayOut + answered + every drop`.
 */
export const COUNTERS = [
  "tapIn",
  "overlayIn",
  /** Copies for flooding, segments, fragments, answers of our own beyond the frame they came from. */
  "made",
  "tapOut",
  "overlayOut",
  /** ARP questions answered from memory. */
  "answered",
  "dropStp",
  "dropLocal",
  "dropFlapping",
  "dropNoRoute",
  "dropNoLink",
  "dropLinkPending",
  "dropOwnSource",
  "dropTooBig",
  "dropMalformed",
  "dropTapRefused",
  "dropSendRefused",
  "dropNoMemory",
  "dropNobody",
  /** To an address that the overlay does not own: see `ownedOnly`. */
  "dropNotOwned",
  // Packets that never became frames.
  "packetsIn",
  "packetsOut",
  "packetUnknownSender",
  /** From an address that is not the link's, and proves nothing. */
  "packetForeign",
  "packetForged",
  "packetReplayed",
  "packetShort",
  "packetMalformed",
  "packetTruncated",
  "superFrameIncomplete",
  // Events.
  "macMoved",
  "flooded",
] as const;

/** Name of a counter. */
export type CounterName = (typeof COUNTERS)[number];

/** Counters in memory that threads may share. */
export class Counters {
  readonly #values: Float64Array;
  readonly #index: ReadonlyMap<string, number> = new Map(COUNTERS.map((name, i) => [name, i]));

  constructor(memory?: SharedArrayBuffer) {
    this.#values = new Float64Array(memory ?? new SharedArrayBuffer(8 * COUNTERS.length));
  }
  get memory(): SharedArrayBuffer {
    return this.#values.buffer as SharedArrayBuffer;
  }

  add(name: CounterName, n = 1): void {
    const i = this.#index.get(name) as number;
    this.#values[i] = (this.#values[i] as number) + n;
  }

  /** All of them by name. */
  read(): Record<string, number> {
    return Object.fromEntries(COUNTERS.map((name, i) => [name, this.#values[i] as number]));
  }
}

/** Frames that entered minus frames that left: 0 when nothing is on its way. */
export function imbalance(counters: Readonly<Record<string, number>>): number {
  const of = (name: CounterName): number => counters[name] ?? 0;
  let left = of("tapOut") + of("overlayOut") + of("answered");
  for (const name of COUNTERS) if (name.startsWith("drop")) left += of(name);
  return of("tapIn") + of("overlayIn") + of("made") - left;
}

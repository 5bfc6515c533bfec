import { NetlabError } from "./errors.ts";

/** What a run of ping saw. */
export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** 0 to 100. */
  readonly lossPercent: number;
  /** Round trips; absent when nothing came back. */
  readonly minMs?: number;
  readonly avgMs?: number;
  readonly maxMs?: number;
}

/** What a run of iperf3 saw, at the receiver. */
export interface IperfResult {
  readonly bitsPerSecond: number;
  readonly seconds: number;
  readonly bytes: number;
  /** TCP only. */
  readonly retransmits?: number;
  /** UDP only, 0 to 100. */
  readonly lossPercent?: number;
  /** UDP only. */
  readonly jitterMs?: number;
}

export function failure(tool: string, text: string): NetlabError {
  return new NetlabError(
    "COMMAND_FAILED",
    `${tool} answered something else than a result: ${text.trim().slice(0, 500)}`,
  );
}

/** Reads the summary of `ping -q` (iputils). */
export function parsePing(text: string): PingResult {
  const counts = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(text);
  if (counts === null) throw failure("ping", text);
  const sent = Number(counts[1]);
  const received = Number(counts[2]);
  const base = { sent, received, lossPercent: sent === 0 ? 0 : ((sent - received) / sent) * 100 };
  const times = /= ([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(text);
  if (times === null) return base;
  return { ...base, minMs: Number(times[1]), avgMs: Number(times[2]), maxMs: Number(times[3]) };
}

interface IperfSum {
  readonly bits_per_second: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly retransmits?: number;
  readonly lost_percent?: number;
  readonly jitter_ms?: number;
}

/** Reads the document of `iperf3 -J` (3.12). */
export function parseIperf(text: string): IperfResult {
  let document: { error?: string; end?: { sum_received?: IperfSum; sum_sent?: IperfSum; sum?: IperfSum } };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    throw failure("iperf3", text);
  }
  const sum = document.end?.sum_received ?? document.end?.sum;
  if (document.error !== undefined || sum === undefined) throw failure("iperf3", document.error ?? text);
  const retransmits = document.end?.sum_sent?.retransmits;
  // UDP reports losses in `sum`, even where `sum_received` exists.
  const datagrams = document.end?.sum ?? sum;
  return {
    bitsPerSecond: sum.bits_per_second,
    seconds: sum.seconds,
    bytes: sum.bytes,
    ...(retransmits === undefined ? {} : { retransmits }),
    ...(datagrams.lost_percent === undefined ? {} : { lossPercent: datagrams.lost_percent }),
    ...(datagrams.jitter_ms === undefined ? {} : { jitterMs: datagrams.jitter_ms }),
  };
}

/** What tcpdump says of itself. */
export interface CaptureCounts {
  /** Packets it has read. */
  readonly captured: number;
  /** Packets that passed its filter, the dropped ones among them. */
  readonly received: number;
  /** Packets that found no room in the kernel's ring. */
  readonly dropped: number;
}

/** Reads each of tcpdump's counts: its answers to SIGUSR1, of one line, and its last words, of three. */
export function parseCaptureCounts(text: string): CaptureCounts[] {
  const counts =
    /(\d+) packets? captured(?:, |\n)(\d+) packets? received by filter(?:, |\n)(\d+) packets? dropped by kernel/g;
  return [...text.matchAll(counts)].map(([, captured, received, dropped]) => ({
    captured: Number(captured),
    received: Number(received),
    dropped: Number(dropped),
  }));
}

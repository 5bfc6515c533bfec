import { statSync } from "node:fs";
import { join } from "node:path";
import { type CaptureCounts, failure, parseCaptureCounts } from "../parse.ts";
import type { Daemon } from "./daemon.ts";
import type { Place } from "./place.ts";
import { waitFor } from "./run.ts";

/** What to record. */
export interface CaptureOptions {
  /** @defaultValue `eth0` */
  readonly device?: string;
  /** In pcap syntax, such as `udp port 6783`. @defaultValue everything */
  readonly filter?: string;
  /** Where to. @defaultValue a new file in the place's folder */
  readonly file?: string;
  /** Bytes kept of each packet. @defaultValue all */
  readonly snapBytes?: number;
}

/** What a recording holds. */
export interface CaptureResult {
  readonly packets: number;
  /** Size of the file. */
  readonly bytes: number;
  /** Packets that passed the filter and found no room in the kernel's buffer. */
  readonly dropped: number;
}

/** A recording in progress. */
export interface Capture {
  /** A pcap file, for wireshark or {@link Capture.count}. */
  readonly file: string;
  /** Ends the recording; what had passed the device before the call is on disk when it resolves. Idempotent. */
  stop(): Promise<CaptureResult>;
  /** Packets in the file that match a filter; complete after `stop`. */
  count(filter?: string): Promise<number>;
}

/** Starts tcpdump and resolves when it listens. */
export async function startCapture(place: Place, options: CaptureOptions): Promise<Capture> {
  const device = options.device ?? "eth0";
  const file = options.file ?? join(place.dir, `${device}-${process.hrtime.bigint()}.pcap`);
  const snap = options.snapBytes === undefined ? [] : ["-s", `${options.snapBytes}`];
  // -Z root: tcpdump would give up the right to write into the lab's folder. No immediate mode: the kernel's ring has
  // eight slots then where frames may be of 64 kB, and drops what comes in a burst.
  const args = ["-n", "-U", "-Z", "root", "-i", device, ...snap, "-w", file];
  const daemon = await place.spawn("tcpdump", [...args, ...(options.filter ? [options.filter] : [])]);
  await daemon.waitForLog(/listening on/, 10_000);
  let stopped: Promise<CaptureResult> | undefined;
  const stop = async () => {
    await drained(daemon);
    daemon.kill("SIGINT");
    await daemon.exited;
    const { captured, dropped } = countsOf(daemon);
    return { packets: captured, bytes: statSync(file).size, dropped };
  };
  return {
    file,
    stop: () => (stopped ??= stop()),
    async count(filter) {
      const lines = await place.must("tcpdump", ["-n", "-Z", "root", "-r", file, ...(filter ? [filter] : [])]);
      return lines.split("\n").filter((line) => line !== "").length;
    },
  };
}

/** tcpdump reads a part of the kernel's ring once it is full or a second old. */
const DRAIN_MS = 3_000;

/**
 * Waits until tcpdump has read what the kernel's ring holds now: at SIGINT it leaves that there. Not for ever: packets
 * that came before its filter was set are in the kernel's count and never in its own.
 */
async function drained(daemon: Daemon): Promise<void> {
  const end = performance.now() + DRAIN_MS;
  const before = await progress(daemon);
  const goal = before.received - before.dropped;
  const caughtUp = async () => performance.now() > end || (await progress(daemon)).captured >= goal;
  if (before.captured < goal) await waitFor("tcpdump to catch up", caughtUp, 2 * DRAIN_MS, 20);
}

/** Asks tcpdump for its counts by SIGUSR1. */
async function progress(daemon: Daemon): Promise<CaptureCounts> {
  const answers = parseCaptureCounts(daemon.log()).length;
  daemon.kill("SIGUSR1");
  const answered = () => daemon.code !== undefined || parseCaptureCounts(daemon.log()).length > answers;
  await waitFor("tcpdump's counts", answered, 10_000, 5);
  return countsOf(daemon);
}

function countsOf(daemon: Daemon): CaptureCounts {
  const counts = parseCaptureCounts(daemon.log()).at(-1);
  if (counts === undefined) throw failure("tcpdump", daemon.log());
  return counts;
}

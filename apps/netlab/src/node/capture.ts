import { statSync } from "node:fs";
import { join } from "node:path";
import { parseCaptured } from "../parse.ts";
import type { Place } from "./place.ts";

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

/** A recording in progress. */
export interface Capture {
  /** A pcap file, for wireshark or {@link Capture.count}. */
  readonly file: string;
  /** Ends the recording; what was captured is on disk when it resolves. Idempotent. */
  stop(): Promise<{ readonly packets: number; readonly bytes: number }>;
  /** Packets in the file that match a filter; complete after `stop`. */
  count(filter?: string): Promise<number>;
}

/** Starts tcpdump and resolves when it listens. */
export async function startCapture(place: Place, options: CaptureOptions): Promise<Capture> {
  const device = options.device ?? "eth0";
  const file = options.file ?? join(place.dir, `${device}-${process.hrtime.bigint()}.pcap`);
  const snap = options.snapBytes === undefined ? [] : ["-s", `${options.snapBytes}`];
  // -Z root: tcpdump would give up the right to write into the lab's folder. Immediate mode: nothing waits in a buffer.
  const args = ["-n", "-U", "--immediate-mode", "-Z", "root", "-i", device, ...snap, "-w", file];
  const daemon = await place.spawn("tcpdump", [...args, ...(options.filter ? [options.filter] : [])]);
  await daemon.waitForLog(/listening on/, 10_000);
  let stopped: Promise<{ packets: number; bytes: number }> | undefined;
  const stop = async () => {
    daemon.kill("SIGINT");
    await daemon.exited;
    return { packets: parseCaptured(daemon.log()), bytes: statSync(file).size };
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

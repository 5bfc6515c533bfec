import { describe, expect, it } from "vitest";
import { parseCaptureCounts, parseIperf, parsePing } from "../src/parse.ts";

describe("parsePing", () => {
  it("reads counts with round trips", () => {
    const text =
      "PING 10.77.1.12 (10.77.1.12) 56(84) bytes of data.\n\n--- 10.77.1.12 ping statistics ---\n" +
      "10 packets transmitted, 7 received, 30% packet loss, time 184ms\nrtt min/avg/max/mdev = 0.044/0.058/0.078/0.012 ms\n";
    const result = parsePing(text);
    expect(result).toEqual({ sent: 10, received: 7, lossPercent: 30, minMs: 0.044, avgMs: 0.058, maxMs: 0.078 });
  });

  it("takes silence for a result", () => {
    const text = "5 packets transmitted, 0 received, +5 errors, 100% packet loss, time 80ms\npipe 5\n";
    expect(parsePing(text)).toEqual({ sent: 5, received: 0, lossPercent: 100 });
  });

  it("refuses what is no summary", () => {
    expect(() => parsePing("ping: nowhere: Name or service not known")).toThrow("Name or service not known");
  });
});

describe("parseIperf", () => {
  const sum = { bits_per_second: 1e9, seconds: 2, bytes: 2.5e8 };

  it("reads TCP at the receiver", () => {
    const text = JSON.stringify({ end: { sum_sent: { ...sum, retransmits: 3 }, sum_received: sum } });
    expect(parseIperf(text)).toEqual({ bitsPerSecond: 1e9, seconds: 2, bytes: 2.5e8, retransmits: 3 });
  });

  it("reads losses of UDP", () => {
    const text = JSON.stringify({ end: { sum: { ...sum, lost_percent: 4, jitter_ms: 0.01 }, sum_received: sum } });
    expect(parseIperf(text)).toMatchObject({ lossPercent: 4, jitterMs: 0.01 });
  });

  it("passes on what iperf3 complains about", () => {
    expect(() => parseIperf('{"error":"unable to connect to server"}')).toThrow("unable to connect");
    expect(() => parseIperf("")).toThrow("iperf3");
  });
});

describe("parseCaptureCounts", () => {
  it("reads tcpdump's answers on the way, its last words", () => {
    const text = [
      "tcpdump: 1 packet captured, 80 packets received by filter, 72 packets dropped by kernel",
      "^C17 packets captured",
      "89 packets received by filter",
      "72 packets dropped by kernel",
    ];
    expect(parseCaptureCounts(text.join("\n"))).toEqual([
      { captured: 1, received: 80, dropped: 72 },
      { captured: 17, received: 89, dropped: 72 },
    ]);
    expect(parseCaptureCounts("tcpdump: no suitable device found")).toEqual([]);
  });
});

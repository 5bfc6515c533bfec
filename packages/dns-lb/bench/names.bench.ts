/** A cluster with 100,000 names: memory, gossip bytes, time to look up, to merge, to encode. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createNames, type Names } from "../src/names.ts";

const clock = { now: () => 0, after: () => () => {} };
const make = (self: number): Names =>
  createNames({ self, clock, wallClock: () => 1_700_000_000, isKnownPeer: () => true });
const collect = (): number => {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
};
const time = <T>(fn: () => T): [T, number] => {
  const started = performance.now();
  const value = fn();
  return [value, performance.now() - started];
};
const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);

if (!("gc" in globalThis)) {
  setFlagsFromString("--expose-gc");
  Object.assign(globalThis, { gc: runInNewContext("gc") });
}
for (const count of [1000, 100_000]) {
  const before = collect();
  const names = make(1);
  const hex = (i: number): string => `${i.toString(16).padStart(12, "0").repeat(5)}beef`;
  const [, addMs] = time(() => {
    for (let i = 0; i < count; i++) names.add(`service-${i}.weave.local`, hex(i), 0x0a200000 + i, 1 + (i % 50));
  });
  const heap = collect() - before;
  const [messages, encodeMs] = time(() => names.gossip.gossip()!.encode());
  const bytes = messages.reduce((sum, message) => sum + message.length, 0);
  const copy = make(99);
  const [, mergeMs] = time(() => {
    for (const message of messages) copy.gossip.onGossip(message);
  });
  const [, againMs] = time(() => {
    for (const message of messages) copy.gossip.onGossip(message);
  });
  const look = (fn: (i: number) => unknown): string => {
    const rounds = 200_000;
    const [, ms] = time(() => {
      for (let i = 0; i < rounds; i++) fn((i * 7919) % count);
    });
    return `${((ms * 1000) / rounds).toFixed(2)} us`;
  };
  const lookup = look((i) => names.lookup(`service-${i}.weave.local.`));
  const reverse = look((i) => names.reverse(0x0a200000 + i));
  console.log(
    `${count} names: add ${addMs.toFixed(0)} ms, heap ${mb(heap)} MB (${(heap / count).toFixed(0)} bytes a name), ` +
      `gossip ${mb(bytes)} MB in ${messages.length} messages (${(bytes / count).toFixed(0)} bytes a name), encode ${encodeMs.toFixed(0)} ms, ` +
      `learn ${mergeMs.toFixed(0)} ms, hear again ${againMs.toFixed(0)} ms, look-up ${lookup}, reverse ${reverse}`,
  );
}

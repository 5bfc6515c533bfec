import { VxlanEntries } from "../../src/vxlan-entries.ts";

/** The kernel's forwarding in memory, with a clock that only tests move. It outlives the data paths attached to it. */
export interface TestKernel {
  /** MAC -> underlay address. */
  readonly forwarded: Map<number, string>;
  /** Ends of tunnels, likewise. */
  readonly tunnels: Map<number, string>;
  sources: readonly string[];
  /** A data path's view. What an earlier one left waiting is forgotten, as when its process is killed. */
  attach(lingerMs: number): VxlanEntries;
  advance(ms: number): void;
}

export function makeKernel(): TestKernel {
  let now = 0;
  let timers: { at: number; fn: () => void }[] = [];
  const set = (map: Map<number, string>, mac: number, address: string | undefined): void =>
    void (address === undefined ? map.delete(mac) : map.set(mac, address));
  const kernel: TestKernel = {
    forwarded: new Map(),
    tunnels: new Map(),
    sources: [],
    attach(lingerMs) {
      timers = [];
      const port = {
        forward: (mac: number, address: string | undefined) => set(kernel.forwarded, mac, address),
        tunnel: (mac: number, address: string | undefined) => set(kernel.tunnels, mac, address),
        sources: (addresses: readonly string[]) => {
          kernel.sources = addresses;
        },
        after(ms: number, fn: () => void) {
          const timer = { at: now + ms, fn };
          timers.push(timer);
          return () => {
            timers = timers.filter((other) => other !== timer);
          };
        },
      };
      return new VxlanEntries(port, lingerMs);
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers = timers.filter((other) => other !== due);
        now = due.at;
        due.fn();
      }
      now = end;
    },
  };
  return kernel;
}

import { createVirtualClock, type VirtualClock } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { DnsError } from "../../src/errors.ts";
import { type Listeners, type ListenOn, openListeners } from "../../src/node/listeners.ts";
import { silentLogger } from "../../src/ports.ts";

interface Lab {
  readonly clock: VirtualClock;
  /** Addresses of the host. */
  own: string[];
  /** Addresses that another program has. */
  readonly taken: Set<string>;
  /** Addresses bound now. */
  readonly bound: Set<string>;
  open(on: ListenOn): Promise<Listeners>;
}

function lab(...own: string[]): Lab {
  const clock = createVirtualClock();
  const taken = new Set<string>();
  const bound = new Set<string>();
  const made: Lab = {
    clock,
    own,
    taken,
    bound,
    open: (on) =>
      openListeners({
        on,
        port: 53,
        clock,
        logger: silentLogger,
        hostAddresses: () => made.own,
        open: async (address, port) => {
          if (taken.has(address)) throw new DnsError("DNS_LISTEN_FAILED", `${address} is taken`);
          bound.add(address);
          return { address, port, close: async () => void bound.delete(address) };
        },
      }),
  };
  return made;
}

describe("openListeners", () => {
  it("binds each address of the host for 0.0.0.0 and ::, so that replies leave from the address that was asked", async () => {
    const host = lab("10.0.0.1", "192.0.2.1", "127.0.0.1", "::1");
    const listeners = await host.open(["0.0.0.0", "::"]);
    expect(listeners.bound.map(({ address }) => address)).toEqual(["10.0.0.1", "192.0.2.1", "127.0.0.1", "::1"]);
    await listeners.close();
    expect(host.bound.size).toBe(0);
  });

  it("follows addresses that come and go", async () => {
    const host = lab("127.0.0.1");
    const listeners = await host.open("0.0.0.0");
    host.own = ["127.0.0.1", "172.17.0.1"];
    await listeners.follow();
    expect([...host.bound]).toEqual(["127.0.0.1", "172.17.0.1"]);
    host.own = ["172.17.0.1"];
    host.clock.advance(5000);
    await listeners.follow();
    expect([...host.bound]).toEqual(["172.17.0.1"]);
    await listeners.close();
  });

  it("goes on without an address that another program has, and takes it when it is free", async () => {
    const host = lab("127.0.0.1", "172.17.0.1");
    host.taken.add("127.0.0.1");
    const listeners = await host.open("0.0.0.0");
    expect([...host.bound]).toEqual(["172.17.0.1"]);
    host.taken.clear();
    await listeners.follow();
    expect([...host.bound].sort()).toEqual(["127.0.0.1", "172.17.0.1"]);
    await listeners.close();
  });

  it("fails when an address that was named is taken, and leaves none open", async () => {
    const host = lab();
    host.taken.add("10.0.0.2");
    await expect(host.open(["10.0.0.1", "10.0.0.2"])).rejects.toMatchObject({ code: "DNS_LISTEN_FAILED" });
    expect(host.bound.size).toBe(0);
  });

  it("fails when no address can be bound", async () => {
    const host = lab("127.0.0.1");
    host.taken.add("127.0.0.1");
    await expect(host.open("0.0.0.0")).rejects.toMatchObject({ code: "DNS_LISTEN_FAILED" });
    await expect(lab().open("::")).rejects.toMatchObject({ code: "DNS_LISTEN_FAILED" });
  });

  it("starts without addresses when a function names none yet", async () => {
    const host = lab();
    let addresses: string[] = [];
    const listeners = await host.open(() => addresses);
    expect(listeners.bound).toEqual([]);
    addresses = ["172.17.0.1"];
    await listeners.follow();
    expect(listeners.bound).toEqual([{ address: "172.17.0.1", port: 53 }]);
    await listeners.close();
  });
});

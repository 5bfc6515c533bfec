import { describe, expect, it } from "vitest";
import { createCluster, stateOf } from "../support/cluster.ts";

describe("a disk that refuses", () => {
  it("makes requests fail after 10 s with the cause and the remedy, and says so in the status and once a minute in the log", async () => {
    const cluster = createCluster(1);
    const store = cluster.stores[1]!;
    const errors: string[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (message: string) => void errors.push(message) };
    let broken = true;
    const save = (key: string, value: unknown): Promise<void> =>
      broken ? Promise.reject(new Error("ENOSPC: no space left on device")) : store.save(key, value);
    const h1 = await cluster.add(1, { logger, store: { load: store.load, save } });
    const request = h1.allocate("c1");
    request.catch(() => {});
    await cluster.run(5000);
    expect(await stateOf(request)).toBe("waits");
    await cluster.run(8000);
    await expect(request).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringMatching(/ENOSPC.*; make room on the disk/),
    });
    await expect(h1.allocate("c2")).rejects.toMatchObject({ code: "STORE_FAILED" });
    expect(h1.status().storeFailure).toMatchObject({ message: "ENOSPC: no space left on device" });
    await cluster.run(45_000);
    expect(errors).toHaveLength(1);
    broken = false;
    await cluster.run(2000);
    expect(h1.status().storeFailure).toBeUndefined();
    expect((await h1.allocate("c3")).address).toMatch(/^10\.32\.0\./);
  });
});

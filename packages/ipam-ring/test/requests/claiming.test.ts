import { describe, expect, it } from "vitest";
import { createCluster } from "../support/cluster.ts";

describe("an exclusive claim", () => {
  const cidr = { address: "10.32.0.9", prefixLength: 24 };
  const exclusive = { exclusive: true };

  it("fails with the words of Docker when any ident holds the address", async () => {
    const h1 = await createCluster(1).add(1);
    await h1.claim("_", cidr, exclusive);
    const taken = { code: "ADDRESS_TAKEN", message: expect.stringContaining("Address already in use") };
    await expect(h1.claim("_", cidr, exclusive)).rejects.toMatchObject(taken);
    await h1.allocate("c1");
    await expect(h1.claim("_", { ...cidr, address: "10.32.0.1" }, exclusive)).rejects.toMatchObject(taken);
    h1.release("10.32.0.9");
    await h1.claim("_", cidr, exclusive);
  });

  it("fails for an address outside the range that is in use", async () => {
    const h1 = await createCluster(1).add(1);
    const outside = { address: "192.168.7.7", prefixLength: 24 };
    await h1.claim("c1", outside);
    await expect(h1.claim("_", outside, exclusive)).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
  });

  it("leaves the words of other claims as they are in Weave Net", async () => {
    const h1 = await createCluster(1).add(1);
    await h1.claim("_", cidr);
    await h1.claim("_", cidr);
  });
});

describe("explain", () => {
  it("leaves a request out of the overview once it is over", async () => {
    const cluster = createCluster(2);
    const h1 = await cluster.add(1);
    const request = h1.allocate("c1");
    expect(h1.explain()).toHaveLength(1);
    await cluster.add(2);
    await cluster.run(12_000);
    await request;
    expect(h1.explain()).toEqual([]);
    expect(h1.explain("c1")).toMatchObject([{ outcome: "done" }]);
  });
});

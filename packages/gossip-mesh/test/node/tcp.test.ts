import { afterEach, describe, expect, it } from "vitest";
import type { Stream } from "../../src/index.ts";
import { openTcp, startMesh, systemClock, systemRandom, type TcpTransport } from "../../src/node/index.ts";

const open: TcpTransport[] = [];
const listen = async (port = 0): Promise<TcpTransport> => {
  const transport = await openTcp({ host: "127.0.0.1", port });
  open.push(transport);
  return transport;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((transport) => transport.close()));
});

const dial = (from: TcpTransport, to: string): Promise<Stream | Error> =>
  new Promise((resolve) => from.dial(to, resolve));
const at = ({ local }: TcpTransport): string => `${local.address}:${local.port}`;

/** What happens on a stream. */
function watch(stream: Stream): { bytes: number; drained: number; closed: Promise<Error | undefined> } {
  const seen = { bytes: 0, drained: 0, closed: undefined as never as Promise<Error | undefined> };
  seen.closed = new Promise((resolve) => {
    stream.open({
      data: (bytes) => {
        seen.bytes += bytes.length;
      },
      drained: () => void seen.drained++,
      closed: (reason) => resolve(reason),
    });
  });
  return seen;
}

/** Two ends of a connection. */
async function pair(): Promise<[Stream, Stream]> {
  const [a, b] = [await listen(), await listen()];
  const accepted = new Promise<Stream>((resolve) => b.onStream(resolve));
  const near = await dial(a, at(b));
  if (near instanceof Error) throw near;
  return [near, await accepted];
}

describe("streams over TCP", () => {
  it("know both ends' addresses", async () => {
    const [near, far] = await pair();
    expect([near.local, near.remote]).toEqual([far.remote, far.local]);
    for (const stream of [near, far]) stream.close();
  });

  it("ask to wait when the remote does not read, and say when that is over", async () => {
    const [near, far] = await pair();
    const seen = watch(near);
    const chunk = new Uint8Array(1 << 20);
    let written = 0;
    let free = true;
    for (; free && written < 64; written++) free = near.write(chunk);
    expect(free).toBe(false);
    const received = watch(far);
    await expect.poll(() => received.bytes).toBe(written << 20);
    await expect.poll(() => seen.drained).toBeGreaterThan(0);
    near.close();
    await received.closed;
  });

  it("end at once, on both sides, as often as asked; later writes go nowhere", async () => {
    const [near, far] = await pair();
    const ends = [watch(near), watch(far)];
    near.close();
    near.close();
    await Promise.all(ends.map(({ closed }) => closed));
    expect(near.write(Uint8Array.of(1))).toBe(true);
    expect(far.write(Uint8Array.of(1))).toBe(true);
  });

  it("cannot be had where nobody listens, nor on a port that is taken", async () => {
    const transport = await listen();
    const gone = await openTcp({ host: "127.0.0.1", port: 0 });
    await gone.close();
    expect(await dial(transport, at(gone))).toMatchObject({ code: "ECONNREFUSED" });
    await expect(openTcp({ host: "127.0.0.1", port: transport.local.port })).rejects.toMatchObject({
      code: "MESH_TRANSPORT",
      message: expect.stringContaining("cannot listen"),
    });
  });

  it("do not come when the attempt was cancelled", async () => {
    const transport = await listen();
    let called = false;
    const cancel = transport.dial(at(transport), () => {
      called = true;
    });
    cancel();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(called).toBe(false);
  });

  it("lead to hosts by name", async () => {
    expect(await (await listen()).resolve("localhost")).toBe("127.0.0.1");
    await expect((await listen()).resolve("no-such-host.invalid")).rejects.toThrow();
  });
});

describe("the machine's clock and randomness", () => {
  it("run what has no delay in this turn, what has one later, what is cancelled never", async () => {
    const order: string[] = [];
    systemClock.after(0, () => order.push("now"));
    systemClock.after(20, () => order.push("later"));
    systemClock.after(0, () => order.push("never"))();
    systemClock.after(10, () => order.push("never"))();
    const done = setTimeout(() => {}, 1_000);
    await expect.poll(() => order).toEqual(["now", "later"]);
    clearTimeout(done);
    const before = systemClock.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  });

  it("draw numbers from 0 to 1, not all the same", () => {
    const random = systemRandom();
    const numbers = Array.from({ length: 3_000 }, random);
    expect(numbers.every((n) => n >= 0 && n < 1)).toBe(true);
    expect(new Set(numbers).size).toBeGreaterThan(2_990);
  });
});

describe("meshes over TCP", () => {
  it("three find each other over loopback, encrypted; one that ends is noticed at once", async () => {
    const settings = { password: "secret", port: 26_700 + (process.pid % 80) };
    const meshes = await Promise.all([1, 2, 3].map((n) => startMesh({ name: n, host: `127.0.8.${n}`, ...settings })));
    for (const mesh of meshes.slice(1)) expect(await mesh.connect(["127.0.8.1"])).toEqual([]);
    const views = () => meshes.map((mesh) => mesh.convergence());
    await expect
      .poll(() => views().every(({ peers, digest }) => peers === 3 && digest === views()[0]!.digest), {
        timeout: 10_000,
      })
      .toBe(true);
    await meshes.pop()!.close();
    await expect.poll(() => views().map(({ peers }) => peers), { timeout: 10_000 }).toEqual([2, 2]);
    expect(meshes[0]!.status().connections.find(({ peer }) => peer === 2)).toMatchObject({ encrypted: true });
    await Promise.all(meshes.map((mesh) => mesh.close()));
  });

  it("give a port that is free, and close twice", async () => {
    const mesh = await startMesh({ name: 1, host: "127.0.0.1", port: 0 });
    expect(mesh.local.port).toBeGreaterThan(0);
    expect(mesh.status().port).toBe(mesh.local.port);
    await mesh.close();
    await mesh.close();
  });
});

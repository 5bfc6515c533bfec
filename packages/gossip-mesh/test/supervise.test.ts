import { createVirtualClock } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { createMesh, type Stream } from "../src/index.ts";
import { superviseTransport } from "../src/supervise.ts";
import { createMemoryNetwork } from "../src/testing/index.ts";

/** Two meshes whose overlay throws wherever it can, from `arm` on. */
function fragileMeshes() {
  const clock = createVirtualClock();
  const network = createMemoryNetwork({ clock });
  const lines: string[] = [];
  let armed = false;
  const boom = (): void => {
    if (armed) throw new Error("out of cheese");
  };
  const quiet = (): void => {};
  const logger = { debug: quiet, info: quiet, warn: quiet, error: (line: string) => void lines.push(line) };
  const meshes = [1, 2].map((name) =>
    createMesh(
      {
        name,
        logger,
        overlay: {
          names: "sleeve",
          prepare: (link) => ({
            confirm: () => link.onEstablished(),
            onControl: boom,
            attributes: () => ({}),
            stop: boom,
          }),
        },
      },
      { clock, random: Math.random, transport: network.transport(`10.0.0.${name}:6783`) },
    ),
  );
  const arm = (): void => {
    armed = true;
  };
  return { clock, meshes, lines, arm };
}

describe("a callback that throws unexpectedly", () => {
  it("does not end the process: it is counted, logged as an error, and the mesh goes on", async () => {
    const { clock, meshes, lines, arm } = fragileMeshes();
    await meshes[0]!.connect(["10.0.0.2"]);
    expect(clock.advanceUntil(() => meshes[0]!.routes().unicast.has(2), 5_000)).toBe(true);
    arm();
    meshes[1]!.forget([]);
    expect(() => meshes[1]!.close()).toThrow("out of cheese");
    clock.advance(1_000);
    expect(meshes[0]!.status().events).toMatchObject({ MESH_INTERNAL: 1 });
    expect(lines[0]).toMatch(/a stream with 10\.0\.0\.2:6783.*out of cheese/);
    expect(meshes[0]!.knows(2)).toBe(false);
  });

  it("closes the stream that it belongs to", () => {
    const clock = createVirtualClock();
    const network = createMemoryNetwork({ clock });
    const errors: string[] = [];
    const report = (where: string, error: unknown): void => void errors.push(`${where}: ${(error as Error).message}`);
    const closed: boolean[] = [];
    superviseTransport(network.transport("10.0.0.1:1"), report).onStream((stream) => {
      stream.open({
        data() {
          throw new Error("bad byte");
        },
        drained() {},
        closed() {},
      });
    });
    network.transport("10.0.0.2:1").dial("10.0.0.1:1", (result) => {
      const stream = result as Stream;
      stream.open({ data() {}, drained() {}, closed: () => void closed.push(true) });
      stream.write(Uint8Array.of(1));
    });
    clock.advance(100);
    expect(errors).toEqual([expect.stringMatching(/a stream with 10\.0\.0\.2:\d+: bad byte/)]);
    expect(closed).toEqual([true]);
  });

  it("is a failed attempt when the transport refuses an address outright", () => {
    const clock = createVirtualClock();
    const transport = createMemoryNetwork({ clock }).transport("10.0.0.1:1");
    const refusing = superviseTransport(
      {
        ...transport,
        dial() {
          throw new RangeError("port out of range");
        },
      },
      () => {},
    );
    const results: unknown[] = [];
    refusing.dial("10.0.0.1:99999", (outcome) => void results.push(outcome));
    expect(results).toEqual([expect.any(RangeError)]);
  });
});

import { type Need, whyNoLab } from "@weaved/netlab";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it, type TestContext } from "vitest";
import { type Cluster, type ClusterOptions, startCluster } from "./cluster.ts";

/** What a scenario runs on. */
export interface Scene extends ClusterOptions {
  readonly needs?: readonly Need[];
  /** Why it cannot run here, beyond what a lab needs. */
  readonly skip?: string | undefined;
}

/** One thing a user sees, as a test on a cluster of its own; a failure shows what the daemons said. */
export function scenario(
  title: string,
  scene: Scene,
  body: (cluster: Cluster, ctx: TestContext) => Promise<void>,
): void {
  it(title, async (ctx) => {
    const why = scene.skip ?? whyNoLab(["dns", "capture", "iperf", ...(scene.needs ?? [])]);
    if (why !== undefined) return ctx.skip(why);
    const cluster = await startCluster(scene);
    try {
      await body(cluster, ctx);
    } catch (error) {
      console.error(cluster.logs());
      throw error;
    } finally {
      await cluster.close();
    }
  });
}

/** Several things a user sees on one cluster, which is started once; `body` declares the tests. */
export function scenarios(title: string, scene: Scene, body: (cluster: () => Cluster) => void): void {
  const why = scene.skip ?? whyNoLab(["dns", "capture", "iperf", ...(scene.needs ?? [])]);
  describe(title, () => {
    let cluster: Cluster | undefined;
    beforeAll(async () => {
      if (why === undefined) cluster = await startCluster(scene);
    });
    beforeEach((ctx) => (why === undefined ? undefined : ctx.skip(why)));
    afterEach(({ task }) => {
      if (task.result?.state === "fail") console.error(cluster?.logs());
    });
    afterAll(() => cluster?.close());
    body(() => cluster as Cluster);
  });
}

/** A measured figure, on a line of its own that a reader can find. */
export function figure(what: string, value: string | number): void {
  console.log(`figure: ${what}: ${value}`);
}

/** Seconds since a point of `performance.now()`, as text. */
export function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(2);
}

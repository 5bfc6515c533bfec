import { chmodSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { initShim, isProcessor } from "@weaved/docker-proxy";
import { createDockerClient } from "@weaved/docker-proxy/node";
import { openStore } from "@weaved/state-store/node";
import { removeKernelPaths } from "@weaved/tun-datapath/node";
import { describeFailure } from "../values/failure.ts";
import type { Context } from "./context.ts";
import { runQuietly } from "./process.ts";

/** The Docker network that the plugin makes. */
const dockerNetwork = "weave";
/** Chains in the filter table of iptables that this daemon hooks into the host's own. */
const hookChains = ["WEAVE-FORWARD", "WEAVE-INPUT"];
/** Names of devices that this daemon makes besides the bridge: host ends of attachments, of the plugin's endpoints, and the TAP. */
const ourDevices = /^(?:vethwepl|vethwl|vethwg|vethwe-tap$)/;

/** What resetting needs. */
export interface ResetOptions {
  /** Go on although other peers could not be told. */
  readonly force: boolean;
  stop(): Promise<void>;
}

/**
 * Leaves the network and removes everything of this daemon from the host. What must stay is printed with the reason. Succeeds where
 * nothing runs and nothing is left.
 */
export async function reset(context: Context, { force, stop }: ResetOptions): Promise<void> {
  const settings = await settingsOf(context);
  const left = await context.client.send("DELETE", "/peer").catch((error: Error) => error);
  if (left instanceof Error && !force)
    context.warn(
      "the daemon does not answer, so its addresses are not granted to other peers; run weave rmpeer for this host on one of them",
    );
  if (!(left instanceof Error)) await stop();
  const bridge = settings?.bridge ?? "weave";
  const prefix = settings?.prefix ?? context.env.WEAVED_DB_PREFIX ?? "/weavedb/weave";
  for (const line of [
    ...(await removeDockerNetwork(context.env)),
    ...(await removeFromKernel(bridge)),
    ...(await removeState(prefix)),
  ])
    context.warn(line);
}

async function settingsOf(context: Context): Promise<{ bridge: string; prefix: string } | undefined> {
  const answer = await context.client.send("GET", "/v1/settings").catch(() => undefined);
  return answer?.status === 200 ? JSON.parse(answer.body) : undefined;
}

/** The lines returned here and below say what stays, and why. */
async function removeDockerNetwork(env: Context["env"]): Promise<string[]> {
  const address = env.ORIG_DOCKER_HOST || env.WEAVED_DOCKER_API || "unix:///var/run/docker.sock";
  try {
    const engine = createDockerClient(address);
    const network = await engine.network(dockerNetwork);
    if (network?.driver.startsWith("weave")) await engine.removeNetwork(network.id);
    return [];
  } catch (error) {
    const { line, code } = describeFailure(error);
    if (code === "ENGINE_UNREACHABLE") return [];
    return [
      `the Docker network "${dockerNetwork}" stays: ${line}; remove its containers, then docker network rm ${dockerNetwork}`,
    ];
  }
}

async function removeFromKernel(bridge: string): Promise<string[]> {
  await removeKernelPaths({ bridge });
  const listed = await runQuietly("ip", ["-j", "link", "show"]);
  const names = (JSON.parse(listed || "[]") as { ifname: string }[]).map(({ ifname }) => ifname);
  const ours = names.filter((name) => name === bridge || ourDevices.test(name));
  for (const name of ours) await runQuietly("ip", ["link", "delete", "dev", name]);
  for (const line of (await runQuietly("nft", ["list", "tables"])).split("\n")) {
    const [, family, table] = /^table (\w+) (weave)$/.exec(line) ?? [];
    if (family && table) await runQuietly("nft", ["delete", "table", family, table]);
  }
  await removeHooks();
  const after = JSON.parse((await runQuietly("ip", ["-j", "link", "show"])) || "[]") as { ifname: string }[];
  return after
    .filter(({ ifname }) => ours.includes(ifname))
    .map(({ ifname }) => `the device ${ifname} stays: the kernel refuses to delete it; try again as root`);
}

async function removeHooks(): Promise<void> {
  for (const tool of ["iptables", "ip6tables"]) {
    const rules = (await runQuietly(tool, ["-w", "-S"])).split("\n");
    for (const chain of hookChains) {
      for (const rule of rules.filter((line) => line.startsWith("-A ") && line.endsWith(` -j ${chain}`)))
        await runQuietly(tool, ["-w", "-D", ...rule.split(" ").slice(1)]);
      if (!rules.includes(`-N ${chain}`)) continue;
      await runQuietly(tool, ["-w", "-F", chain]);
      await runQuietly(tool, ["-w", "-X", chain]);
    }
  }
}

/** Containers made through the proxy have the shim mounted: without a shim they would never start again, so it stops waiting instead. */
async function removeState(prefix: string): Promise<string[]> {
  const store = await openStore(prefix);
  await store.clear();
  const folder = `${prefix}-wait/w`;
  if (!existsSync(join(folder, "w")) || !isProcessor(process.arch)) return [];
  writeFileSync(join(folder, ".w"), initShim(process.arch, "nothing"));
  chmodSync(join(folder, ".w"), 0o755);
  renameSync(join(folder, ".w"), join(folder, "w"));
  return [
    `${prefix}-wait stays: containers made through the proxy start with it, from now on without the network; delete it when they are removed`,
  ];
}

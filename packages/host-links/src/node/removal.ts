import { noFirewallRules } from "../firewall/tables.ts";
import { isEndpoint } from "../links/endpoint-plan.ts";
import { isPortName, readAlias } from "../links/port-names.ts";
import { planBridgeRoutes, routeProtocol } from "../links/route-plan.ts";
import { type Context, carryOut } from "./context.ts";
import { Hook } from "./firewall/hook.ts";
import { must, readAllRoutes, readPort, readPorts } from "./kernel.ts";

/** What `removeAll` did. */
export interface Leftovers {
  /** In words, such as `bridge weave`. */
  readonly removed: readonly string[];
  /** What is still there, each with the reason. */
  readonly left: readonly string[];
}

/** Removes everything that carries our prefix. Every part is tried, whatever becomes of the others. */
export async function removeAll(context: Context, devices: readonly string[]): Promise<Leftovers> {
  const removed: string[] = [];
  const left: string[] = [];
  const attempt = async (what: string, act: () => Promise<boolean>) => {
    try {
      if (await act()) removed.push(what);
    } catch (error) {
      left.push(`${what}: ${(error as Error).message}`);
    }
  };
  const { runner, prefix } = context;
  const ports = await ownPorts(context);
  for (const port of ports) await attempt(`interface ${port}`, () => removeDevice(context, port));
  // The kernel does not tell which namespace the other end was in.
  if (removed.length > 0)
    left.push("multicast rules inside running containers: they name a deleted interface and end with it");
  await attempt("routes", () => removeRoutes(context));
  for (const device of devices) await attempt(`interface ${device}`, () => removeDevice(context, device));
  await attempt("firewall rules", async () => {
    const before = await must(runner, { argv: ["nft", "-j", "list", "tables"] });
    await must(runner, { argv: ["nft", "-f", "-"], stdin: noFirewallRules(prefix) });
    return before.includes(`"name": "${prefix}"`);
  });
  await attempt("chains of iptables", () => new Hook(runner, prefix).clear());
  return { removed, left };
}

/** Ports with our alias, and nameless ones that an attempt left before it could sign. */
async function ownPorts({ runner, prefix }: Context): Promise<string[]> {
  const isOurs = ({ alias, ifname }: { alias?: string; ifname: string }) =>
    readAlias(alias, prefix) !== undefined || (alias === undefined && isPortName(ifname, prefix));
  return (await readPorts(runner))
    .filter((port) => isOurs(port) || isEndpoint(port, prefix))
    .map(({ ifname }) => ifname);
}

async function removeDevice({ runner }: Context, name: string): Promise<boolean> {
  if (!(await readPort(runner, name))) return false;
  await must(runner, { argv: ["ip", "link", "delete", "dev", name] });
  return true;
}

async function removeRoutes(context: Context): Promise<boolean> {
  const ours = (await readAllRoutes(context.runner)).filter(({ protocol }) => protocol === routeProtocol);
  for (const bridge of new Set(ours.flatMap(({ dev }) => dev ?? [])))
    await carryOut(context, planBridgeRoutes(ours, bridge, []));
  return ours.length > 0;
}

import { setTimeout as delay } from "node:timers/promises";
import { LinksError } from "../errors.ts";
import type { Guard } from "../firewall/guard.ts";
import type { ObservedHost } from "../links/bridge-plan.ts";
import type { ObservedInside } from "../links/inside-plan.ts";
import { type ObservedLink, type ObservedRoute, parseBatch, readLinks, readRoutes } from "../links/observed.ts";
import { type CommandStep, commandsOf, describeStep, type Step } from "../steps.ts";
import type { Command, Runner } from "../types.ts";

/** Longest wait for a bridge port to pass frames; without spanning tree it takes one work-queue turn of the kernel. */
const forwardingTimeoutMs = 500;

/** Runs a command that must succeed. */
export async function must(runner: Runner, command: Command): Promise<string> {
  const { code, stdout, stderr } = await runner.run(command);
  if (code === 0) return stdout;
  const place = command.netns ? ` in ${command.netns}` : "";
  const input = command.stdin ? `; input was:\n${command.stdin}` : "";
  if (/nsenter: (?:cannot open|reassociate)/.test(stderr))
    throw new LinksError("LINKS_NO_NAMESPACE", `the namespace ${command.netns} is gone`);
  throw new LinksError(
    "LINKS_COMMAND_FAILED",
    `${command.argv.join(" ")}${place}: ${stderr.trim() || `exit code ${code}`}${input}`,
  );
}

/** Everything of the host's own namespace that bridge planning needs. */
export async function observeHost(runner: Runner, bridge: string): Promise<ObservedHost> {
  const [links, routes] = await Promise.all([readPort(runner, bridge), readAllRoutes(runner)]);
  return { links: links ? [links] : [], routes };
}

/** IPv4 routes of the main table. */
export async function readAllRoutes(runner: Runner): Promise<ObservedRoute[]> {
  return readRoutes(parseBatch(await must(runner, { argv: ["ip", "-j", "-4", "route", "show"] }))[0] ?? []);
}

/** One interface of the host, if it is there. */
export async function readPort(runner: Runner, ifname: string): Promise<ObservedLink | undefined> {
  const { code, stdout } = await runner.run({ argv: ["ip", "-j", "-d", "address", "show", "dev", ifname] });
  return code === 0 ? readLinks(parseBatch(stdout)[0] ?? [])[0] : undefined;
}

/** Every veth interface of the host. */
export async function readPorts(runner: Runner): Promise<ObservedLink[]> {
  const stdout = await must(runner, { argv: ["ip", "-j", "-d", "address", "show", "type", "veth"] });
  return readLinks(parseBatch(stdout)[0] ?? []);
}

/** Addresses of this host, its loopback aside, and the MACs of its bridges. */
export async function readHostAddresses(runner: Runner): Promise<Guard["host"]> {
  const stdout = await must(runner, { argv: ["ip", "-j", "-d", "address", "show"] });
  const links = readLinks(parseBatch(stdout)[0] ?? []).filter(({ ifname }) => ifname !== "lo");
  return {
    addresses: links.flatMap(({ addresses }) => addresses),
    macs: links.filter(({ kind }) => kind === "bridge").map(({ mac }) => mac),
  };
}

/** Names of the interfaces in a namespace. */
export async function readNames(runner: Runner, netns: string): Promise<string[]> {
  const stdout = await must(runner, { argv: ["ip", "-j", "-d", "address", "show"], netns });
  return readLinks(parseBatch(stdout)[0] ?? []).map(({ ifname }) => ifname);
}

/** One interface of a namespace with its routes: one process for both questions. */
export async function readInner(runner: Runner, netns: string, ifname: string): Promise<ObservedInside> {
  const stdout = await must(runner, {
    argv: ["ip", "-j", "-d", "-batch", "-"],
    netns,
    stdin: "address show\nroute show\n",
  });
  const [links = [], routes = []] = parseBatch(stdout);
  return { inner: readLinks(links).find((link) => link.ifname === ifname), routes: readRoutes(routes) };
}

/** Carries a plan out, in order. Stops at the first failure, whose message names the step. */
export async function applySteps(runner: Runner, steps: readonly Step[]): Promise<void> {
  let pending: CommandStep[] = [];
  const flush = async () => {
    for (const group of commandsOf(pending)) await Promise.all(group.map((command) => must(runner, command)));
    pending = [];
  };
  for (const step of steps) {
    if (step.do !== "await-forwarding") {
      pending.push(step);
      continue;
    }
    await flush();
    const deadline = performance.now() + forwardingTimeoutMs;
    while (!(await readPort(runner, step.port))?.forwarding && performance.now() < deadline) await delay(2);
  }
  await flush();
}

/** For logs. */
export function describeSteps(steps: readonly Step[]): string[] {
  return steps.map(describeStep);
}

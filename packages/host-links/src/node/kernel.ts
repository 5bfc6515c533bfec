import { setTimeout as delay } from "node:timers/promises";
import type { ObservedAttachment } from "../attach-plan.ts";
import type { ObservedHost } from "../bridge-plan.ts";
import { LinksError } from "../errors.ts";
import { type ObservedLink, parseBatch, readLinks, readRoutes } from "../observed.ts";
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
  const [links, routes] = await Promise.all([
    readPort(runner, bridge),
    must(runner, { argv: ["ip", "-j", "-4", "route", "show"] }).then((stdout) =>
      readRoutes(parseBatch(stdout)[0] ?? []),
    ),
  ]);
  return { links: links ? [links] : [], routes };
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

/** One interface of a namespace with its routes: one process for both questions. */
export async function readInner(
  runner: Runner,
  netns: string,
  ifname: string,
): Promise<Pick<ObservedAttachment, "inner" | "routes">> {
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

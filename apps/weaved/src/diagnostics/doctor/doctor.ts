import { request } from "node:http";
import colours from "picocolors";
import type { Client } from "../../client/client.ts";
import type { Check, Finding } from "./check.ts";
import {
  checkClock,
  checkKernel,
  checkMtu,
  checkNative,
  checkPassword,
  checkPrivileges,
  checkTools,
  checkTun,
} from "./host-checks.ts";
import { checkDocker, checkPorts, checkTarget } from "./peer-checks.ts";

/** Where the doctor asks and writes. */
export interface DoctorContext {
  readonly client: Client;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly json: boolean;
  print(text: string): void;
}

/**
 * Runs every check and prints what it found with what to do.
 *
 * @returns true when nothing will stop the daemon from working
 */
export async function doctor(context: DoctorContext, { peers }: { peers: readonly string[] }): Promise<boolean> {
  const port = Number(context.env.WEAVE_PORT ?? 6783);
  const running = await context.client.send("GET", "/status/targets").catch(() => undefined);
  const targets = peers.length > 0 ? peers : (running?.body ?? "").split("\n").filter((line) => line !== "");
  const checks: Check[] = [
    checkPrivileges,
    checkTools,
    checkTun,
    checkKernel,
    checkNative,
    checkPorts(port, running !== undefined),
    checkMtu,
    checkClock,
    checkPassword(context.env),
    checkDocker(pingDocker),
    ...targets.map((target) => checkTarget(target, port)),
  ];
  const findings: Finding[] = [];
  for (const check of checks) {
    const found = [await check()].flat();
    findings.push(...found);
    if (!context.json) for (const finding of found) context.print(findingText(finding));
  }
  if (context.json) context.print(`${JSON.stringify(findings, undefined, 2)}\n`);
  return !findings.some((finding) => finding.state === "failure");
}

const marks: Readonly<Record<Finding["state"], string>> = {
  ok: colours.green("ok  "),
  warning: colours.yellow("warn"),
  failure: colours.red("FAIL"),
  skipped: colours.dim("skip"),
};

function findingText({ name, state, text, remedy }: Finding): string {
  const advice = remedy ? `\n       ${colours.dim("->")} ${remedy}` : "";
  return `${marks[state]} ${name.padEnd(18)} ${text}${advice}\n`;
}

function pingDocker(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: "/var/run/docker.sock", path: "/version", timeout: 2000 }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve(`version ${(JSON.parse(body) as { Version: string }).Version}`));
    });
    asked.once("timeout", () => asked.destroy(new Error("timed out")));
    asked.once("error", reject);
    asked.end();
  });
}

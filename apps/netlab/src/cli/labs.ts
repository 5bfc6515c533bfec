import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { NetlabError } from "../errors.ts";
import { labMark } from "../node/proc.ts";
import { destroy, isAbandoned, type LabRecord, listRecords } from "../node/registry.ts";
import { kill, waitFor } from "../node/run.ts";
import type { Topology } from "../topology.ts";

/** A lab by id or name. @throws NetlabError `LAB_UNKNOWN` */
function find(idOrName: string): LabRecord {
  const found = listRecords().filter((record) => record.id === idOrName || record.name === idOrName);
  const [record] = found;
  if (record === undefined || found.length > 1) {
    const ids = listRecords().map((one) => one.id);
    const known = ids.length > 0 ? `labs: ${ids.join(", ")}` : "no lab is up";
    throw new NetlabError(
      "LAB_UNKNOWN",
      `${found.length > 1 ? "several labs are" : "no lab is"} called "${idOrName}"; ${known}`,
    );
  }
  return record;
}

/** A lab as a table for people. */
export function showLab(id: string, topology: Topology, upMs?: number): string {
  const rows = topology.hosts.map((host) => [
    host.name,
    host.nics.map((nic) => nic.switch.name + (nic.switch.region ? ` (${nic.switch.region})` : "")).join(", "),
    host.nat
      ? `${host.nat.hostAddress} behind ${host.nics[0]?.address}`
      : host.nics.map((nic) => nic.address).join(", "),
    host.containers.map((one) => one.name).join(" ") || "-",
  ]);
  const table = [["host", "switch", "address", "containers"], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const time = upMs === undefined ? "" : `, up in ${(upMs / 1000).toFixed(1)} s`;
  return [`lab ${id} (${topology.name})${time}`, ...lines].join("\n");
}

/** `netlab ls`. */
export function showLabs(options: { json?: boolean }): void {
  const records = listRecords();
  if (options.json) return console.log(JSON.stringify(records, undefined, 2));
  if (records.length === 0) return console.log("no labs");
  for (const record of records) {
    const state = isAbandoned(record) ? "abandoned" : record.ready ? `owner ${record.owner.pid}` : "starting";
    console.log(`${showLab(record.id, record.topology)}\n${state}\n`);
  }
}

/** `netlab exec`: the terminal is the command's own. Returns its exit code. */
export function enterLab(lab: string, place: string, command: readonly string[]): number {
  const record = find(lab);
  const pid = record.places[place];
  if (pid === undefined) {
    const known = Object.keys(record.places).join(", ");
    throw new NetlabError("TOPOLOGY_INVALID", `lab ${record.id} has no "${place}"; it has: ${known}`);
  }
  const host = record.topology.hosts.find((one) => one.name === place);
  // A lab of an ordinary user lives in a user namespace, which has to be entered first.
  const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
  const spaces = [...user, "--net", "--mount", "--uts", ...(host?.pidNamespace ? ["--pid"] : [])];
  const shell = ["sh", "-c", 'cd "$0" 2>/dev/null; exec "$@"', process.cwd()];
  const env = { ...process.env, [labMark]: record.id, NETLAB_PLACE: place };
  const args = ["--target", String(pid), ...spaces, "--", ...shell, ...command];
  return spawnSync("nsenter", args, { stdio: "inherit", env }).status ?? 1;
}

/** `netlab down`. */
export async function down(lab: string | undefined): Promise<void> {
  for (const record of lab === undefined ? listRecords() : [find(lab)]) {
    // Its owner clears away best: it knows what is still starting.
    if (!isAbandoned(record)) kill(record.owner.pid, "SIGTERM");
    await waitFor(`${record.id} is given up by its owner`, () => isAbandoned(record), 15_000);
    if (existsSync(`/proc/${record.owner.pid}`) || listRecords().some((one) => one.id === record.id)) destroy(record);
    console.log(`removed ${record.id}`);
  }
}

/** `netlab up --detach`: another process keeps the lab; this one returns when it is up. */
export async function detach(file: string): Promise<void> {
  const before = new Set(listRecords().map((record) => record.id));
  const args = [...process.execArgv, process.argv[1] as string, "up", file];
  const keeper = spawn(process.execPath, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
  let code: number | undefined;
  let errors = "";
  keeper.stderr.on("data", (chunk: Buffer) => {
    errors += chunk;
  });
  keeper.once("exit", (status) => {
    code = status ?? 1;
  });
  const record = await waitFor(
    "the lab",
    () => {
      if (code !== undefined) throw new NetlabError("COMMAND_FAILED", `the lab did not come up: ${errors.trim()}`);
      return listRecords().find((one) => !before.has(one.id) && one.ready);
    },
    60_000,
  );
  keeper.unref();
  // It outlives us; our standard error may be a pipe that somebody waits for.
  keeper.stderr.destroy();
  console.log(showLab(record.id, record.topology));
}

import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Topology } from "../topology.ts";
import { isAlive, isWaiter, netnsInode, type ProcessId, processesOf, processId } from "./proc.ts";
import { kill } from "./run.ts";

/** What is known of a lab on disk, so that another process can enter it or clear it away. */
export interface LabRecord {
  readonly id: string;
  readonly name: string;
  readonly owner: ProcessId;
  /** The kernel's boot id: after a reboot only files are left. */
  readonly boot: string;
  readonly netns: readonly string[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly topology: Topology;
  /** Process that holds the namespaces of each place, by `host` or `host/container`; filled when the lab is up. */
  readonly places: Readonly<Record<string, number>>;
  readonly ready: boolean;
}

/** Where labs are registered, one folder each. */
export function runtimeDir(): string {
  const uid = process.getuid?.() ?? 0;
  return process.env.NETLAB_RUNTIME ?? (uid === 0 ? "/run/netlab" : `/tmp/netlab-${uid}`);
}

/** The folder of one lab. */
export function labDir(id: string): string {
  return join(runtimeDir(), id);
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Writes a record so that a reader sees the old or the new one, never half of it. */
export function saveRecord(record: LabRecord): void {
  const file = join(labDir(record.id), "lab.json");
  writeFileSync(`${file}.new`, JSON.stringify(record, undefined, 2));
  renameSync(`${file}.new`, file);
}

/** Takes a fresh id and registers it before the first namespace exists, so that no crash leaves anything unknown. */
export function register(topology: Topology, netns: (id: string) => readonly string[]): LabRecord {
  mkdirSync(runtimeDir(), { recursive: true });
  for (;;) {
    // Four letters and digits: two labs side by side, not millions.
    const id = `nl${randomInt(36 ** 4)
      .toString(36)
      .padStart(4, "0")}`;
    try {
      mkdirSync(labDir(id));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw error;
    }
    const owner = processId(process.pid) as ProcessId;
    const boot = bootId();
    const record = { id, name: topology.name, owner, boot, netns: netns(id), createdAt: Date.now() };
    const whole: LabRecord = { ...record, topology, places: {}, ready: false };
    saveRecord(whole);
    return whole;
  }
}

/** Every registered lab, the abandoned ones included. */
export function listRecords(): LabRecord[] {
  if (!existsSync(runtimeDir())) return [];
  return readdirSync(runtimeDir()).flatMap((id) => {
    try {
      return [JSON.parse(readFileSync(join(labDir(id), "lab.json"), "utf8")) as LabRecord];
    } catch {
      // Registered this very moment by someone else, or removed.
      return [];
    }
  });
}

/** Whether nobody is left who would remove this lab. */
export function isAbandoned(record: LabRecord): boolean {
  return record.boot !== bootId() || !isAlive(record.owner);
}

function wait(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function killAll(record: LabRecord): void {
  const inodes = new Set(record.netns.map(netnsInode).filter((inode) => inode !== undefined));
  const start = performance.now();
  // Again until nobody is left: a process may have forked while it was being looked for.
  for (;;) {
    const pids = processesOf(record.id, inodes).filter((pid) => processId(pid) !== undefined);
    const elapsed = performance.now() - start;
    if (pids.length === 0 || elapsed > 10_000) return;
    for (const pid of pids) kill(pid, elapsed > 1000 || !isWaiter(pid) ? "SIGKILL" : "SIGCONT");
    wait(5);
  }
}

/** Removes the control groups that Docker engines of a lab left: folders, innermost first. */
function removeCgroups(id: string): void {
  const remove = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true }))
      if (entry.isDirectory()) remove(join(dir, entry.name));
    rmdirSync(dir);
  };
  const root = "/sys/fs/cgroup";
  if (!existsSync(root)) return;
  for (const dir of [root, ...readdirSync(root).map((name) => join(root, name))]) {
    const group = join(dir, `netlab-${id}`);
    try {
      if (existsSync(group)) remove(group);
    } catch {
      // A process of it is still being reaped by the kernel; an empty group holds nothing.
    }
  }
}

/**
 * Removes whatever a lab still has: processes, namespaces (their devices go with them), control groups, files.
 * Idempotent. Blocks, so that it also works in an `exit` handler.
 */
export function destroy(record: LabRecord): void {
  if (record.boot === bootId()) {
    killAll(record);
    const left = record.netns.filter((name) => netnsInode(name) !== undefined);
    const input = left.map((name) => `netns del ${name}\n`).join("");
    if (left.length > 0) spawnSync("ip", ["-force", "-batch", "-"], { input });
    removeCgroups(record.id);
  }
  rmSync(labDir(record.id), { recursive: true, force: true, maxRetries: 5 });
}

/**
 * Removes labs whose owner is gone, say after a kill -9. Touches nothing that is not registered as netlab's.
 * @returns their ids
 */
export function sweep(): string[] {
  const abandoned = listRecords().filter(isAbandoned);
  for (const record of abandoned) destroy(record);
  return abandoned.map((record) => record.id);
}

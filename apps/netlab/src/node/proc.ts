import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";

/** One line of truth about a process: pid plus start time, since pids are used again. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of `/proc/PID/stat`. */
  readonly start: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return;
  }
}

/** Fields of `/proc/PID/stat` from the third (state) on; the name before may contain anything. */
function stat(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Identifies a running process; undefined when there is none. A zombie counts as gone. */
export function processId(pid: number): ProcessId | undefined {
  const fields = stat(pid);
  if (fields === undefined || fields[0] === "Z" || fields[19] === undefined) return;
  return { pid, start: fields[19] };
}

/** Whether exactly this process still runs. */
export function isAlive(id: ProcessId): boolean {
  return processId(id.pid)?.start === id.start;
}

/** All pids, ours left out. */
export function otherPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** Direct children. */
export function childrenOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const listed = read(`/proc/${pid}/task/${pid}/children`);
  // Not every kernel offers the file.
  if (listed !== undefined) return listed.split(" ").filter(Boolean).map(Number);
  return otherPids().filter((one) => stat(one)?.[1] === String(pid));
}

/** Inode of a namespace, from a bind mount under `/run/netns`; undefined when there is no such namespace. */
export function netnsInode(name: string): number | undefined {
  try {
    return statSync(`/run/netns/${name}`).ino;
  } catch {
    return;
  }
}

/** The mark in the environment of everything a lab starts. */
export const labMark = "NETLAB_LAB";

/**
 * Everything that belongs to a lab: what runs in one of its network namespaces, and what inherited its mark
 * (a daemon may have moved to another namespace).
 */
export function processesOf(id: string, inodes: ReadonlySet<number>): number[] {
  return otherPids().filter((pid) => {
    try {
      const inode = Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0]);
      if (inodes.has(inode)) return true;
    } catch {
      return false;
    }
    return read(`/proc/${pid}/environ`)?.split("\0").includes(`${labMark}=${id}`) ?? false;
  });
}

/**
 * Whether a process only waits for another one in a process namespace (`nsenter`, `unshare --fork`). Killing it together with
 * its child would leave a zombie to process 1; left alone it reaps the child, then ends.
 */
export function isWaiter(pid: number): boolean {
  const name = read(`/proc/${pid}/comm`)?.trim();
  return (name === "nsenter" || name === "unshare") && childrenOf(pid).length > 0;
}

import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NetlabError } from "../errors.ts";
import type { NamespacePlan } from "../plan.ts";
import { childrenOf, labMark } from "./proc.ts";

/** What holds the namespaces of one place open, and prepares them first. */
export interface HolderSpec {
  readonly labId: string;
  readonly plan: NamespacePlan;
  /** The place's folder. */
  readonly dir: string;
  readonly hostname: string;
  readonly resolver: string;
  readonly hosts: string;
  readonly pidNamespace: boolean;
  readonly runtimeDir: string;
}

/** Shell lines that put the network of a namespace in order, from inside it. Quoted heredocs: nothing is expanded. */
export function networkScript(plan: NamespacePlan): string {
  return [
    ...Object.entries(plan.sysctls).map(
      ([key, value]) => `[ ! -e /proc/sys/${key} ] || echo ${value} >/proc/sys/${key}`,
    ),
    // A bridge must not pass its frames through this machine's IPv4 firewall, nor ours.
    "for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $f ] || echo 0 >$f; done",
    "ip -batch - <<'END'",
    ...plan.ip,
    "END",
    ...(plan.nft === "" ? [] : ["nft -f - <<'END'", plan.nft, "END"]),
  ].join("\n");
}

/**
 * Gives a place its own view of files: resolver, hosts, `/sys` of its network, an empty `/run` (sockets and pid files of two
 * daemons never meet; the machine's Docker socket is out of sight). `/run/netns` stays visible, new entries included.
 */
function mountScript(spec: HolderSpec): string {
  const run = join(spec.dir, "run");
  return `
bind() { t=$(readlink -m "$2"); mkdir -p "$(dirname "$t")"; [ -e "$t" ] || : >"$t"; mount --bind "$1" "$t"; }
if [ -d /sys/fs/cgroup ]; then mkdir -p ${spec.dir}/cgroup; mount --rbind /sys/fs/cgroup ${spec.dir}/cgroup; fi
if mount -t sysfs sysfs /sys 2>/dev/null && [ -d /sys/fs/cgroup ]; then mount --rbind ${spec.dir}/cgroup /sys/fs/cgroup; fi
umount -l ${spec.dir}/cgroup 2>/dev/null || :
mkdir -p ${run}; mount -t tmpfs -o mode=755 netlab ${run}
mkdir -p ${run}/netns ${run}/lock; mount --rbind /run/netns ${run}/netns
case ${spec.runtimeDir} in /run/*) mkdir -p ${run}/${spec.runtimeDir.slice(5)}; mount --bind ${spec.runtimeDir} ${run}/${spec.runtimeDir.slice(5)};; esac
mount --rbind ${run} /run
bind ${spec.dir}/resolv.conf /etc/resolv.conf
bind ${spec.dir}/hosts /etc/hosts
hostname ${spec.hostname}
`;
}

/** Process 1 of a process namespace has to collect orphans; a shell that waits does. */
const stay = { plain: "exec sleep infinity", init: "exec sh -c 'while :; do sleep 86400 & wait $!; done' netlab-init" };

/** Starts a holder; resolves with its pid once everything in the plan is done. */
export async function startHolder(spec: HolderSpec): Promise<number> {
  mkdirSync(spec.dir, { recursive: true });
  writeFileSync(join(spec.dir, "resolv.conf"), spec.resolver);
  writeFileSync(join(spec.dir, "hosts"), spec.hosts);
  const script = [
    "set -e",
    networkScript(spec.plan),
    mountScript(spec),
    "echo ready",
    "exec >/dev/null 2>&1",
    spec.pidNamespace ? stay.init : stay.plain,
  ].join("\n");
  const errors = join(spec.dir, "holder.log");
  const log = openSync(errors, "a");
  const fork = spec.pidNamespace ? ["--pid", "--fork", "--mount-proc"] : [];
  const child = spawn(
    "nsenter",
    // Slave: namespaces made later show up under /run/netns here, nothing mounted here shows up outside.
    [
      `--net=/run/netns/${spec.plan.netns}`,
      "unshare",
      "--mount",
      "--uts",
      "--propagation",
      "slave",
      ...fork,
      "sh",
      "-c",
      script,
    ],
    // Its own process group: Ctrl-C reaches us, and we end it.
    { stdio: ["ignore", "pipe", log], env: { ...process.env, [labMark]: spec.labId }, detached: true },
  );
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    const fail = () =>
      reject(
        new NetlabError(
          "COMMAND_FAILED",
          `${spec.plan.netns} could not be set up: ${readFileSync(errors, "utf8").trim()}`,
        ),
      );
    child.once("error", fail);
    child.once("exit", fail);
    child.stdout?.on("data", (chunk: Buffer) => {
      if (chunk.includes("ready")) resolve();
    });
  });
  child.removeAllListeners("exit");
  child.stdout?.destroy();
  child.unref();
  const pid = child.pid as number;
  return spec.pidNamespace ? (childrenOf(pid)[0] ?? pid) : pid;
}

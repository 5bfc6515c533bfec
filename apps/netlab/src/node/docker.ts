import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NetlabError } from "../errors.ts";
import type { Daemon } from "./daemon.ts";
import type { Place } from "./place.ts";
import { type CommandResult, must, type RunOptions } from "./run.ts";

/** How to start an engine. */
export interface DockerOptions {
  /** More arguments for dockerd. */
  readonly args?: readonly string[];
  /** Milliseconds until it must answer. @defaultValue 60000 */
  readonly deadlineMs?: number;
  /** Whether to load {@link dockerImage}. @defaultValue true */
  readonly image?: boolean;
}

/** A real Docker engine of one host. */
export interface DockerEngine {
  readonly daemon: Daemon;
  /** As seen inside the host. */
  readonly socket: "/run/docker.sock";
  /** The same socket, for a client that runs outside the lab. */
  readonly outsideSocket: string;
  /** Runs `docker ARGS...` in the host. */
  docker(args: readonly string[], options?: RunOptions): Promise<CommandResult>;
  /** The same, for commands that must succeed; returns what was printed, trimmed. */
  must(args: readonly string[], options?: RunOptions): Promise<string>;
  stop(): Promise<void>;
}

/** Name of the image every engine gets: a static busybox, about 2 MB, made locally. */
export const dockerImage = "netlab/busybox:latest";

async function packImage(dir: string): Promise<string> {
  const tar = join(dir, "busybox.tar");
  if (existsSync(tar)) return tar;
  const root = join(dir, "busybox");
  const binary = ["/usr/bin/busybox", "/bin/busybox"].find(existsSync);
  if (binary === undefined)
    throw new NetlabError("UNSUPPORTED", "busybox is missing: apt-get install -y busybox-static");
  for (const folder of ["bin", "etc", "proc", "sys", "dev", "tmp", "run"])
    mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(binary, join(root, "bin/busybox"));
  chmodSync(join(root, "bin/busybox"), 0o755);
  const applets = (await must(binary, ["--list"])).trim().split("\n");
  for (const applet of applets) if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\n");
  await must("tar", ["-C", root, "-cf", tar, "."]);
  return tar;
}

/** Starts dockerd in a host that was declared with `docker: true`, with its own storage, sockets, control group. */
export async function startDocker(host: Place, labId: string, options: DockerOptions): Promise<DockerEngine> {
  const { deadlineMs = 60_000, args = [], image = true } = options;
  const filter =
    (await host.exec("sh", ["-c", "command -v iptables"])).code === 0 ? [] : ["--iptables=false", "--ip-masq=false"];
  const daemon = await host.spawn("dockerd", [
    "--host=unix:///run/docker.sock",
    `--data-root=${join(host.dir, "docker")}`,
    "--exec-root=/run/docker",
    "--pidfile=/run/docker.pid",
    `--cgroup-parent=/netlab-${labId}`,
    // A missing kernel table for IPv6 would stop it; the lab has none.
    "--ip6tables=false",
    ...filter,
    ...args,
  ]);
  await daemon.waitForLog(/API listen on/, deadlineMs);
  const engine: DockerEngine = {
    daemon,
    socket: "/run/docker.sock",
    outsideSocket: `/proc/${host.pid}/root/run/docker.sock`,
    docker: (argv, runOptions) => host.exec("docker", argv, runOptions),
    must: async (argv, runOptions) => (await host.must("docker", argv, runOptions)).trim(),
    async stop() {
      await daemon.stop(15_000);
    },
  };
  if (image) await engine.must(["import", await packImage(host.dir), dockerImage]);
  return engine;
}

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { runtimeDir } from "./registry.ts";

/**
 * Without root: runs this very program again as the root of a user namespace, where the kernel allows that, with a `/run` of its own.
 * @returns the exit code of that run; undefined when this process is root already
 * @throws never; where the kernel refuses, the code is 1 and standard error says what is missing
 */
export function rerunInUserNamespace(): number | undefined {
  if (process.getuid?.() === 0) return;
  const runtime = runtimeDir();
  const [node, ...rest] = process.argv;
  const probe = spawnSync("unshare", ["-Urnm", "true"], { stdio: "ignore" });
  if (probe.status !== 0) {
    console.error("netlab: needs root, and this kernel gives ordinary users no namespaces; run: sudo netlab ...");
    console.error(
      "        or allow them: sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000",
    );
    return 1;
  }
  mkdirSync(runtime, { recursive: true });
  // `ip netns` keeps its names under /run/netns, which an ordinary user may not write.
  const script = 'mount -t tmpfs -o mode=755 netlab /run && mkdir /run/netns && exec "$@"';
  const args = [
    "-Urnm",
    "--propagation",
    "private",
    "sh",
    "-c",
    script,
    "sh",
    node as string,
    ...process.execArgv,
    ...rest,
  ];
  const env = {
    ...process.env,
    NETLAB_RUNTIME: runtime,
    NETLAB_USERNS: "1",
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  };
  // Ctrl-C goes to the whole process group; the inner run clears away, this one only waits for it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  return spawnSync("unshare", args, { stdio: "inherit", env }).status ?? 1;
}

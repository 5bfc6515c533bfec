import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Abilities beyond the basic ones that a lab or a step may need. */
export type Need = "docker" | "iperf" | "capture" | "dns" | "faketime";

interface Tool {
  readonly command: string;
  /** In Debian and Ubuntu. */
  readonly apt: string;
}

const basic: readonly Tool[] = [
  { command: "ip", apt: "iproute2" },
  { command: "tc", apt: "iproute2" },
  { command: "nft", apt: "nftables" },
  { command: "ping", apt: "iputils-ping" },
  { command: "nsenter", apt: "util-linux" },
  { command: "unshare", apt: "util-linux" },
  { command: "hostname", apt: "hostname" },
];

const extra: Readonly<Record<Need, readonly Tool[]>> = {
  docker: [
    { command: "dockerd", apt: "docker.io" },
    { command: "docker", apt: "docker.io" },
    { command: "iptables", apt: "iptables" },
    { command: "busybox", apt: "busybox-static" },
  ],
  iperf: [{ command: "iperf3", apt: "iperf3" }],
  capture: [{ command: "tcpdump", apt: "tcpdump" }],
  dns: [{ command: "dig", apt: "dnsutils" }],
  faketime: [{ command: "faketime", apt: "faketime" }],
};

/** A search path that also holds what Debian hides from ordinary users. */
const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];

function isInstalled(command: string): boolean {
  return folders.some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Debian packages that are missing for some needs. */
export function missingPackages(needs: readonly Need[] = []): string[] {
  const tools = [...basic, ...needs.flatMap((need) => extra[need])];
  return [...new Set(tools.filter((tool) => !isInstalled(tool.command)).map((tool) => tool.apt))];
}

/**
 * Installs missing packages when this is root and apt is there.
 * @returns undefined when everything is there now, else one line that says what to do
 */
export function installTools(needs: readonly Need[] = []): string | undefined {
  const missing = missingPackages(needs);
  if (missing.length === 0) return;
  const advice = `missing: ${missing.join(", ")}; run: apt-get install -y ${missing.join(" ")}`;
  if (process.getuid?.() !== 0 || !isInstalled("apt-get")) return advice;
  console.error(`setup: installing ${missing.join(", ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) =>
    spawnSync("apt-get", ["-qq", ...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  const install = () => apt("install", "-y", "--no-install-recommends", ...missing);
  // The lists of a fresh container are empty; refreshing them costs time, so only when needed.
  if (install().status !== 0) {
    apt("update");
    install();
  }
  return missingPackages(needs).length === 0 ? undefined : advice;
}

/** Whether this process may make network namespaces. */
function mayMakeNamespaces(): boolean {
  return (
    process.getuid?.() === 0 && spawnSync("unshare", ["--net", "--mount", "true"], { stdio: "ignore" }).status === 0
  );
}

let namespaces: boolean | undefined;

/**
 * Why no lab can be made here, in one line; undefined when one can. Tests skip with it:
 * `const why = whyNoLab(["docker"]); if (why) ctx.skip(why)`.
 */
export function whyNoLab(needs: readonly Need[] = []): string | undefined {
  if (process.platform !== "linux") return `network namespaces need Linux, this is ${process.platform}`;
  const missing = missingPackages(needs);
  if (missing.length > 0) return `missing: ${missing.join(", ")}; run: apt-get install -y ${missing.join(" ")}`;
  namespaces ??= mayMakeNamespaces();
  if (!namespaces) return "needs root, or `unshare -Urnm --map-root-user`, for network namespaces";
  if (needs.includes("docker") && process.env.NETLAB_USERNS !== undefined) return "a Docker engine needs real root";
  if (needs.includes("docker") && !existsSync("/sys/fs/cgroup")) return "a Docker engine needs control groups";
  return;
}

/** A machine made of namespaces: its own disk, processes, mounts, host name; offline also its own network. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where the clone is, and where caches are, as the machine sees it. */
const checkout = "/srv/weaved";
const caches = {
  "apt-archives": "/var/cache/apt/archives",
  "apt-lists": "/var/lib/apt/lists",
  home: "/var/cache/fresh",
};

/**
 * Shell lines that make a folder the root of a mount namespace. `pivot_root`, not `chroot`: who enters the namespaces of a
 * process of this machine later must come to this disk.
 */
const boot = `
set -e
disk=$1 cache=$2; shift 2
mount --bind "$disk" "$disk"
cd "$disk"
mount -t proc proc proc
mount --rbind /dev dev
mount -t sysfs sysfs sys 2>/dev/null || mount --rbind /sys sys
[ ! -d /sys/fs/cgroup ] || mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
${Object.entries(caches)
  .map(([name, path]) => `mkdir -p "$cache/${name}" .${path}; mount --bind "$cache/${name}" .${path}`)
  .join("\n")}
mkdir -p old
pivot_root . old
umount -l /old
hostname bare
[ "$OFFLINE" = "" ] || ip link set lo up 2>/dev/null || :
cd "$CHECKOUT"
exec "$@"
`;

/** Variables that say how to reach the network here. */
const network = /^(?:https?_proxy|no_proxy|.*_CA_.*|.*CERT.*|.*_SSL_.*|PIP_.*)$/i;

/**
 * @param {object} options
 * @param {string} options.base the root to copy
 * @param {string} options.dir folder of this machine
 * @param {string} options.cache
 * @param {boolean} options.offline
 */
export function enterMachine({ base, dir, cache, offline }) {
  const disk = join(dir, "disk");
  const copied = spawnSync("cp", ["-a", "--reflink=auto", base, disk], { encoding: "utf8" });
  if (copied.status !== 0) throw new Error(`the root cannot be copied: ${copied.stderr}`);
  writeFileSync(join(disk, "etc/hostname"), "bare\n");
  copyFileSync("/etc/resolv.conf", join(disk, "etc/resolv.conf"));
  writeFileSync(join(disk, "etc/hosts"), "127.0.0.1 localhost bare\n");
  const npmrc = join(homedir(), ".npmrc");
  if (existsSync(npmrc)) copyFileSync(npmrc, join(disk, "root/.npmrc"));
  mkdirSync(join(disk, checkout), { recursive: true });
  const env = environment(offline);
  return {
    /** Clones a commit's history; git comes to the machine with its setup. */
    clone(from) {
      const args = ["clone", "--quiet", "--no-hardlinks", from, join(disk, checkout)];
      const cloned = spawnSync("git", args, { encoding: "utf8" });
      if (cloned.status !== 0) throw new Error(`git clone failed: ${cloned.stderr}`);
      // `changeset status` compares with it, as a clone of the published repository would.
      spawnSync("git", ["-C", join(disk, checkout), "branch", "--force", "main", "HEAD"]);
    },
    /** @param {readonly string[]} command @returns {number} its exit code */
    run(command) {
      const spaces = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child", "--propagation", "private"];
      if (offline) spaces.push("--net");
      const args = [...spaces, "sh", "-c", boot, "boot", disk, cache, ...command];
      const { status, error } = spawnSync("unshare", args, { env, stdio: ["ignore", 1, 2] });
      if (error) throw error;
      return status ?? 1;
    },
    remove() {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function environment(offline) {
  const kept = Object.entries(process.env).filter(([name]) => network.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    LANG: "C.UTF-8",
    CHECKOUT: checkout,
    npm_config_cache: "/var/cache/fresh/npm",
    PNPM_HOME: "/var/cache/fresh/pnpm",
    PIP_CACHE_DIR: "/var/cache/fresh/pip",
    ...(offline ? { OFFLINE: "1", npm_config_offline: "true" } : {}),
  };
}

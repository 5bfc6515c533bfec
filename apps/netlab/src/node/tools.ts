import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { programsOf } from "../argv.ts";
import { NetlabError } from "../errors.ts";
import { type DebianPackage, type Need, packageOf, packagesFor } from "../programs.ts";

/** A search path that also holds what Debian hides from ordinary users. */
const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];

function isInstalled(program: string): boolean {
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Whether a package is there: by its programs, which may have come another way, or by dpkg's own note. */
function isPresent({ name, programs }: DebianPackage): boolean {
  return programs.length > 0 ? programs.every(isInstalled) : existsSync(`/var/lib/dpkg/info/${name}.list`);
}

/** Debian packages that are missing for some needs. */
function missingPackages(needs: readonly (Need | "tests")[]): string[] {
  return packagesFor(needs)
    .filter((one) => !isPresent(one))
    .map(({ name }) => name);
}

/** What to do about missing packages, in one line. */
const advice = (missing: readonly string[]) =>
  `missing: ${missing.join(", ")}; run: apt-get install -y ${missing.join(" ")}`;

/** Programs that were found. Bounded by: the list of programs. */
const found = new Set<string>();

/**
 * Refuses a command line with a program that is not on the list of {@link packageOf}, or that is not installed: a lab that ran it
 * would work on this machine only.
 * @throws NetlabError `PROGRAM_UNKNOWN`, `UNSUPPORTED`
 */
export function checkPrograms(command: string, args: readonly string[]): void {
  for (const program of programsOf(command, args)) {
    if (found.has(program)) continue;
    const known = packageOf(program);
    if (known === undefined) {
      const remedy =
        "add it with its Debian package to apps/netlab/src/programs.ts, or call a program of your own by its path";
      throw new NetlabError(
        "PROGRAM_UNKNOWN",
        `"${program}" is not on the list of programs that setup installs; ${remedy}`,
      );
    }
    if (known.purpose !== "node" && !isInstalled(program))
      throw new NetlabError("UNSUPPORTED", `"${program}" is not installed; run: apt-get install -y ${known.name}`);
    found.add(program);
  }
}

/**
 * Installs missing packages when this is root and apt is there.
 * @returns undefined when everything is there now, else one line that says what to do
 */
export function installTools(needs: readonly (Need | "tests")[] = []): string | undefined {
  const missing = missingPackages(needs);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !isInstalled("apt-get")) return advice(missing);
  console.error(`setup: installing ${missing.join(", ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) =>
    spawnSync("apt-get", ["-qq", ...args], { env, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  const install = () => apt("install", "-y", "--no-install-recommends", ...missing);
  // The lists of a fresh container are empty; refreshing them costs time, so only when needed.
  let result = install();
  if (result.status !== 0) {
    apt("update");
    result = install();
  }
  const left = missingPackages(needs);
  if (left.length === 0) return;
  const said = result.stderr?.trim().split("\n").at(-1);
  return `${advice(left)}${said ? ` (apt-get says: ${said})` : ""}`;
}

/** Whether this process may make network namespaces. */
function mayMakeNamespaces(): boolean {
  return (
    process.getuid?.() === 0 && spawnSync("unshare", ["--net", "--mount", "true"], { stdio: "ignore" }).status === 0
  );
}

let namespaces: boolean | undefined;

/**
 * Why a lab cannot be made here, in one line; undefined when one can.
 * @param needs - abilities beyond those of every lab
 */
export function whyNotHere(needs: readonly (Need | "tests")[]): string | undefined {
  if (process.platform !== "linux") return `network namespaces need Linux, this is ${process.platform}`;
  const missing = missingPackages(needs);
  if (missing.length > 0) return advice(missing);
  namespaces ??= mayMakeNamespaces();
  if (!namespaces) return "needs root, or `unshare -Urnm --map-root-user`, for network namespaces";
  if (needs.includes("docker") && process.env.NETLAB_USERNS !== undefined) return "a Docker engine needs real root";
  if (needs.includes("docker") && !existsSync("/sys/fs/cgroup")) return "a Docker engine needs control groups";
  return;
}

/**
 * Why a test cannot have a lab here, in one line; undefined when it can. The programs that any test may call count, too:
 * `const why = whyNoLab(["docker"]); if (why) ctx.skip(why)`.
 */
export function whyNoLab(needs: readonly Need[] = []): string | undefined {
  return whyNotHere(["tests", ...needs]);
}

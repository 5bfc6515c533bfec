import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { passwordWeakness } from "../../values/password-strength.ts";
import { type Check, type Finding, failure, ok, skipped, warning } from "./check.ts";

const run = promisify(execFile);

/** Capabilities the daemon uses, by their bit in CapEff (capabilities(7)). */
const capabilities: readonly (readonly [string, bigint])[] = [
  ["CAP_NET_ADMIN", 12n],
  ["CAP_NET_RAW", 13n],
  ["CAP_SYS_ADMIN", 21n],
];

/** May this process do what the daemon does? */
export const checkPrivileges: Check = async () => {
  const effective = BigInt(`0x${/CapEff:\s*([0-9a-f]+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`);
  const missing = capabilities.filter(([, bit]) => (effective & (1n << bit)) === 0n).map(([name]) => name);
  if (missing.length === 0) return ok("privileges", "all needed capabilities are there");
  return failure("privileges", `missing ${missing.join(", ")}`, "run as root, or give the service these capabilities");
};

/** Programs the daemon runs, with the Debian package that has each. */
const tools: readonly (readonly [program: string, argument: string, debianPackage: string])[] = [
  ["ip", "-V", "iproute2"],
  ["nft", "--version", "nftables"],
];

/** Are the programs there? */
export const checkTools: Check = async () => {
  const findings: Finding[] = [];
  for (const [program, argument, debianPackage] of tools) {
    const found = await run(program, [argument]).catch(() => undefined);
    findings.push(
      found
        ? ok(`tool ${program}`, found.stdout.trim() || found.stderr.trim())
        : failure(`tool ${program}`, "not found", `apt-get install ${debianPackage}`),
    );
  }
  return findings;
};

/** Does the kernel have what the data paths need? Tried for real, in a namespace that is gone at once. */
export const checkKernel: Check = async () => {
  const features: readonly (readonly [string, string, string])[] = [
    ["bridge", "ip link add t0 type bridge", "containers cannot be joined on this host"],
    ["veth", "ip link add t0 type veth peer name t1", "containers cannot be attached"],
    ["vxlan", "ip link add t0 type vxlan id 1 dstport 6784 dev lo", "frames go through user space, slower"],
    ["nftables", "nft add table inet t0", "expose and services do not work"],
  ];
  const findings: Finding[] = [];
  for (const [name, command, consequence] of features) {
    const error = await run("unshare", ["--net", "sh", "-c", command]).then(() => undefined, String);
    const remedy = `modprobe ${name === "nftables" ? "nf_tables" : name}, or a kernel with it`;
    if (error === undefined) findings.push(ok(`kernel ${name}`, "works"));
    else findings.push((name === "vxlan" ? warning : failure)(`kernel ${name}`, consequence, remedy));
  }
  return findings;
};

/** Can a TAP device be opened? */
export const checkTun: Check = async () => {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return ok("tun", "/dev/net/tun can be opened");
  } catch {
    return failure(
      "tun",
      "/dev/net/tun is missing or closed to us",
      "modprobe tun, or pass the device into this container",
    );
  }
};

/** Does the native part of the libraries load? */
export const checkNative: Check = async () => {
  const koffi = await import("@weaved/tun-datapath/linux").then(() => undefined, String);
  const findings = [
    koffi === undefined
      ? ok("native calls", "koffi loads")
      : failure("native calls", `koffi does not load: ${koffi}`, "install without --omit=optional"),
  ];
  const sodium = await import("sodium-native" as string).then(
    () => true,
    () => false,
  );
  findings.push(
    sodium
      ? ok("fast sealing", "sodium-native loads")
      : warning(
          "fast sealing",
          "sodium-native does not load: sealing is about ten times slower",
          "install without --omit=optional, on x64 or arm64",
        ),
  );
  return findings;
};

/** The largest frame the uplink takes, and what is left for containers. */
export const checkMtu: Check = async () => {
  const { stdout } = await run("ip", ["-j", "-4", "route", "show", "default"]);
  const [route] = JSON.parse(stdout || "[]") as { dev: string }[];
  if (!route) return skipped("mtu", "there is no default route");
  const mtu = Number(readFileSync(`/sys/class/net/${route.dev}/mtu`, "utf8"));
  if (mtu < 1280) return warning("mtu", `${route.dev} takes only ${mtu} bytes`, "raise it, or expect fragments");
  return ok("mtu", `${route.dev} takes ${mtu} bytes; containers get up to ${mtu - 50} in clear over VXLAN`);
};

/** A clock that is 15 minutes off makes peers of the original drop our names (docs/protocol/dns.md#10.2). */
export const checkClock: Check = async () => {
  const shown = await run("timedatectl", ["show", "-p", "NTPSynchronized", "--value"]).catch(() => undefined);
  if (!shown) return skipped("clock", "timedatectl is not there; peers must agree within 15 minutes");
  if (shown.stdout.trim() === "yes") return ok("clock", "synchronised");
  return warning(
    "clock",
    "not synchronised: names are refused by peers whose clock differs by 15 minutes",
    "timedatectl set-ntp true",
  );
};

/** Is the password that this command is given, as the daemon is, hard to guess? */
export function checkPassword(env: Readonly<Record<string, string | undefined>>): Check {
  return async () => {
    const password = env.WEAVE_PASSWORD;
    if (!password) return skipped("password", "WEAVE_PASSWORD is not set here; launch names a weak one");
    const weakness = passwordWeakness(password);
    if (weakness === undefined) return ok("password", "hard to guess");
    return warning("password", weakness, "set a stronger one on every host: weave password new");
  };
}

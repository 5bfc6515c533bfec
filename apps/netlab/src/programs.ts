/**
 * The one list of programs that labs, tests, and benchmarks call, with the Debian package of each. A program that is not here
 * cannot be called: `exec` and `spawn` refuse it, and a test of the repository looks at calls that go around them. So a machine
 * that was set up from this list has everything.
 */

/**
 * What a package is installed for. `basic`: every lab. `tests`: small programs that any test may call. `essential`: it is on every
 * Debian machine. `node`: it comes with Node. `optional`: it is used where it is found and never installed, because it is large or
 * belongs to the system. The others are abilities that a test names.
 */
type Purpose = "essential" | "node" | "basic" | "tests" | "optional" | Need;

/** Abilities beyond the basic ones that a lab or a step may need. */
export type Need =
  | "docker"
  | "iperf"
  | "capture"
  | "dns"
  | "faketime"
  | "assembler"
  | "python"
  | "musl"
  | "bench"
  | "fresh";

/** Needs of `npm test`: whatever some test skips without. */
export const testNeeds: readonly Need[] = [
  "docker",
  "iperf",
  "capture",
  "dns",
  "faketime",
  "assembler",
  "python",
  "musl",
];

/** One Debian package and those of its programs that we call; a package without any completes another one. */
export interface DebianPackage {
  readonly name: string;
  readonly purpose: Purpose;
  readonly programs: readonly string[];
}

const deb = (purpose: Purpose, name: string, programs: string): DebianPackage => ({
  name,
  purpose,
  programs: programs.split(" ").filter(Boolean),
});

/** Names are those of Debian 12 and 13 and of Ubuntu 22.04 and 24.04. */
export const debianPackages: readonly DebianPackage[] = [
  deb("essential", "bash", "bash"),
  deb("essential", "dash", "sh"),
  deb(
    "essential",
    "coreutils",
    "basename cat chmod chown chroot cp cut date dd df dirname du echo env false head id ln ls mkdir mkfifo mktemp mv nproc od " +
      "paste printf readlink rm rmdir seq sha256sum shuf sleep sort stat stdbuf sync tail tee test timeout touch tr true " +
      "truncate uname uniq wc yes",
  ),
  deb("essential", "debianutils", "which"),
  deb("essential", "diffutils", "cmp diff"),
  deb("essential", "dpkg", "dpkg dpkg-deb"),
  deb("essential", "apt", "apt-get apt-cache"),
  deb("essential", "findutils", "find xargs"),
  deb("essential", "grep", "egrep grep"),
  deb("essential", "gzip", "gunzip gzip zcat"),
  deb("essential", "libc-bin", "getent ldconfig ldd"),
  deb("essential", "perl-base", "perl"),
  deb("essential", "sed", "sed"),
  deb("essential", "sysvinit-utils", "pidof"),
  deb("essential", "tar", "tar"),
  deb("essential", "mawk", "awk"),
  deb(
    "essential",
    "util-linux",
    "dmesg flock losetup lsns nice nsenter pivot_root prlimit renice setpriv setsid taskset unshare",
  ),
  deb("node", "nodejs", "node npm npx"),
  deb("basic", "hostname", "hostname"),
  deb("basic", "iproute2", "bridge ip ss tc"),
  deb("basic", "iputils-ping", "ping"),
  deb("basic", "mount", "mount umount"),
  deb("basic", "nftables", "nft"),
  deb("basic", "procps", "kill pgrep ps sysctl"),
  deb("tests", "bsdutils", "logger script"),
  deb("tests", "curl", "curl"),
  deb("tests", "ethtool", "ethtool"),
  deb("tests", "git", "git"),
  deb("tests", "iputils-arping", "arping"),
  deb("tests", "netcat-openbsd", "nc"),
  deb("tests", "openssl", "openssl"),
  deb("tests", "socat", "socat"),
  deb("docker", "docker.io", "docker dockerd"),
  deb("docker", "iptables", "ip6tables iptables iptables-save"),
  deb("docker", "busybox-static", "busybox"),
  deb("iperf", "iperf3", "iperf3"),
  deb("capture", "tcpdump", "tcpdump"),
  deb("dns", "bind9-dnsutils", "dig nslookup"),
  deb("faketime", "faketime", "faketime"),
  deb("assembler", "binutils", "as ld objcopy objdump readelf"),
  deb("python", "python3", "python3"),
  deb("python", "python3-venv", ""),
  deb("musl", "musl-tools", "musl-gcc"),
  deb("bench", "dnsperf", "dnsperf"),
  // Installing it starts a name server on port 53: a benchmark asks for it, `npm test` does not.
  deb("bench", "unbound", "unbound"),
  deb("fresh", "debootstrap", "debootstrap"),
  deb("optional", "llvm", "llvm-mc llvm-objcopy"),
  deb("optional", "systemd", "systemctl systemd-notify timedatectl"),
];

const packageOfProgram = new Map(
  debianPackages.flatMap((one) => one.programs.map((program) => [program, one] as const)),
);

/** The package that has a program; undefined for a program that is not on the list. */
export function packageOf(program: string): DebianPackage | undefined {
  return packageOfProgram.get(program);
}

/** Packages to install for some needs, with everything that any lab needs. */
export function packagesFor(needs: readonly Purpose[]): readonly DebianPackage[] {
  return debianPackages.filter(({ purpose }) => purpose === "basic" || needs.includes(purpose));
}

/** The disk of a bare machine: Debian's minimal root, with this machine's Node and npm. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/**
 * Makes the root once.
 * @param {string} cache
 * @returns {string} its folder; copy it before use
 */
export function bareRoot(cache) {
  const base = join(cache, "root");
  if (existsSync(base)) return base;
  const making = `${base}.making`;
  rmSync(making, { recursive: true, force: true });
  console.log("fresh: making a minimal Debian root");
  const { suite, mirror, keyring } = debianSource();
  must("debootstrap", ["--variant=minbase", ...keyring, suite, making, ...mirror]);
  copyConfiguration(making);
  copyNode(making);
  renameSync(making, base);
  return base;
}

/** Suite and mirror of this machine, so that the root comes from where its packages come from. */
function debianSource() {
  const release = readFileSync("/etc/os-release", "utf8");
  const suite = /^VERSION_CODENAME=(\S+)/m.exec(release)?.[1] ?? "stable";
  const folder = "/etc/apt/sources.list.d";
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /\.(?:list|sources)$/.test(name)) : [];
  const all = ["/etc/apt/sources.list", ...files.map((name) => join(folder, name))].filter(existsSync);
  const text = all.map((file) => readFileSync(file, "utf8")).join("\n");
  const mirror = /^URIs:\s*(\S+)/m.exec(text)?.[1] ?? /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)/m.exec(text)?.[1];
  const keyring = /^Signed-By:\s*(\/\S+)/m.exec(text)?.[1];
  return { suite, mirror: mirror ? [mirror] : [], keyring: keyring ? [`--keyring=${keyring}`] : [] };
}

/** How packages are fetched here: sources, their keys, proxies, certificates. What else apt does after an install is left out. */
function copyConfiguration(to) {
  const files = ["/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/auth.conf.d", "/usr/share/keyrings"];
  files.push("/etc/apt/trusted.gpg.d", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf", "/usr/etc/npmrc");
  for (const file of files) copy(file, to);
  const options = readdirSync("/etc/apt/apt.conf.d").map((name) => join("/etc/apt/apt.conf.d", name));
  for (const file of options) if (/^\s*Acquire::/m.test(readFileSync(file, "utf8"))) copy(file, to);
  writeFileSync(join(to, "etc/apt/apt.conf.d/99keep"), 'Binary::apt-get::APT::Keep-Downloaded-Packages "true";\n');
  // Installing docker.io must not start an engine outside of a lab.
  writeFileSync(join(to, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
}

/** `node` and the folder of npm, wherever they came from. */
function copyNode(to) {
  mkdirSync(join(to, "usr/local/bin"), { recursive: true });
  cpSync(realpathSync(process.execPath), join(to, "usr/local/bin/node"));
  const npm = must("npm", ["root", "--global"]);
  const target = join(to, "usr/local/lib/node_modules/npm");
  cpSync(realpathSync(join(npm, "npm")), target, { recursive: true, dereference: true });
  for (const name of ["npm", "npx"])
    writeFileSync(
      join(to, "usr/local/bin", name),
      `#!/bin/sh\nexec /usr/local/bin/node /usr/local/lib/node_modules/npm/bin/${name}-cli.js "$@"\n`,
      { mode: 0o755 },
    );
}

function copy(file, to) {
  if (!existsSync(file)) return;
  mkdirSync(dirname(join(to, file)), { recursive: true });
  cpSync(file, join(to, file), { recursive: true, dereference: true });
}

function must(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0)
    throw new Error(`${command} ${args[0]} failed: ${error ?? ""}${`${stdout}${stderr}`.trim().slice(-1500)}`);
  return stdout.trim();
}

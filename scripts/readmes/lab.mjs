/** The hosts that READMEs speak of: three network namespaces, the first of which has the address 10.0.0.11. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const names = ["host1", "host2", "host3"];

/**
 * @param {object} options
 * @param {string} options.checkout built
 * @param {string} options.temp
 * @param {string[]} options.docker hosts with a Docker engine
 * @returns {Promise<{ why: string } | { host(name: string): { enter: Function, env: Record<string, string> }, close(): Promise<void> }>}
 */
export async function openLab({ checkout, temp, docker }) {
  const main = join(checkout, "apps/netlab/dist/index.js");
  if (!existsSync(main)) return { why: "the checkout is not built" };
  const netlab = await import(pathToFileURL(main).href);
  const why = netlab.whyNoLab(docker.length > 0 ? ["docker"] : []);
  if (why !== undefined) return { why };
  const hosts = Object.fromEntries(names.map((name) => [name, { docker: docker.includes(name) }]));
  const lab = await netlab.createLab({ name: "readmes", switches: { switch: { subnet: "10.0.0.0/24" } }, hosts });
  try {
    for (const name of names) await prepare(lab.host(name), docker.includes(name), netlab.dockerImage);
  } catch (error) {
    await lab.close();
    throw error;
  }
  const path = `${shim(temp)}:${process.env.PATH}`;
  const host = (name) => ({ enter: lab.host(name).command, env: { PATH: path, ...identity(lab.host(name)) } });
  return { host, close: () => lab.close() };
}

/** Namespaces by name are the host's own, not the machine's; the image is there under the name that everybody knows. */
async function prepare(host, docker, image) {
  await host.must("mount", ["-t", "tmpfs", "tmpfs", "/run/netns"]);
  if (!docker) return;
  const engine = await host.startDocker();
  await engine.must(["tag", image, "busybox"]);
}

/** What differs between machines, and not between namespaces of one: its id, from which a peer has its name, its disk. */
function identity(host) {
  const number = names.indexOf(host.name) + 1;
  return { WEAVED_NAME: `02:00:00:00:00:0${number}`, WEAVED_DB_PREFIX: join(host.dir, "weave") };
}

/** Whoever can make namespaces is root already; a real `sudo` would forget the variables above. */
function shim(temp) {
  const bin = join(temp, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "sudo"), '#!/bin/sh\nexec "$@"\n');
  chmodSync(join(bin, "sudo"), 0o755);
  return bin;
}

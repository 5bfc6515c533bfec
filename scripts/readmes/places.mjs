/** Where the fences of one README run: a user's empty project, the clone, hosts of a lab. One shell each, opened when needed. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { startAws } from "./aws.mjs";
import { openLab } from "./lab.mjs";
import { openShell } from "./shell.mjs";

/** Environment of a reader who has just logged in: nothing of npm's run, nothing of this checkout, an empty home. */
export function readersEnv(home, registry) {
  const ours = /^(npm_|WEAVE|AWS_|DOCKER_|XDG_|TURBO_|NODE_OPTIONS|INIT_CWD|DO_NOT_TRACK|PNPM_)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const path = (env.PATH ?? "").split(":").filter((folder) => !folder.includes("node_modules"));
  return { ...env, PATH: path.join(":"), HOME: home, npm_config_registry: registry };
}

/** Hosts that a note names: `on host2, host3`. */
const hostsOf = (fence) => fence.notes.flatMap((note) => /^on (.+)$/.exec(note)?.[1].split(/,\s*/) ?? []);
const needs = (fence, what) => fence.notes.includes(`needs ${what}`);

/**
 * @param {object} world
 * @param {string} world.checkout the clone
 * @param {string} world.temp
 * @param {string} world.home
 * @param {string} world.upstream registry for the clone
 * @param {string | undefined} world.registry ours, for a published package
 * @param {import("./fences.mjs").Fence[]} fences of this README
 */
export function openPlaces({ checkout, temp, home, upstream, registry }, fences) {
  const project = registry === undefined ? checkout : mkdtempSync(join(temp, "project-"));
  const shells = new Map();
  const started = [];
  /** Started at most once, when first needed; closed with the rest. */
  const once = (start) => {
    let promise;
    return () => {
      if (promise !== undefined) return promise;
      promise = start();
      started.push(promise);
      return promise;
    };
  };
  const aws = once(() => startAws(checkout));
  const docker = [...new Set(fences.filter((fence) => needs(fence, "docker")).flatMap(hostsOf))];
  const lab = once(() => openLab({ checkout, temp, docker }));

  /** AWS is in the environment of every shell when any fence needs it: variables of one fence serve the next. */
  async function environment(cwd) {
    const account = fences.some((fence) => needs(fence, "AWS")) ? await aws() : {};
    return { ...readersEnv(home, cwd === checkout ? upstream : registry), ...account.env };
  }
  async function shell(name, cwd) {
    const key = `${name} ${cwd}`;
    if (!shells.has(key)) {
      const host = name === "" ? {} : (await lab()).host(name);
      const env = { ...(await environment(cwd)), ...host.env };
      shells.set(key, openShell({ enter: host.enter, cwd, env, temp }));
    }
    return shells.get(key);
  }
  return {
    project,
    /** Why a fence cannot be followed here; undefined when it can. */
    async why(fence) {
      if (needs(fence, "AWS")) return (await aws()).why;
      const namespaces = hostsOf(fence).length > 0 || needs(fence, "root");
      return namespaces ? (await lab()).why : undefined;
    },
    /** Shells in which a fence is to run, one after the other. What needs root has a host to spoil, save for labs' own README. */
    async shells(fence) {
      const cwd = fence.notes.includes("in the repository") || hostsOf(fence).length > 0 ? checkout : project;
      const spoils = needs(fence, "root") && registry !== undefined;
      const names = hostsOf(fence).length > 0 ? hostsOf(fence) : [spoils ? "host1" : ""];
      const open = [];
      for (const name of names) open.push(await shell(name, cwd));
      return open;
    },
    async close() {
      await Promise.all([...shells.values()].map((one) => one.close()));
      for (const promise of started) await promise.then((one) => one.close?.());
    },
  };
}

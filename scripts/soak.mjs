/**
 * `npm run soak [NAME...]`: the randomised tests with the great counts that a release needs; hours in all. Without a name it lists
 * them. Each prints its seed.
 */
import { spawnSync } from "node:child_process";
import { env as local, root, setup } from "./setup.mjs";

const typescript = ["node", "--import", "tsx", "--conditions=@weaved/source"];
const unit = ["vitest", "run", "--project", "unit", "--testTimeout=36000000"];
const host = ["vitest", "run", "--project", "host", "--testTimeout=36000000"];

/** Name, what it shows, its command, and the counts that make it great. */
const soaks = [
  [
    "histories",
    "100,000 histories of allocation: no address in two hands",
    [...typescript, "packages/ipam-ring/bench/histories.bench.ts"],
    { HISTORIES: "100000" },
  ],
  [
    "small-world",
    "every interleaving of a small network",
    [...typescript, "packages/ipam-ring/bench/small-world.bench.ts"],
    { DEPTH: "12" },
  ],
  ["gob", "an hour of damaged gob streams", [...typescript, "packages/gob-codec/test/fuzz/gob.ts", "3600"], {}],
  [
    "mesh",
    "ten million damaged messages of the mesh",
    [...typescript, "packages/gossip-mesh/test/fuzz/fuzz.ts", "10000000"],
    {},
  ],
  [
    "crypto",
    "an hour of forged and replayed packets",
    [...typescript, "packages/sleeve-crypto/test/fuzz/open.ts", "3600"],
    {},
  ],
  [
    "dns",
    "a million datagrams and 100,000 streams to the DNS server",
    [...unit, "packages/dns-lb/test/node/hostile.test.ts"],
    { HOSTILE_DATAGRAMS: "1000000", HOSTILE_STREAMS: "100000" },
  ],
  [
    "names",
    "a million forged names of a member",
    [...unit, "packages/dns-lb/test/claims.test.ts"],
    { FORGED_MESSAGES: "1000000" },
  ],
  [
    "policy",
    "a million policies, and their rules",
    [...unit, "packages/network-policy/test"],
    { RUNS: "1000000", WORLDS: "100000", HISTORIES: "10000" },
  ],
  [
    "datapath",
    "ten minutes of traffic with faults",
    [...host, "packages/tun-datapath/test/host/soak.test.ts"],
    { SOAK_SECONDS: "600" },
  ],
  ["hostile", "every named attack on real daemons", ["node", "scripts/hostile.mjs"], {}],
];

const wanted = process.argv.slice(2);
const chosen = soaks.filter(([name]) => wanted.includes(name) || wanted.includes("all"));
const unknown = wanted.filter((name) => name !== "all" && !soaks.some(([known]) => known === name));
if (wanted.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`there is no soak ${unknown.join(", ")}; choose from this list:`);
  for (const [name, about] of soaks) console.log(`${name.padEnd(12)} ${about}`);
  process.exit(unknown.length > 0 ? 2 : 0);
}
setup();
let failed = 0;
for (const [name, about, [command, ...args], counts] of chosen) {
  console.log(`\n## ${name}: ${about}`);
  const { status } = spawnSync(command, args, { cwd: root, env: { ...local, ...counts }, stdio: ["ignore", 1, 2] });
  if (status !== 0) failed++;
}
console.log(`${chosen.length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;

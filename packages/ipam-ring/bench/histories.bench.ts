/**
 * Random histories over 3 to 50 peers: no address with two live owners, no space lost, every ring converges. A failure is shrunk and
 * printed. `npm run bench histories` runs 2,000; `HISTORIES=100000 FROM=1` sets how many, from which seed.
 */
import { drawHistory, drawWorld, runHistory, shrink } from "../test/support/history.ts";

const count = Number(process.env.HISTORIES ?? 2000);
const from = Number(process.env.FROM ?? 1);
const length = 120;
const begun = performance.now();
let failures = 0;
let peers = 0;
for (let seed = from; seed < from + count; seed++) {
  const options = drawWorld(seed);
  const events = drawHistory(seed, length);
  peers += options.peers;
  const violation = runHistory(options, events);
  if ((seed - from + 1) % 10_000 === 0) console.log(`${seed - from + 1} histories, ${failures} violations`);
  if (!violation) continue;
  failures++;
  console.log(`seed ${seed}: ${violation.message}`);
  if (failures > 3) continue;
  const short = shrink(options, events);
  console.log(`shrunk to ${short.length} events in ${JSON.stringify(options)}`);
  for (const { do: kind, host, pick } of short) console.log(`  ${kind} h${(host % options.peers) + 1} ${pick}`);
  console.log(`  => ${runHistory(options, short)?.message}`);
}
const seconds = (performance.now() - begun) / 1000;
console.log(
  `${count} histories of ${length} events from seed ${from}, ${(peers / count).toFixed(1)} peers on average: ${failures} violations, ${seconds.toFixed(0)} s`,
);
process.exitCode = failures > 0 ? 1 : 0;

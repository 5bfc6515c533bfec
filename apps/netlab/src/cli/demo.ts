import { createLab, type Lab } from "../node/lab.ts";
import type { Place } from "../node/place.ts";
import { showLab } from "./labs.ts";

interface Expected {
  readonly from: Place;
  readonly to: Place;
  /** Bounds for the loss that ping must see, in percent. */
  readonly loss: readonly [number, number];
}

/** Pings, prints a line, and says whether the figure is the one that the text claims. */
async function show(expected: Expected): Promise<boolean> {
  const { from, to, loss } = expected;
  const fair = loss[0] > 0 && loss[1] < 100;
  const result = await from.ping(to, { count: fair ? 200 : 5, intervalMs: fair ? 2 : 20, waitMs: 300 });
  const ok = result.lossPercent >= loss[0] && result.lossPercent <= loss[1];
  const time = result.avgMs === undefined ? "" : `, ${result.avgMs.toFixed(2)} ms`;
  const counts = `${result.received} of ${result.sent} answered${time}`;
  console.log(`  ${from.name.padEnd(9)} -> ${to.name.padEnd(9)} ${counts}${ok ? "" : "   UNEXPECTED"}`);
  return ok;
}

async function scene(title: string, steps: readonly Expected[]): Promise<boolean> {
  console.log(`\n${title}`);
  let ok = true;
  for (const step of steps) ok = (await show(step)) && ok;
  return ok;
}

const all = [0, 0] as const;
const none = [100, 100] as const;

async function play(lab: Lab): Promise<boolean> {
  const [paris, rome, york, home] = ["paris", "rome", "york", "home"].map((name) => lab.host(name));
  if (!paris || !rome || !york || !home) return false;
  const results = [
    await scene("Two regions, one router between them", [
      { from: paris, to: rome, loss: all },
      { from: paris, to: york, loss: all },
      { from: paris.container("web"), to: paris.container("db"), loss: all },
    ]),
    await scene("NAT: home gets out, nobody gets in", [
      { from: home, to: paris, loss: all },
      { from: paris, to: home, loss: none },
    ]),
  ];
  await lab.faults.partition(["europe"], ["america"]);
  results.push(
    await scene("Partition: europe | america", [
      { from: paris, to: rome, loss: all },
      { from: paris, to: york, loss: none },
    ]),
  );
  await lab.faults.heal();
  results.push(await scene("Heal", [{ from: paris, to: york, loss: all }]));
  await lab.faults.setPath("paris", "york", { lossPercent: 30 });
  results.push(await scene("30 % loss from paris to york", [{ from: paris, to: york, loss: [15, 45] }]));
  await lab.faults.heal();
  await lab.faults.cutOneWay("rome", "paris");
  const capture = await rome.capture({ filter: "icmp[icmptype] == icmp-echo" }).catch(notCaptured);
  results.push(
    await scene("One-way cut: rome hears paris, its answers are lost", [{ from: paris, to: rome, loss: none }]),
  );
  await capture?.stop();
  const heard = await capture?.count();
  if (heard !== undefined) console.log(`  rome captured ${heard} requests`);
  await lab.faults.heal();
  const plain = await paris.iperf(rome, { seconds: 1 });
  await lab.faults.setRate("paris", 50);
  const slow = await paris.iperf(rome, { seconds: 1 });
  const mbit = (bits: number) => `${Math.round(bits / 1e6)} Mbit/s`;
  console.log(
    `\nRate limit of 50 Mbit/s on paris\n  iperf3 before ${mbit(plain.bitsPerSecond)}, after ${mbit(slow.bitsPerSecond)}`,
  );
  return results.every(Boolean) && (heard ?? 5) === 5 && slow.bitsPerSecond < 60e6;
}

/** `netlab demo`: everything on the screen is measured; a figure that is not the expected one makes the exit code 1. */
export async function demo(): Promise<void> {
  const lab = await createLab({
    name: "demo",
    switches: { eu: { region: "europe" }, us: { region: "america" } },
    hosts: {
      paris: { switch: "eu", containers: { web: { address: "10.50.0.2/24" }, db: { address: "10.50.0.3/24" } } },
      rome: { switch: "eu" },
      york: { switch: "us" },
      home: { switch: "us", nat: true },
    },
  });
  try {
    console.log(showLab(lab.id, lab.topology, lab.upMs));
    if (!(await play(lab))) process.exitCode = 1;
  } finally {
    await lab.close();
  }
  console.log(`\nlab ${lab.id} is gone without a trace.`);
}

/** In a user namespace tcpdump cannot give up privileges it does not have; the rest of the demonstration needs no capture. */
function notCaptured(error: Error): undefined {
  console.log(`  not captured: ${error.message.split("\n")[0]}`);
}

import { accessSync, constants, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { demo } from "../cli/demo.ts";
import { createLab, type Lab, type LabContainer, type LabHost } from "../node/lab.ts";
import { waitFor } from "../node/run.ts";
import { launch, type Station } from "./daemons.ts";
import { consumer, producer } from "./programs.ts";

/** The network on stage: three hosts on one switch, each with containers. */
interface Stage {
  readonly lab: Lab;
  readonly oslo: Station;
  readonly rome: Station;
  readonly york: Station;
  /** Where the requests of the tour come from, on oslo. */
  readonly client: LabContainer;
}

/** Every claim of the tour that did not hold. */
const failures: string[] = [];

function say(text: string): void {
  console.log(`  ${text}`);
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

/** Prints what was measured; a claim that does not hold makes the exit code 1. */
function claim(holds: boolean, text: string): void {
  if (!holds) failures.push(text);
  say(`${holds ? "ok" : "NOT OK"}  ${text}`);
}

const since = (start: number) => `${((performance.now() - start) / 1000).toFixed(2)} s`;

async function build(lab: Lab): Promise<Stage> {
  heading("Three hosts, one encrypted network");
  const start = performance.now();
  const [oslo, rome, york] = await Promise.all([
    launch(lab, lab.host("oslo"), 1, []),
    launch(lab, lab.host("rome"), 2, ["oslo"]),
    launch(lab, lab.host("york"), 3, ["oslo"]),
  ]);
  for (const station of [oslo, rome, york]) {
    await waitFor("all links are up", async () => (await linksOf(station)).length === 2, 20_000, 50);
  }
  say(`up and linked within ${since(start)}; rome and york were told of oslo only, and found each other:`);
  for (const line of await linksOf(rome)) say(`  rome ${line}`);
  return { lab, oslo, rome, york, client: oslo.host.container("client") };
}

async function linksOf(station: Station): Promise<string[]> {
  const text = await station.call("GET", "/status/connections");
  return text.split("\n").filter((line) => line.includes(" established "));
}

async function hello({ oslo, rome, client }: Stage): Promise<void> {
  heading("Hello over the switch");
  const own = await oslo.attach(client);
  const greeter = rome.host.container("greeter");
  const address = await rome.attach(greeter);
  await rome.name(greeter, address, "hello");
  say(`client on oslo is ${own}, hello on rome is ${address}: allocated without a database`);
  await waitFor("hello answers", async () => (await client.ping(address, { count: 1 })).received === 1, 10_000);
  // "Plain or secret?" in hexadecimal, repeated in every packet.
  const capture = await oslo.host.capture().catch((error: Error) => error);
  const sent = ["-q", "-c", "20", "-i", "0.01", "-p", "506c61696e206f72207365637265743f", address];
  const answered = /(\d+) received/.exec((await client.exec("ping", sent)).stdout)?.[1];
  claim(answered === "20", `${answered} of 20 pings answered across hosts`);
  // In a user namespace tcpdump cannot give up privileges that it does not have.
  if (capture instanceof Error) return say(`the cable was not looked at: ${capture.message.split("\n")[0]}`);
  const { packets, bytes } = await capture.stop();
  const plain = readFileSync(capture.file).includes("Plain or secret?");
  // Not their count: frames that wait share a packet, and on a busy machine many do.
  const seen = packets > 0 && bytes >= 40 * 84;
  claim(seen && !plain, `${packets} packets on oslo's cable, ${plain ? "some in plaintext" : "none readable"}`);
}

async function isolation({ oslo, rome, client }: Stage): Promise<void> {
  heading("Isolation by subnet");
  const [here, there] = [oslo.host.container("blue"), rome.host.container("blue")];
  const address = await oslo.attach(here, "ip:10.50.1.1/24");
  const other = await rome.attach(there, "ip:10.50.1.2/24");
  const within = await here.ping(other, { count: 5, waitMs: 1000 });
  // No route leads there; one made by hand finds nobody who answers.
  await client.must("ip", ["route", "add", "10.50.1.0/24", "dev", "ethwe"]);
  const across = await client.ping(address, { count: 5, waitMs: 200 });
  claim(within.received === 5, `blue on oslo reaches blue on rome: ${within.received} of 5`);
  claim(across.received === 0, `the client, in another subnet of the same host, reaches blue: ${across.received} of 5`);
}

async function balance({ oslo, rome, york, client }: Stage): Promise<void> {
  heading("One name, three producers of data");
  for (const station of [oslo, rome, york]) {
    const container = station.host.container("data");
    const env = { PRODUCER: station.host.name };
    await container.spawn(process.execPath, ["--eval", producer], { name: "producer", env });
    await station.name(container, await station.attach(container), "data");
  }
  const exposed = JSON.parse(await oslo.call("POST", "/v1/exposures", {}))[0].split("/")[0];
  client.writeFile("resolv.conf", `nameserver ${exposed}\nsearch weave.local\n`);
  await waitFor("the name has three addresses", async () => (await namesOf(oslo, "data")) === 3, 10_000, 50);
  const counts = await consume(client, 300);
  const shares = Object.values(counts);
  claim(
    shares.length === 3 && Math.min(...shares) >= 60,
    `300 lookups of data.weave.local, 300 requests: ${countsText(counts)}`,
  );
}

async function namesOf(station: Station, name: string): Promise<number> {
  const lines = (await station.call("GET", "/status/dns")).split("\n");
  return lines.filter((line) => line.startsWith(`${name} `)).length;
}

async function consume(client: LabContainer, count: number): Promise<Record<string, number>> {
  const args = ["--eval", consumer, "data.weave.local", String(count)];
  return JSON.parse(await client.must(process.execPath, args, { timeoutMs: 30_000 }));
}

function countsText(counts: Record<string, number>): string {
  return Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([who, times]) => `${who} ${times}`)
    .join(", ");
}

/** Pings from the client once something has happened; how long they went unanswered. */
async function gap(client: LabContainer, address: string, happening: () => Promise<void>): Promise<string> {
  await happening();
  const start = performance.now();
  const answers = async () => (await client.ping(address, { count: 1, waitMs: 100 })).received === 1;
  await waitFor(`${address} answers`, answers, 20_000, 10);
  return since(start);
}

async function reroute({ oslo, rome, york, client }: Stage): Promise<void> {
  heading("A broken path is routed around");
  const target = york.host.container("target");
  const address = await york.attach(target);
  await waitFor("york answers", async () => (await client.ping(address, { count: 1 })).received === 1, 10_000);
  const firewall = `table ip broken {
  chain out {
    type filter hook output priority 0
    ip daddr ${york.host.address} meta l4proto tcp reject with tcp reset
    ip daddr ${york.host.address} drop
  }
}
`;
  const time = await gap(client, address, async () => {
    await oslo.host.must("nft", ["-f", "-"], { input: firewall });
    await waitFor("oslo has lost york", async () => (await linksOf(oslo)).length === 1, 20_000, 10);
  });
  const loss = await client.ping(address, { count: 20, intervalMs: 10 });
  claim(
    loss.received === 20,
    `no way from oslo to york: ${loss.received} of 20 pings arrive through rome, ${time} later`,
  );
  await oslo.host.must("nft", ["delete", "table", "ip", "broken"]);
  void rome;
}

async function move({ oslo, rome, york, client }: Stage): Promise<void> {
  heading("A container moves to another host with its address");
  const address = "10.60.0.80";
  await oslo.attach(client, "ip:10.60.0.1/24");
  const [before, after] = [rome.host.container("service"), york.host.container("service")];
  await rome.attach(before, `ip:${address}/24`);
  await waitFor("it answers on rome", async () => (await client.ping(address, { count: 1 })).received === 1, 10_000);
  const time = await gap(client, address, async () => {
    await rome.detach(before);
    await york.attach(after, `ip:${address}/24`);
  });
  const { received } = await client.ping(address, { count: 10 });
  claim(received === 10, `${address} left rome, answers from york ${time} after it was plugged in`);
}

async function lose({ oslo, york, client }: Stage): Promise<void> {
  heading("A host dies");
  const start = performance.now();
  york.daemon.kill("SIGKILL");
  await york.host.must("ip", ["link", "set", "weave", "down"]);
  await waitFor("york's name is gone", async () => (await namesOf(oslo, "data")) === 2, 20_000, 10);
  const gone = since(start);
  const counts = await consume(client, 300);
  claim(
    Object.keys(counts).length === 2 && counts.york === undefined,
    `york was killed; its producer left the name after ${gone}; 300 requests: ${countsText(counts)}`,
  );
}

const containers = (...names: string[]) => ({ containers: Object.fromEntries(names.map((name) => [name, {}])) });

/** Why the daemon's data path cannot run here; undefined if it can. */
function whyNoTap(): string | undefined {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return missing
      ? "/dev/net/tun is missing (modprobe tun)"
      : "this user may not open /dev/net/tun (run as root, or chmod 666 /dev/net/tun)";
  }
}

/** The tour of the product: everything it says is measured. With `keep` the network stays until it is interrupted. */
export async function tour({ keep = false }: { readonly keep?: boolean }): Promise<void> {
  const why = whyNoTap();
  if (why !== undefined) {
    heading(`weaved cannot show itself here: ${why}. The lab alone, then:`);
    return demo();
  }
  const start = performance.now();
  const lab = await createLab({
    name: "tour",
    hosts: {
      oslo: containers("client", "data", "blue"),
      rome: containers("greeter", "data", "blue", "service"),
      york: containers("target", "data", "service"),
    },
  });
  try {
    const stage = await build(lab);
    for (const step of [hello, isolation, balance, reroute, move]) await step(stage);
    if (keep) return await stay(lab);
    await lose(stage);
  } finally {
    await lab.close();
  }
  heading(
    failures.length === 0
      ? `Everything held, ${since(start)} in all; the lab is gone without a trace. npm start -- --keep leaves it up.`
      : `${failures.length} claims did not hold.`,
  );
  if (failures.length > 0) process.exitCode = 1;
}

/** Leaves the lab to its user until somebody takes it down. */
async function stay(lab: Lab): Promise<void> {
  const netlab = "node apps/netlab/bin/netlab";
  const weave = "node apps/weaved/bin/weave";
  heading("It stays up. In another terminal, in this folder:");
  for (const line of [
    `${netlab} exec ${lab.id} oslo ${weave} status`,
    `${netlab} exec ${lab.id} oslo ${weave} status connections`,
    `${netlab} exec ${lab.id} oslo/client ping -c 3 hello.weave.local`,
    `${netlab} exec ${lab.id} oslo/client bash`,
    `${netlab} down ${lab.id}        takes it down, as Ctrl-C here does`,
  ])
    say(line);
  const isThere = (host: LabHost) => {
    try {
      return process.kill(host.pid, 0);
    } catch {
      return false;
    }
  };
  while (isThere(lab.host("oslo"))) await setTimeout(500);
}

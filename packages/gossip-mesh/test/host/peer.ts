/** One of our peers as a process of its own, so that it can live in a namespace, or be measured. `plain`: no overlay. Commands come in, one JSON line each goes out. */
import { createInterface } from "node:readline";
import { startMesh } from "../../src/node/index.ts";
import { heartbeatOverlay } from "./heartbeats.ts";

const options = JSON.parse(process.argv[2]!);
const overlay = options.plain ? undefined : heartbeatOverlay(options.name, options.port ?? 6783);
const log = (level: string) => (message: string) => console.error(`${level} ${message}`);
const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
const mesh = await startMesh({ ...options, ...(overlay && { overlay }), logger });
const received: string[] = [];
const handler = {
  onUnicast: (source: number, payload: Uint8Array) => void received.push(`${source}:${Buffer.from(payload)}`),
  onBroadcast: (source: number, payload: Uint8Array) =>
    void received.push(`${source}:${Buffer.from(payload)}`) as undefined,
  onGossip: () => undefined,
  gossip: () => undefined,
};
const sender = mesh.openChannel("lab", handler);
const text = (value: unknown) =>
  JSON.stringify(value, (_key, v) =>
    typeof v === "bigint" ? String(v) : v instanceof Map ? Object.fromEntries(v) : v,
  );
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...args] = line.split(" ");
  if (command === "status") console.log(text({ ...mesh.status(), received }));
  else if (command === "memory") {
    // With the garbage gone, if node was told to let us collect it: what is left is what is held.
    globalThis.gc?.();
    console.log(process.memoryUsage.rss());
  } else if (command === "connect") console.log(text(await mesh.connect(args)));
  else if (command === "forget") console.log(text(mesh.forget(args) ?? null));
  else if (command === "unicast") console.log(text(sender.unicast(Number(args[0]), Buffer.from(args[1]!))));
  else if (command === "broadcast") {
    const data = { merge: () => data, encode: () => [Buffer.from(args[0]!)] };
    sender.broadcast(data);
    console.log("null");
  } else break;
}
await mesh.close();
overlay?.close();

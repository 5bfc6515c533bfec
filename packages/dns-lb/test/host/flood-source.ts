/**
 * A flood for a server under test, as a process of its own:
 * `flood-source.ts SERVER PORT SOURCES SECONDS`; sends from 127.100.0.0/16, one socket for each source, and prints what came
 * of it as JSON. Loopback addresses stand in for spoofed ones: to the server, each is somebody it has never seen.
 */
import { createSocket, type Socket } from "node:dgram";
import { query } from "../support/queries.ts";

const [server = "", port = "", sources = "", seconds = ""] = process.argv.slice(2);
const result = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0 };

const open = (i: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.on("message", (message) => {
      result.received++;
      result.receivedBytes += message.length;
    });
    socket.bind({ address: `127.100.${i >>> 8}.${i & 255}`, port: 0, exclusive: true }, () => resolve(socket));
  });
const sockets = await Promise.all(Array.from({ length: Number(sources) }, (_, i) => open(i)));

/** What attackers send: amplifiers, random names, noise. */
const attacks = [
  query("big.weave.local", 255, 65_535),
  query("big.weave.local", "A", 65_535),
  query("x1234.weave.local", "A", 4096),
  new Uint8Array(40).fill(0xa5),
];
const until = performance.now() + Number(seconds) * 1000;
process.send?.("ready");
for (let i = 0; performance.now() < until; i++) {
  const attack = attacks[i % attacks.length]!;
  const socket = sockets[Math.floor(Math.random() * sockets.length)]!;
  socket.send(attack, Number(port), server, () => {});
  result.sent++;
  result.sentBytes += attack.length;
  // Replies are only counted when this process looks at them.
  if (i % 256 === 255) await new Promise((resolve) => setImmediate(resolve));
}
await new Promise((resolve) => setTimeout(resolve, 200));
process.send?.(result, () => process.exit());

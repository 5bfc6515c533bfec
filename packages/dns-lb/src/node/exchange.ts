/** Sends one question to one server over UDP or TCP, each from a port of its own. */
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Exchange } from "../forwarder.ts";
import type { Upstream } from "../resolv-conf.ts";
import { frameReader, withLength } from "./framing.ts";

/** The {@link Exchange} of a real host. A fresh, connected socket each time: only the server itself can answer, on a port nobody can guess. */
export const exchange: Exchange = (server, message, transport, signal) =>
  transport === "udp" ? overUdp(server, message, signal) : overTcp(server, message, signal);

function overUdp({ address, port = 53 }: Upstream, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    let done = false;
    const finish = (settle: () => void): void => {
      if (done) return;
      done = true;
      signal.removeEventListener("abort", abort);
      socket.close();
      settle();
    };
    const abort = (): void => finish(() => reject(signal.reason));
    if (signal.aborted) return finish(() => reject(signal.reason));
    signal.addEventListener("abort", abort);
    // An ICMP "port unreachable" comes as an error: the next server is asked at once.
    socket.on("error", (error) => finish(() => reject(error)));
    socket.on("message", (reply) => {
      if (isReplyTo(message, reply)) finish(() => resolve(reply));
    });
    socket.connect(port, address, () => {
      if (!done) socket.send(message);
    });
  });
}

function overTcp({ address, port = 53 }: Upstream, message: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const finish = (settle: () => void): void => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      settle();
    };
    const abort = (): void => finish(() => reject(signal.reason));
    if (signal.aborted) return finish(() => reject(signal.reason));
    signal.addEventListener("abort", abort);
    socket.on("error", (error) => finish(() => reject(error)));
    socket.once("close", () => finish(() => reject(new Error("server closed the connection"))));
    const read = frameReader((reply) => {
      if (isReplyTo(message, reply)) finish(() => resolve(reply));
    });
    socket.on("data", read);
    socket.write(withLength(message));
  });
}

/** Same id, a response, and the same question byte for byte (our own case included, which a forger has to guess). */
function isReplyTo(query: Uint8Array, reply: Uint8Array): boolean {
  if (reply.length < 12 || reply[0] !== query[0] || reply[1] !== query[1] || (reply[2]! & 0x80) === 0) return false;
  if (reply[5] === 0) return true; // error replies may leave the question out
  let end = 12;
  while (query[end] !== undefined && query[end] !== 0) end += query[end]! + 1;
  end += 5;
  return Buffer.compare(query.subarray(12, end), reply.subarray(12, end)) === 0;
}

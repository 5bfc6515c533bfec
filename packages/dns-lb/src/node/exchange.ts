/** Sends one question to one server over UDP or TCP, each from a port of its own. */
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Exchange } from "../forwarder.ts";
import { isReplyTo } from "../message.ts";
import type { Upstream } from "../resolv-conf.ts";
import { FrameReader, withLength } from "./framing.ts";

/** Called with the outcome; every call after the first is ignored. */
type Done = (error: Error | undefined, reply?: Uint8Array) => void;

/**
 * The {@link Exchange} of a real host. Each question has a fresh, connected socket: only the server itself can answer, on a
 * port that nobody else can guess. Whatever the socket reports (no route, no such zone, no IPv6, refused) rejects the
 * promise, and what it reports after that is ignored.
 */
export const exchange: Exchange = (server, message, transport, signal) =>
  new Promise((resolve, reject) => {
    let release = (): void => {};
    const done: Done = (error, reply) => {
      signal.removeEventListener("abort", abort);
      release();
      if (reply !== undefined) resolve(reply);
      else reject(error ?? new Error("the exchange was aborted"));
    };
    const abort = (): void => done(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    try {
      release = transport === "udp" ? askOverUdp(server, message, done) : askOverTcp(server, message, done);
    } catch (error) {
      done(error as Error);
    }
  });

/** Returns a function that closes the socket; it may be called repeatedly. */
function askOverUdp({ address, port = 53 }: Upstream, message: Uint8Array, done: Done): () => void {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  let isOpen = true;
  // An ICMP "port unreachable" comes as an error: the next server is asked at once.
  socket.on("error", done);
  socket.on("message", (reply) => {
    if (isReplyTo(message, reply)) done(undefined, reply);
  });
  // Node hands the callback an error, and then reports it nowhere else.
  const onConnect: (error?: Error) => void = (error) => {
    if (error) done(error);
    else if (isOpen) socket.send(message, (sendError) => sendError && done(sendError));
  };
  socket.connect(port, address, onConnect);
  return () => {
    if (isOpen) socket.close();
    isOpen = false;
  };
}

function askOverTcp({ address, port = 53 }: Upstream, message: Uint8Array, done: Done): () => void {
  const socket = connect({ host: address, port });
  const frames = new FrameReader();
  socket.on("error", done);
  socket.once("close", () => done(new Error("the server closed the connection without an answer")));
  socket.on("data", (chunk) => {
    frames.push(chunk);
    for (let reply = frames.next(); reply !== undefined; reply = frames.next()) {
      if (isReplyTo(message, reply)) return done(undefined, reply);
    }
  });
  socket.write(withLength(message));
  return () => socket.destroy();
}

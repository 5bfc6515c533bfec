/** TCP connections of a server (RFC 7766): several questions on one, answered in the order in which answers are ready. */
import { createServer, type Socket } from "node:net";
import { parseIpv4 } from "../address.ts";
import { DnsError } from "../errors.ts";
import type { ClientAddress } from "../stats.ts";
import { FrameReader, withLength } from "./framing.ts";
import { TurnBudget } from "./turn-budget.ts";

/** Connections at once; a new one ends the one whose last question is longest ago. */
const MAX_CONNECTIONS = 512;
/** Connections at once of sources that are not clients: each lives only to hear a refusal. */
const MAX_STRANGERS = 16;
/** Questions under way on one connection. */
const MAX_PENDING = 64;
/** Bytes of answers that a client may leave unread before its next questions wait. */
const MAX_UNREAD_BYTES = 1 << 18;
/** Silence after which a connection is closed. */
const IDLE_MS = 10_000;

/** A bound TCP server. */
export interface TcpListener {
  readonly port: number;
  close(): Promise<void>;
}

/** What connections hand their questions to. */
export interface TcpHandlers {
  /** `stranger`: the source hears one refusal; `reject`: the connection is closed at once. */
  admitConnection(client: ClientAddress): "client" | "stranger" | "reject";
  /** The reply; undefined for messages that deserve none, which ends the connection. */
  overTcp(message: Uint8Array, client: ClientAddress): Promise<Uint8Array | undefined>;
}

/** Binds and serves. @throws DnsError `DNS_LISTEN_FAILED` */
export function listenTcp(address: string, port: number, handlers: TcpHandlers): Promise<TcpListener> {
  /** In the order of their last questions. Bounded by: `MAX_CONNECTIONS`. */
  const clients = new Set<Socket>();
  /** Bounded by: `MAX_STRANGERS`. */
  const strangers = new Set<Socket>();
  const budget = new TurnBudget(() => performance.now());
  // A client that has asked everything may close its side and still read the answers.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    const client = clientOf(socket);
    const kind = client === undefined ? "reject" : handlers.admitConnection(client);
    if (client === undefined || kind === "reject") {
      socket.destroy();
      return;
    }
    const [set, most] = kind === "client" ? [clients, MAX_CONNECTIONS] : [strangers, MAX_STRANGERS];
    if (set.size >= most) endOldest(set);
    set.add(socket);
    socket.once("close", () => set.delete(socket));
    const onQuestion = (): void => {
      if (set.delete(socket)) set.add(socket);
    };
    new Connection({ socket, client, handlers, budget, onQuestion, isStranger: kind === "stranger" });
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of [...clients, ...strangers]) socket.destroy();
    });
  return new Promise((resolve, reject) => {
    server.once("error", (cause: Error) =>
      reject(new DnsError("DNS_LISTEN_FAILED", `tcp ${address} port ${port}: ${cause.message}`, { cause })),
    );
    server.listen({ host: address, port, exclusive: true, ipv6Only: true }, () => {
      server.removeAllListeners("error");
      server.on("error", () => {});
      const bound = server.address();
      resolve({ port: typeof bound === "object" && bound !== null ? bound.port : port, close });
    });
  });
}

function endOldest(sockets: Set<Socket>): void {
  const [oldest] = sockets;
  if (oldest === undefined) return;
  sockets.delete(oldest);
  oldest.destroy();
}

/** Undefined when the client is gone already. */
function clientOf(socket: Socket): ClientAddress | undefined {
  const remote = socket.remoteAddress?.replace(/^::ffff:/, "");
  return remote === undefined ? undefined : (parseIpv4(remote) ?? remote);
}

interface ConnectionOptions {
  readonly socket: Socket;
  readonly client: ClientAddress;
  readonly handlers: TcpHandlers;
  readonly budget: TurnBudget;
  readonly onQuestion: () => void;
  readonly isStranger: boolean;
}

/** Takes questions as fast as their answers are read. */
class Connection {
  readonly #options: ConnectionOptions;
  readonly #frames = new FrameReader();
  #pending = 0;
  /** The client will not ask more. */
  #isHalfClosed = false;
  readonly #resume = (): void => this.#serve();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket } = options;
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on("data", (chunk) => {
      this.#frames.push(chunk);
      this.#serve();
    });
    socket.on("drain", () => this.#serve());
    socket.on("end", () => {
      this.#isHalfClosed = true;
      this.#serve();
    });
  }

  get #isBusy(): boolean {
    const { socket } = this.#options;
    return socket.destroyed || this.#pending >= MAX_PENDING || socket.writableLength > MAX_UNREAD_BYTES;
  }

  #serve(): void {
    const { socket, budget } = this.#options;
    while (!this.#isBusy && budget.hasTime(this.#resume)) {
      const message = this.#frames.next();
      if (message === undefined) {
        if (this.#isHalfClosed && this.#pending === 0) socket.end();
        else socket.resume();
        return;
      }
      void this.#answer(message);
    }
    socket.pause();
  }

  async #answer(message: Uint8Array): Promise<void> {
    const { socket, client, handlers, onQuestion, isStranger } = this.#options;
    onQuestion();
    this.#pending++;
    try {
      const reply = await handlers.overTcp(message, client);
      if (reply === undefined) socket.destroy();
      else if (socket.writable) socket.write(withLength(reply));
      if (isStranger) socket.destroySoon();
    } catch {
      socket.destroy();
    } finally {
      this.#pending--;
      this.#serve();
    }
  }
}

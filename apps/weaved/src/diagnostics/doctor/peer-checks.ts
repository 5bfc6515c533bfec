import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { type Check, type Finding, failure, ok, skipped, warning } from "./check.ts";

/** First bytes of every peer (docs/protocol/connection.md#2.1). */
const greeting = "weave";

/** Does a target answer as a peer does? */
export function checkTarget(target: string, defaultPort: number): Check {
  return async () => {
    const [host, port = String(defaultPort)] = target.split(":");
    const name = `peer ${target}`;
    try {
      const heard = await firstBytes(host!, Number(port));
      if (heard.startsWith(greeting)) return ok(name, "answers as a peer");
      return failure(
        name,
        `something else listens there (it said ${JSON.stringify(heard.slice(0, 20))})`,
        "check address and port",
      );
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      return failure(
        name,
        `cannot be reached: ${code}`,
        remedies[code] ?? `check that weaved runs there and TCP and UDP ${port} are open`,
      );
    }
  };
}

const remedies: Readonly<Record<string, string>> = {
  ECONNREFUSED: "start weaved there; the host itself answers",
  ENOTFOUND: "the name does not resolve: check it, or use the address",
  ETIMEDOUT: "no answer: open TCP and UDP 6783 (and UDP 6784) in firewalls and security groups on the way",
  EHOSTUNREACH: "there is no route to that host",
};

function firstBytes(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: 3000 });
    const give = (act: () => void) => {
      socket.destroy();
      act();
    };
    socket.once("data", (bytes) => give(() => resolve(bytes.toString("latin1"))));
    socket.once("timeout", () => give(() => reject(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }))));
    socket.once("error", (error) => give(() => reject(error)));
    socket.once("end", () => give(() => reject(new Error("closed without a word"))));
  });
}

/** Are the ports free, or held by the running daemon? */
export function checkPorts(port: number, daemonRuns: boolean): Check {
  return async () => {
    if (daemonRuns) return skipped("ports", "held by the running daemon");
    const findings: Finding[] = [];
    for (const [kind, number, attempt] of [
      ["tcp", port, tcpFree],
      ["udp", port, udpFree],
      ["udp", port + 1, udpFree],
    ] as const) {
      const taken = await attempt(number).then(
        () => undefined,
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
      const name = `port ${kind} ${number}`;
      findings.push(
        taken === undefined
          ? ok(name, "free")
          : failure(
              name,
              `not free: ${taken}`,
              `stop what holds it (ss -lnp | grep ${number}), or choose another with --port`,
            ),
      );
    }
    return findings;
  };
}

function tcpFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, () => server.close(() => resolve()));
  });
}

function udpFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(port, () => socket.close(() => resolve()));
  });
}

/** Docker is optional, but if it is configured it should answer. */
export function checkDocker(ping: () => Promise<string>): Check {
  return async () => {
    try {
      return ok("docker", await ping());
    } catch (error) {
      return warning(
        "docker",
        `does not answer: ${(error as Error).message}`,
        "start it, or run without it: --docker-api=",
      );
    }
  };
}

import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Daemon } from "../node/daemon.ts";
import type { Lab, LabContainer, LabHost } from "../node/lab.ts";
import { waitFor } from "../node/run.ts";

/** The daemon of this repository, as built; the same relative place from sources and from the build. */
const program = fileURLToPath(new URL("../../../weaved/bin/weaved", import.meta.url));

/** A lab host that runs the daemon. */
export interface Station {
  readonly host: LabHost;
  readonly daemon: Daemon;
  /** Asks the daemon; rejects with what it said unless the answer is 2xx. */
  call(method: string, path: string, body?: unknown): Promise<string>;
  /** Attaches a container to the network: with an address of its own choice unless some are given. Returns the first, bare. */
  attach(container: LabContainer, ...addresses: string[]): Promise<string>;
  detach(container: LabContainer): Promise<void>;
  /** Names a container's address in the domain. */
  name(container: LabContainer, address: string, name: string): Promise<void>;
}

/** Starts the daemon on a host and waits until it answers. */
export async function launch(lab: Lab, host: LabHost, number: number, peers: readonly string[]): Promise<Station> {
  const socket = join(host.dir, "control");
  const passwordFile = host.writeFile("password", "a password for the demonstration\n");
  await host.must("chmod", ["600", passwordFile]);
  const flags = [
    `--name=00:00:00:00:01:0${number}`,
    `--nickname=${host.name}`,
    `--password-file=${passwordFile}`,
    "--docker-api=",
    "--ipalloc-range=10.32.0.0/16",
    `--http-addr=${socket}`,
    "--control-socket=/run/weave/control.sock",
    `--db-prefix=${join(host.dir, "weave")}`,
  ];
  await host.must("mkdir", ["-p", "/run/weave"]);
  const addresses = peers.map((peer) => lab.host(peer).address);
  const daemon = await host.spawn(process.execPath, [program, ...flags, ...addresses], { name: "weaved" });
  const call = (method: string, path: string, body?: unknown) => ask(socket, method, path, body);
  const answers = () =>
    call("GET", "/status").then(
      () => true,
      () => {
        if (daemon.code === undefined) return false;
        throw new Error(`weaved on ${host.name} ended with ${daemon.code}:\n${daemon.log().slice(-2000)}`);
      },
    );
  await waitFor(`weaved on ${host.name} answers`, answers, 20_000);
  return {
    host,
    daemon,
    call,
    async attach({ pid }, ...addresses) {
      const [first = ""] = JSON.parse(await call("POST", "/v1/attachments", { container: `pid:${pid}`, addresses }));
      return String(first).split("/")[0] as string;
    },
    async detach({ pid }) {
      await call("DELETE", `/v1/attachments?container=pid:${pid}`);
    },
    async name({ pid }, address, name) {
      await call("PUT", `/name/pid:${pid}/${address}?fqdn=${name}.weave.local`);
    },
  };
}

/** One request over the control socket. */
function ask(socketPath: string, method: string, path: string, body?: unknown): Promise<string> {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () =>
        Math.floor((response.statusCode ?? 0) / 100) === 2
          ? resolve(text)
          : reject(new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`)),
      );
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

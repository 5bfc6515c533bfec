import { formatIpv4, parseIpv4 } from "../bytes.ts";
import { Counters } from "../counters.ts";
import { DatapathError } from "../errors.ts";
import type { PlaintextPolicy } from "../protection.ts";
import type { Logger, OwnedRange, PeerName, RouteTables } from "../types.ts";
import type { Datapath, DatapathOptions, DatapathStatus, MacStatus, OverlayName } from "./api.ts";
import { plugTap, readMac } from "./bridge.ts";
import { libc } from "./linux/libc.ts";
import { isPortFree } from "./linux/socket.ts";
import { createOverlayHub, type OverlayHub } from "./overlay.ts";
import { openVxlan, type Vxlan } from "./vxlan.ts";
import type { FromWorker, WorkerLinkStatus, WorkerStart } from "./worker/protocol.ts";
import { startWorker, type WorkerHost } from "./worker-host.ts";

export type { Datapath, DatapathOptions, DatapathStatus, LinkStatus, MacStatus } from "./api.ts";

const DEFAULT_MTU = 1376;
const ALL: readonly OverlayName[] = ["vxlan", "sleeve-gso", "sleeve"];
/** Ciphers of `sleeve-gso` by measured speed, best first: see the README. */
const CIPHERS = ["aes-256-gcm", "xsalsa20-poly1305"] as const;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Starts a data path: TAP device, UDP socket, forwarding worker, kernel VXLAN where it serves.
 * @throws DatapathError DATAPATH_BAD_INPUT, DATAPATH_PORT_IN_USE, DATAPATH_LEFTOVER, DATAPATH_SYSCALL, DATAPATH_NO_FFI,
 *   DATAPATH_WORKER_DIED
 */
export async function startDatapath(options: DatapathOptions): Promise<Datapath> {
  const { name, port = 6783, host = "0.0.0.0", device, mtu = DEFAULT_MTU, persist = true, logger = silent } = options;
  const { ownedOnly = false, plaintext } = options;
  const address = parseIpv4(host);
  if (address === undefined) throw new DatapathError("DATAPATH_BAD_INPUT", `"${host}" is not an IPv4 address`);
  libc();
  // Before anything is changed: the kernel's state may belong to a daemon that runs.
  if (!isPortFree(address, port)) {
    throw new DatapathError(
      "DATAPATH_PORT_IN_USE",
      `UDP port ${port} is in use; stop the other program, or choose another port`,
    );
  }
  const wanted = ALL.filter((overlay) => (options.overlays ?? ALL).includes(overlay));
  const running = new RunningDatapath({ name, port, plaintext, logger, metrics: options.metrics });
  try {
    const { bridge } = device;
    const vxlanPort = port + 1;
    const tunnel = { name, bridge, port: vxlanPort, mtu, persist, plaintext, logger };
    // First of all: a bridge with containers may be up already, and a device of an earlier life in it.
    const vxlan = await openVxlan({ ...tunnel, wanted: wanted.includes("vxlan") });
    running.use(vxlan);
    const routerMac = ownedOnly && bridge !== undefined ? readMac(bridge) : 0;
    const start = { address, port, vxlanPort, mtu, tap: device.name, persist, ownedOnly, routerMac };
    await running.start(start, vxlan, wanted);
    await plugTap(device.name, mtu, bridge);
  } catch (error) {
    await running.close();
    throw error;
  }
  return running;
}

interface Parts {
  readonly name: PeerName;
  readonly port: number;
  readonly plaintext: PlaintextPolicy;
  readonly logger: Logger;
  readonly metrics: DatapathOptions["metrics"];
}

class RunningDatapath implements Datapath {
  readonly name: PeerName;
  readonly #parts: Parts;
  readonly #counters: Counters = new Counters();
  #port: number;
  readonly #worker: WorkerHost;
  #vxlan: Vxlan | undefined;
  #hub: OverlayHub | undefined;
  #died: DatapathError | undefined;
  #links: readonly WorkerLinkStatus[] = [];
  #macs: readonly MacStatus[] = [];
  #request = 0;
  #closed: Promise<void> | undefined;
  /** Callers of `refresh`. Bounded by: requests not yet answered. */
  readonly #waiting: Map<number, () => void> = new Map();
  #onReady: ((error?: Error) => void) | undefined;

  constructor(parts: Parts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#port = parts.port;
    this.#worker = startWorker({
      onMessage: (message) => this.#onMessage(message),
      onDied: (error) => this.#onDied(error),
    });
  }

  get port(): number {
    return this.#port;
  }
  get overlay(): Datapath["overlay"] {
    return (this.#hub as OverlayHub).overlay;
  }

  /** From here on it is closed with the data path. */
  use(vxlan: Vxlan): void {
    this.#vxlan = vxlan;
  }

  async start(
    settings: Omit<WorkerStart, "name" | "counters" | "vxlanDevice" | "wakeFd">,
    vxlan: Vxlan,
    wanted: readonly OverlayName[],
  ): Promise<void> {
    const { name, plaintext } = this.#parts;
    const { device, reason } = vxlan;
    const offered = wanted.filter((overlay) => overlay !== "vxlan" || device !== undefined);
    const missing: Partial<Record<OverlayName, string>> = {};
    if (device === undefined) missing.vxlan = reason;
    if (!wanted.includes("sleeve-gso")) missing["sleeve-gso"] = "sleeve-gso is switched off";
    this.#hub = createOverlayHub({
      name,
      plaintext,
      offered,
      missing,
      ciphers: CIPHERS,
      send: (message) => this.#worker.send(message),
      status: (id) => this.#links.find((link) => link.id === id),
      kernel: vxlan,
    });
    const ready = new Promise<void>((resolve, reject) => {
      this.#onReady = (error) => (error ? reject(error) : resolve());
    });
    if (this.#died) throw this.#died;
    const tunnel = device === undefined ? {} : { vxlanDevice: device };
    this.#worker.begin({ ...settings, name, counters: this.#counters.memory, ...tunnel });
    await ready;
  }

  #onMessage(message: FromWorker): void {
    if (message.kind === "ready") {
      this.#port = message.port;
      this.#onReady?.();
    } else if (message.kind === "status") this.#onStatus(message);
    else if (message.kind === "forward") this.#vxlan?.setForwarding(message.peer, message.id, message.state);
    else if (message.kind === "source") this.#vxlan?.heardFrom(message.peer, message.id, formatIpv4(message.address));
    else if (message.kind === "rules") this.#vxlan?.rulesChanged();
    else if (message.kind === "mac") this.#vxlan?.setMac(message.mac, message.peer);
    else if (message.kind === "log") this.#parts.logger[message.level](message.message, message.fields);
    else this.#hub?.onWorker(message);
  }

  #onStatus({ request, links, macs }: FromWorker & { kind: "status" }): void {
    this.#links = links;
    this.#macs = macs;
    const { metrics } = this.#parts;
    if (metrics)
      for (const [name, value] of Object.entries(this.#counters.read())) metrics.gauge(`datapath_${name}`, value);
    this.#waiting.get(request)?.();
    this.#waiting.delete(request);
  }

  #onDied(cause: Error): void {
    const error = new DatapathError("DATAPATH_WORKER_DIED", `the forwarding worker died: ${cause.message}`, { cause });
    this.#onReady?.(error);
    this.#parts.logger.error(error.message);
    this.#died = error;
    this.#hub?.failAll(error);
    for (const done of this.#waiting.values()) done();
    this.#waiting.clear();
  }

  setRoutes(tables: RouteTables): void {
    this.#vxlan?.setRoutes(tables);
    this.#worker.send({ kind: "routes", tables });
  }
  setAddressOwners(ranges: readonly OwnedRange[]): void {
    this.#worker.send({ kind: "owners", ranges });
  }
  forgetPeer(peer: PeerName): void {
    this.#vxlan?.peerGone(peer);
    this.#worker.send({ kind: "forget", peer });
  }

  status(): DatapathStatus {
    const links = this.#links.map(({ id: _id, ...link }) => link);
    return { links, macs: this.#macs, counters: this.#counters.read() };
  }

  async refresh(): Promise<DatapathStatus> {
    if (this.#closed) throw new DatapathError("DATAPATH_CLOSED", "the data path has been closed");
    const request = ++this.#request;
    await new Promise<void>((resolve) => {
      this.#waiting.set(request, resolve);
      this.#worker.send({ kind: "status", request });
    });
    return this.status();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }
  async #close(): Promise<void> {
    await this.#worker.close();
    for (const done of this.#waiting.values()) done();
    await this.#vxlan?.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

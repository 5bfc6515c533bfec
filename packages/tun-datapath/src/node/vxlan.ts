import { formatMac } from "../bytes.ts";
import type { Logger, PeerName, RouteTables } from "../types.ts";
import { VxlanEntries } from "../vxlan-entries.ts";
import type { Forwarding } from "../vxlan-link.ts";
import { all, command, each } from "./bridge.ts";
import { tunnelMac } from "./worker/vxlan-socket.ts";

/** Network id of the tunnel: "wea". One for all peers of ours; who may send is the firewall's matter, as for any VXLAN. */
const VNI = 0x776561;

/** How the kernel's overlay is opened. */
export interface VxlanOptions {
  readonly name: PeerName;
  readonly wanted: boolean;
  readonly bridge: string | undefined;
  readonly port: number;
  readonly mtu: number;
  /** The device outlives this process. */
  readonly persist: boolean;
  readonly logger: Logger;
}

/** The kernel's VXLAN device with its forwarding entries. */
export interface Vxlan {
  /** Undefined when the overlay is not offered; `reason` says why. */
  readonly device: string | undefined;
  readonly reason: string;
  /** Lets heartbeats reach a peer. */
  addTunnel(peer: PeerName, address: string): Promise<void>;
  /** Whether frames for MACs at a peer may go through the kernel. */
  setForwarding(peer: PeerName, state: Forwarding): void;
  /** Where a MAC lives; 0: nowhere. */
  setMac(mac: number, peer: PeerName): void;
  setRoutes(tables: RouteTables): void;
  peerGone(peer: PeerName): void;
  /** With `persist` the device stays, and the kernel forwards on. */
  close(): Promise<void>;
}

/** Opens the device, plugged into the bridge, isolated from the TAP device: flooding stays in userspace. */
export async function openVxlan(options: VxlanOptions): Promise<Vxlan> {
  const { name, wanted, bridge, port, mtu, persist, logger } = options;
  if (!wanted) return without("vxlan is switched off");
  if (bridge === undefined) return without("there is no bridge for vxlan");
  const device = `vx-${bridge}`.slice(0, 15);
  const vxlan = new KernelVxlan(device, persist, logger);
  try {
    if (await serves(device, port)) await vxlan.adopt();
    else await make(device, port);
    // The address that heartbeats go to: being the device's own, the bridge floods them to nobody.
    const address = formatMac(tunnelMac(name));
    await all("ip", [
      `link set dev ${device} address ${address} mtu ${mtu}`,
      `link set dev ${device} master ${bridge} up`,
    ]);
    const off = ["flood", "mcast_flood", "bcast_flood", "learning"].flatMap((flag) => [flag, "off"]);
    await command("bridge", "link", "set", "dev", device, ...off, "isolated", "on");
  } catch (error) {
    logger.info("the kernel's VXLAN is not used", { error: String(error) });
    await command("ip", "link", "del", device).catch(() => "");
    return without("the kernel has no vxlan, or it could not be set up");
  }
  return vxlan;
}

/** Whether a device of an earlier life can be used as it is. */
async function serves(device: string, port: number): Promise<boolean> {
  const text = await command("ip", "-j", "-d", "link", "show", "dev", device).catch(() => "[]");
  const [link] = JSON.parse(text) as { linkinfo?: { info_data?: { id?: number; port?: number } } }[];
  const { id, port: own } = link?.linkinfo?.info_data ?? {};
  return id === VNI && own === port;
}

async function make(device: string, port: number): Promise<void> {
  await command("ip", "link", "del", device).catch(() => "");
  const tunnel = ["id", String(VNI), "dstport", String(port), "nolearning", "df", "set", "ttl", "64", "udpcsum"];
  await command("ip", "link", "add", device, "type", "vxlan", ...tunnel);
}

function without(reason: string): Vxlan {
  return {
    device: undefined,
    reason,
    addTunnel: () => Promise.resolve(),
    setForwarding() {},
    setMac() {},
    setRoutes() {},
    peerGone() {},
    close: () => Promise.resolve(),
  };
}

/** The kernel's entries as `bridge -json` lists them. */
interface FdbRow {
  readonly mac: string;
  readonly dst?: string;
  readonly flags?: readonly string[];
}

class KernelVxlan implements Vxlan {
  readonly device: string;
  readonly reason = "";
  readonly #logger: Logger;
  readonly #entries: VxlanEntries;
  readonly #persist: boolean;
  /** The latest wish for each MAC that is not yet carried out. Bounded by: MACs known to the switch. */
  readonly #pending: Map<number, string | undefined> = new Map();
  #work: Promise<void> | undefined;

  constructor(device: string, persist: boolean, logger: Logger) {
    this.device = device;
    this.#persist = persist;
    this.#logger = logger;
    this.#entries = new VxlanEntries({
      apply: (mac, address) => this.#queue(mac, address),
      after: (ms, fn) => {
        const timer = setTimeout(fn, ms).unref();
        return () => clearTimeout(timer);
      },
    });
  }

  /** Takes up what the kernel already forwards: containers talk on while this daemon is replaced. */
  async adopt(): Promise<void> {
    const rows = JSON.parse((await command("bridge", "-j", "fdb", "show", "dev", this.device)) || "[]") as FdbRow[];
    const own = rows.filter((row) => row.dst !== undefined && row.flags?.includes("self"));
    this.#entries.adopt(
      own.map((row) => [Number.parseInt(row.mac.replaceAll(":", ""), 16), row.dst as string] as const),
    );
  }

  async addTunnel(peer: PeerName, address: string): Promise<void> {
    const own = tunnelMac(peer);
    this.#entries.setTunnel(peer, address, own);
    const entry = [formatMac(own), "dev", this.device, "dst", address, "self", "permanent"];
    await command("bridge", "fdb", "replace", ...entry);
  }

  setForwarding(peer: PeerName, state: Forwarding): void {
    this.#entries.setForwarding(peer, state);
  }
  setMac(mac: number, peer: PeerName): void {
    this.#entries.setMac(mac, peer);
  }
  setRoutes({ unicast }: RouteTables): void {
    this.#entries.setRoutes(unicast);
  }

  peerGone(peer: PeerName): void {
    this.#entries.peerGone(peer);
  }

  /** One process after the other, each with all that came in meanwhile: a path that fails may take hundreds of MACs along. */
  #queue(mac: number, address: string | undefined): void {
    this.#pending.delete(mac);
    this.#pending.set(mac, address);
    this.#work ??= this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#pending.size > 0) {
      const changes = [...this.#pending];
      this.#pending.clear();
      const lines = changes.flatMap(([mac, address]) => this.#linesFor(formatMac(mac), address));
      // An entry that should go and is not there is as wished.
      const missed = (await each("bridge", lines)).filter((line) => line.startsWith("fdb replace"));
      if (missed.length > 0) this.#logger.warn("forwarding entries could not be changed", { missed });
    }
    // In the same turn as the last look: what comes later starts anew.
    this.#work = undefined;
  }

  #linesFor(mac: string, address: string | undefined): string[] {
    const entry = `${mac} dev ${this.device}`;
    // First the bridge lets go, so that frames go to the TAP device, then the tunnel forgets.
    if (address === undefined) return [`fdb del ${entry} master`, `fdb del ${entry} self`];
    return [
      `fdb replace ${entry} dst ${address} self permanent`,
      // Sticky: a frame that arrives by the TAP device meanwhile, such as an ARP request, must not take the entry away.
      `fdb replace ${entry} master static sticky`,
    ];
  }

  async close(): Promise<void> {
    this.#entries.close();
    await this.#work;
    if (!this.#persist) await command("ip", "link", "del", this.device).catch(() => "");
  }
}

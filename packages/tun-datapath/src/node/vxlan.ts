import { formatMac } from "../bytes.ts";
import type { Logger, PeerName } from "../types.ts";
import { command } from "./bridge.ts";
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
  setUsable(peer: PeerName, usable: boolean): void;
  /** Where a MAC lives; 0: nowhere. */
  setMac(mac: number, peer: PeerName): void;
  close(): Promise<void>;
}

/** Opens the device, plugged into the bridge, isolated from the TAP device: flooding stays in userspace. */
export async function openVxlan({ name, wanted, bridge, port, mtu, logger }: VxlanOptions): Promise<Vxlan> {
  if (!wanted) return without("vxlan is switched off");
  if (bridge === undefined) return without("there is no bridge for vxlan");
  const device = `vx-${bridge}`.slice(0, 15);
  try {
    await command("ip", "link", "del", device).catch(() => "");
    await command(
      "ip",
      "link",
      "add",
      device,
      "type",
      "vxlan",
      "id",
      String(VNI),
      "dstport",
      String(port),
      "nolearning",
      "df",
      "set",
      "ttl",
      "64",
      "udpcsum",
    );
    // The address that heartbeats go to: being the device's own, the bridge floods them to nobody.
    await command("ip", "link", "set", "dev", device, "address", formatMac(tunnelMac(name)), "mtu", String(mtu));
    await command("ip", "link", "set", "dev", device, "master", bridge, "up");
    for (const flag of ["flood", "mcast_flood", "bcast_flood", "learning"]) {
      await command("bridge", "link", "set", "dev", device, flag, "off");
    }
    await command("bridge", "link", "set", "dev", device, "isolated", "on");
  } catch (error) {
    logger.info("the kernel's VXLAN is not used", { error: String(error) });
    await command("ip", "link", "del", device).catch(() => "");
    return without("the kernel has no vxlan, or it could not be set up");
  }
  return new KernelVxlan(device, logger);
}

function without(reason: string): Vxlan {
  return {
    device: undefined,
    reason,
    addTunnel: () => Promise.resolve(),
    setUsable() {},
    setMac() {},
    close: () => Promise.resolve(),
  };
}

class KernelVxlan implements Vxlan {
  readonly device: string;
  readonly reason = "";
  readonly #logger: Logger;
  /** Peer -> address of its end. Bounded by: peers connected since the start. */
  readonly #tunnels: Map<PeerName, string> = new Map();
  /** Bounded by: neighbours. */
  readonly #usable: Set<PeerName> = new Set();
  /** Bounded by: the MAC table of the worker, which tells of every entry that goes. */
  readonly #macs: Map<number, PeerName> = new Map();
  /** What the kernel has been told. Bounded by: as above. */
  readonly #told: Map<number, string> = new Map();
  #work: Promise<void> = Promise.resolve();

  constructor(device: string, logger: Logger) {
    this.device = device;
    this.#logger = logger;
  }

  async addTunnel(peer: PeerName, address: string): Promise<void> {
    this.#tunnels.set(peer, address);
    await command(
      "bridge",
      "fdb",
      "replace",
      formatMac(tunnelMac(peer)),
      "dev",
      this.device,
      "dst",
      address,
      "self",
      "permanent",
    );
  }

  setUsable(peer: PeerName, usable: boolean): void {
    if (usable) this.#usable.add(peer);
    else this.#usable.delete(peer);
    for (const [mac, at] of this.#macs) if (at === peer) this.#update(mac);
  }

  setMac(mac: number, peer: PeerName): void {
    if (peer === 0) this.#macs.delete(mac);
    else this.#macs.set(mac, peer);
    this.#update(mac);
  }

  /** Brings the kernel's entries for a MAC to what they are to be; one change after the other. */
  #update(mac: number): void {
    this.#work = this.#work
      .then(() => this.#apply(mac))
      .catch((error: unknown) => {
        this.#logger.warn("a forwarding entry could not be changed", { mac: formatMac(mac), error: String(error) });
      });
  }

  async #apply(mac: number): Promise<void> {
    const peer = this.#macs.get(mac);
    const wanted = peer !== undefined && this.#usable.has(peer) ? this.#tunnels.get(peer) : undefined;
    const told = this.#told.get(mac);
    if (wanted === told) return;
    const text = formatMac(mac);
    if (wanted === undefined) {
      this.#told.delete(mac);
      // First the bridge lets go, so that frames go to the TAP device, then the tunnel forgets.
      for (const where of ["master", "self"]) {
        await command("bridge", "fdb", "del", text, "dev", this.device, where).catch(() => "");
      }
      return;
    }
    this.#told.set(mac, wanted);
    // Sticky: a frame that arrives by the TAP device meanwhile, such as an ARP request, must not take the entry away.
    await command("bridge", "fdb", "replace", text, "dev", this.device, "dst", wanted, "self", "permanent");
    await command("bridge", "fdb", "replace", text, "dev", this.device, "master", "static", "sticky");
  }

  async close(): Promise<void> {
    await this.#work;
    await command("ip", "link", "del", this.device).catch(() => "");
  }
}

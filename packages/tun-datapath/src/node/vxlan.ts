import { formatMac } from "../bytes.ts";
import { DatapathError } from "../errors.ts";
import { MAC_AGE_MS } from "../macs.ts";
import {
  type Inheritance,
  inheritance,
  type PlaintextPolicy,
  type Protection,
  permitsKernelPath,
} from "../protection.ts";
import type { Logger, PeerName, RouteTables } from "../types.ts";
import type { Forwarding } from "../vxlan-link.ts";
import { type DevicePlan, planDevices, VNI, type VxlanDevice } from "../vxlan-plan.ts";
import { all, command } from "./bridge.ts";
import { KernelEntries } from "./kernel-entries.ts";
import { removeSourceFilter, SourceFilterKeeper } from "./source-filter.ts";
import { tunnelMac } from "./worker/vxlan-socket.ts";

/** How the kernel's overlay is opened. */
export interface VxlanOptions {
  readonly name: PeerName;
  readonly wanted: boolean;
  readonly plaintext: PlaintextPolicy;
  readonly bridge: string | undefined;
  /** UDP port of the tunnel. */
  readonly port: number;
  readonly mtu: number;
  /** The device may outlive this process, as far as `plaintext` permits. */
  readonly persist: boolean;
  readonly logger: Logger;
}

/** One link, as the kernel's overlay sees it. */
export interface VxlanPeer {
  /** Number of the link. */
  readonly link: number;
  readonly peer: PeerName;
  /** Underlay address of the peer, text form. */
  readonly address: string;
  readonly protection: Protection;
}

/** The kernel's VXLAN device with its forwarding entries and its source filter. */
export interface Vxlan {
  /** Undefined when the overlay is not offered; `reason` says why. */
  readonly device: string | undefined;
  readonly reason: string;
  /** A link begins. If it is encrypted, nothing leads to its peer from now on. Otherwise resolves when heartbeats can reach the peer. */
  open(link: VxlanPeer): Promise<void>;
  /** The link is over. */
  linkEnded(link: VxlanPeer): void;
  /** A heartbeat of the link came through the tunnel from this underlay address, text form. */
  heardFrom(peer: PeerName, link: number, address: string): void;
  /** Whether frames for MACs at a peer may go through the kernel. */
  setForwarding(peer: PeerName, link: number, state: Forwarding): void;
  /** Where a MAC lives; 0: nowhere. */
  setMac(mac: number, peer: PeerName): void;
  setRoutes(tables: RouteTables): void;
  peerGone(peer: PeerName): void;
  /** The rules of the kernel's packet filter may have been changed by another program. */
  rulesChanged(): void;
  /** Where the policy permits, the device stays and the kernel forwards on. Otherwise nothing is left. */
  close(): Promise<void>;
}

/**
 * Brings the kernel into accordance with the policy, then opens the device, plugged into the bridge and isolated from the TAP device,
 * so that flooding stays in userspace. To be called before an overlay port can carry a frame.
 *
 * @throws DatapathError DATAPATH_LEFTOVER when a device that must not exist cannot be removed
 */
export async function openVxlan(options: VxlanOptions): Promise<Vxlan> {
  const { plaintext, bridge, port, logger } = options;
  const device = bridge === undefined ? undefined : deviceOf(bridge);
  const policy = inheritance(plaintext, MAC_AGE_MS);
  const reason = whyNot(options, policy);
  const plan = await reconcile(options, { ...policy, device: policy.device && reason === undefined });
  if (bridge === undefined || device === undefined || plan.next === "nothing") {
    await removeSourceFilter(port).catch((error) =>
      logger.debug("no source filter to remove", { error: String(error) }),
    );
    return without(reason ?? "vxlan is not available");
  }
  const vxlan = new KernelVxlan({ ...options, bridge }, device, policy);
  try {
    await vxlan.start(plan.next);
  } catch (error) {
    logger.info("the kernel's VXLAN is not used", { error: String(error) });
    await remove([device]);
    return without("the kernel has no vxlan, or it could not be set up");
  }
  return vxlan;
}

/**
 * Removes what a data path left in the kernel: the VXLAN device of a bridge, and the source filter of its port. Idempotent.
 *
 * @param port - UDP port of the userspace overlays
 * @throws DatapathError DATAPATH_LEFTOVER
 */
export async function removeKernelPaths({ bridge, port = 6783 }: { bridge: string; port?: number }): Promise<void> {
  const nothing = { device: false, entries: false };
  const { remove: left } = planDevices(await devices(), { name: deviceOf(bridge), port: port + 1, mac: "" }, nothing);
  await remove(left);
  await removeSourceFilter(port + 1).catch(() => undefined);
}

function deviceOf(bridge: string): string {
  return `vx-${bridge}`.slice(0, 15);
}

function whyNot({ wanted, plaintext, bridge }: VxlanOptions, policy: Inheritance): string | undefined {
  if (!wanted) return "vxlan is switched off";
  if (bridge === undefined) return "vxlan needs a bridge";
  if (!policy.device)
    return `vxlan is plaintext, and ${plaintext === "never" ? "every link must be encrypted" : "it is not permitted"}`;
  return undefined;
}

/** Removes the devices that must not be there. */
async function reconcile({ name, bridge, port }: VxlanOptions, policy: Inheritance): Promise<DevicePlan> {
  const mac = formatMac(tunnelMac(name));
  const plan = planDevices(await devices(), { name: bridge === undefined ? "" : deviceOf(bridge), port, mac }, policy);
  await remove(plan.remove);
  return plan;
}

async function devices(): Promise<VxlanDevice[]> {
  const text = await command("ip", "-j", "-d", "link", "show", "type", "vxlan");
  const rows = JSON.parse(text || "[]") as {
    ifname?: string;
    address?: string;
    linkinfo?: { info_data?: { id?: number; port?: number } };
  }[];
  return rows.flatMap(({ ifname, address = "", linkinfo }) => {
    const { id = 0, port = 0 } = linkinfo?.info_data ?? {};
    return ifname === undefined ? [] : [{ name: ifname, vni: id, port, mac: address }];
  });
}

async function remove(names: readonly string[]): Promise<void> {
  for (const name of names) {
    await command("ip", "link", "del", name).catch(async (cause: Error) => {
      if (!(await devices()).some((device) => device.name === name)) return;
      const message = `the VXLAN device ${name} carries plaintext and cannot be removed; run "ip link del ${name}"`;
      throw new DatapathError("DATAPATH_LEFTOVER", message, { cause });
    });
  }
}

function without(reason: string): Vxlan {
  return {
    device: undefined,
    reason,
    open: () => Promise.resolve(),
    linkEnded() {},
    heardFrom() {},
    setForwarding() {},
    setMac() {},
    setRoutes() {},
    peerGone() {},
    rulesChanged() {},
    close: () => Promise.resolve(),
  };
}

class KernelVxlan implements Vxlan {
  readonly device: string;
  readonly reason = "";
  readonly #options: VxlanOptions & { readonly bridge: string };
  readonly #policy: Inheritance;
  readonly #kernel: KernelEntries;
  readonly #filter: SourceFilterKeeper;

  constructor(options: VxlanOptions & { readonly bridge: string }, device: string, policy: Inheritance) {
    const { bridge, port, logger } = options;
    this.device = device;
    this.#options = options;
    this.#policy = policy;
    this.#filter = new SourceFilterKeeper({ bridge, port, logger });
    this.#kernel = new KernelEntries({ device, lingerMs: policy.lingerMs, logger, filter: this.#filter });
  }

  /** The filter stands before the device is up; the device carries nothing before it has its flags. */
  async start(how: "make" | "adopt"): Promise<void> {
    const { name, bridge, port, mtu } = this.#options;
    const { device } = this;
    if (how === "adopt") await this.#kernel.adopt();
    await this.#filter.start();
    if (how === "make") {
      const tunnel = ["id", String(VNI), "dstport", String(port), "nolearning", "df", "set", "ttl", "64", "udpcsum"];
      await command("ip", "link", "add", device, "type", "vxlan", ...tunnel);
    }
    // Heartbeats go to the device's own address, so that the bridge floods them nowhere.
    const address = formatMac(tunnelMac(name));
    await all("ip", [
      `link set dev ${device} address ${address} mtu ${mtu}`,
      `link set dev ${device} master ${bridge}`,
    ]);
    const off = ["flood", "mcast_flood", "bcast_flood", "learning"].flatMap((flag) => [flag, "off"]);
    await command("bridge", "link", "set", "dev", device, ...off, "isolated", "on");
    await command("ip", "link", "set", "dev", device, "up");
  }

  async open({ link, peer, address, protection }: VxlanPeer): Promise<void> {
    if (!permitsKernelPath(this.#options.plaintext, protection)) this.#kernel.entries.encrypted(peer, address);
    else this.#kernel.entries.open({ link, peer, address, mac: tunnelMac(peer) });
    await Promise.all([this.#kernel.settled(), this.#filter.settled()]);
  }

  linkEnded({ peer, link }: VxlanPeer): void {
    this.#kernel.entries.close(peer, link);
  }
  heardFrom(peer: PeerName, link: number, address: string): void {
    this.#kernel.entries.heardFrom(peer, link, address);
  }
  setForwarding(peer: PeerName, link: number, state: Forwarding): void {
    this.#kernel.entries.setForwarding(peer, link, state);
  }
  setMac(mac: number, peer: PeerName): void {
    this.#kernel.entries.setMac(mac, peer);
  }
  setRoutes({ unicast }: RouteTables): void {
    this.#kernel.entries.setRoutes(unicast);
  }
  peerGone(peer: PeerName): void {
    this.#kernel.entries.peerGone(peer);
  }
  rulesChanged(): void {
    this.#filter.check();
  }

  async close(): Promise<void> {
    this.#kernel.entries.stop();
    await Promise.all([this.#kernel.settled(), this.#filter.close()]);
    if (this.#options.persist && this.#policy.outlives) return;
    await remove([this.device]);
    await removeSourceFilter(this.#options.port);
  }
}

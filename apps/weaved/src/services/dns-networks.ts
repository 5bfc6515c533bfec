/** Where the DNS server listens, and which sources it answers, from the networks of this host. */
import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { hostAddresses } from "@weaved/dns-lb/node";
import { Cidr, Ip } from "@weaved/ip";

/** A network that a device is attached to. */
export interface ConnectedNetwork {
  readonly device: string;
  readonly cidr: Cidr;
}

/** Flags of a route: up, and by a gateway. */
const RTF_UP = 1;
const RTF_GATEWAY = 2;

/** Four bytes in the order of a little-endian host, as `/proc/net/route` writes them. */
const fromHex = (hex: string): Ip => Ip.fromBytes(Uint8Array.from(Buffer.from(hex, "hex")).reverse());

/** The networks directly attached to devices, from the text of `/proc/net/route`. */
export function parseRoutes(text: string): ConnectedNetwork[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [device = "", destination = "", , flags = "", , , , mask = ""] = line.trim().split(/\s+/);
      const state = Number.parseInt(flags, 16);
      if (!(state & RTF_UP) || state & RTF_GATEWAY || !/^[0-9A-F]{8}$/i.test(mask)) return [];
      const length = fromHex(mask).bits.toString(2).replaceAll("0", "").length;
      return [{ device, cidr: Cidr.of(fromHex(destination), length) }];
    });
}

function connectedNetworks(): ConnectedNetwork[] {
  try {
    return parseRoutes(readFileSync("/proc/net/route", "utf8"));
  } catch {
    return [];
  }
}

/**
 * The IPv4 addresses of devices, in the order of the devices. A bridge without a carrier has its addresses too: its first
 * container must find the server there.
 */
export function addressesOf(devices: readonly string[]): string[] {
  const own = networkInterfaces();
  const networks = connectedNetworks();
  const local = hostAddresses().filter((address) => !address.includes(":"));
  const elsewhere = (device: string, address: string): boolean =>
    Object.entries(own).some(([name, infos = []]) => name !== device && infos.some((info) => info.address === address));
  const found = devices.flatMap((device) => {
    const certain = (own[device] ?? []).filter(({ family }) => family === "IPv4").map(({ address }) => address);
    const blocks = networks.filter((network) => network.device === device).map(({ cidr }) => cidr);
    const likely = local.filter(
      (address) => blocks.some((cidr) => cidr.contains(address)) && !elsewhere(device, address),
    );
    return [...certain, ...likely];
  });
  return [...new Set(found)];
}

const isBridge = (device: string): boolean => existsSync(`/sys/class/net/${device}/bridge`);

/**
 * The networks whose hosts the DNS server answers: the overlay, this host itself, and the networks on bridges of this host
 * (containers of Docker Compose ask from networks such as 172.18.0.0/16).
 */
export function clientNetworks(overlay: readonly Cidr[]): Cidr[] {
  const host = hostAddresses().map((address) => Cidr.of(address.split("%")[0]!));
  const onBridges = connectedNetworks().filter(({ device }) => isBridge(device));
  const v6OnBridges = Object.entries(networkInterfaces()).flatMap(([device, infos = []]) =>
    isBridge(device) ? infos.flatMap(({ family, cidr }) => (family === "IPv6" && cidr ? [toNetwork(cidr)] : [])) : [],
  );
  return [...overlay, Cidr.parse("127.0.0.0/8"), ...host, ...onBridges.map(({ cidr }) => cidr), ...v6OnBridges];
}

/** The network of `ADDRESS/LENGTH`. */
function toNetwork(text: string): Cidr {
  const [address = "", length = ""] = text.split("/");
  return Cidr.of(address.split("%")[0]!, Number(length));
}

import { blockOf, checkInterfaceName, parseMac, readCidr, readIpv4 } from "../address.ts";
import { LinksError } from "../errors.ts";
import type { FirewallSpec, ServiceRule } from "../types.ts";

/**
 * Everything that goes into rules is checked here, so that no value ends a rule and begins another.
 *
 * @throws LinksError LINKS_INVALID
 */
export function checkFirewall(spec: FirewallSpec): void {
  for (const name of [spec.bridge, ...(spec.engineBridges ?? []), ...(spec.antiSpoofing?.tunnels ?? [])])
    checkInterfaceName(name);
  for (const { cidr } of spec.exposures ?? []) readCidr(cidr);
  for (const cidr of spec.keepSource ?? []) readCidr(cidr);
  for (const block of spec.antiSpoofing?.reserved?.addresses ?? []) blockOf(block);
  for (const mac of spec.antiSpoofing?.reserved?.macs ?? []) parseMac(mac);
  for (const port of [...(spec.guardedPorts ?? []), ...(spec.loopbackPorts ?? [])]) checkPort(port, "a guarded port");
  if (spec.dnsPort !== undefined) checkPort(spec.dnsPort, "the port of the name server");
  for (const rule of spec.services ?? []) checkService(rule);
}

function checkService(rule: ServiceRule): void {
  readIpv4(rule.target.address);
  if (rule.address !== undefined) readIpv4(rule.address);
  else if (rule.kind === "bind")
    throw new LinksError("LINKS_INVALID", `${rule.name}: a binding needs the address that it answers on`);
  for (const port of [rule.port, rule.target.port]) checkPort(port, rule.name);
  if (!/^[\w.:/-]{1,64}$/.test(rule.name))
    throw new LinksError(
      "LINKS_INVALID",
      `"${rule.name}" is not a valid rule name; expected letters, digits, . : / _ -`,
    );
}

function checkPort(port: number, what: string): void {
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new LinksError("LINKS_INVALID", `${what}: ${port} is not a valid port; expected 1 to 65535`);
}

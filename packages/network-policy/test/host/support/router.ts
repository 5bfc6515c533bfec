import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { openTap, type Tap } from "@weaved/tun-datapath/linux";

/** The address that frames are sent to. */
export const TO: Uint8Array = new Uint8Array([2, 0, 0, 0, 0, 1]);

/** Makes this network namespace a router: what goes into `input` comes out of `output`, unless the rules drop it. */
export function openRouter(): { readonly input: Tap; readonly output: Tap } {
  const [input, output] = [openTap({ name: "pin0" }), openTap({ name: "pout0" })];
  const commands = [
    "link set pin0 address 02:00:00:00:00:01 up",
    // Without ARP the kernel asks nobody for the next hop's address.
    "link set pout0 arp off up",
    "route add default dev pout0",
    "-6 route add default dev pout0",
  ];
  for (const command of commands) execFileSync("ip", command.split(" "));
  const settings = {
    "ipv4/ip_forward": 1,
    "ipv6/conf/all/forwarding": 1,
    "ipv4/conf/all/rp_filter": 0,
    "ipv4/conf/pin0/rp_filter": 0,
  };
  for (const [name, value] of Object.entries(settings)) writeFileSync(`/proc/sys/net/${name}`, String(value));
  return { input, output };
}

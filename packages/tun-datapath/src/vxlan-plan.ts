import type { Inheritance } from "./protection.ts";

/** Network identifier of the tunnel: "wea". All peers share it, so the source filter decides who may send. */
export const VNI = 0x776561;

/** A VXLAN device as the kernel lists it. */
export interface VxlanDevice {
  readonly name: string;
  readonly vni: number;
  readonly port: number;
  /** Text form, lower case. */
  readonly mac: string;
}

/** The device that this peer would use. */
export interface WantedDevice {
  readonly name: string;
  /** UDP port of the tunnel. */
  readonly port: number;
  /** The address of this peer inside the tunnel; text form, lower case. */
  readonly mac: string;
}

/** What is to happen to the devices before an overlay port carries a frame. */
export interface DevicePlan {
  /** Devices to remove, in this order. */
  readonly remove: readonly string[];
  /** What is done after that: nothing, a new device, or the existing device with its entries. */
  readonly next: "nothing" | "make" | "adopt";
}

/**
 * Plans the devices at a start. A device is ours when it has our VNI and one of our marks: the name, the UDP port, or the address of
 * this peer. So a device is found after the bridge, the port, or the peer name was changed, and a device of another daemon in the
 * same network namespace, which differs in all three, is left alone.
 */
export function planDevices(
  found: readonly VxlanDevice[],
  wanted: WantedDevice,
  inherited: Pick<Inheritance, "device" | "entries">,
): DevicePlan {
  const ours = found.filter(
    (device) =>
      device.name === wanted.name || (device.vni === VNI && (device.port === wanted.port || device.mac === wanted.mac)),
  );
  const kept = inherited.device && inherited.entries ? ours.find((device) => serves(device, wanted)) : undefined;
  const remove = ours.filter((device) => device !== kept).map(({ name }) => name);
  return { remove, next: kept ? "adopt" : inherited.device ? "make" : "nothing" };
}

/** Whether the device can be used as it is. Its address changes with the peer name, and is set anew. */
function serves(device: VxlanDevice, wanted: WantedDevice): boolean {
  return device.name === wanted.name && device.vni === VNI && device.port === wanted.port;
}

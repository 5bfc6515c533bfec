import { DatapathError } from "../../errors.ts";
import { VNET_BYTES } from "../../vnet.ts";
import { EAGAIN, libc, must } from "./libc.ts";

/** ioctl requests, flags. Source: linux/if_tun.h. */
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOFFLOAD = 0x400454d0;
const TUNSETVNETHDRSZ = 0x400454d8;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const OFFLOADS = 0x01 | 0x02 | 0x04; // checksum, TSO for IPv4, TSO for IPv6
const O_RDWR_NONBLOCK = 0o2 | 0o4000 | 0o2000000; // and close-on-exec

/** How a TAP device is opened. */
export interface TapOptions {
  /** At most 15 bytes; made if it is not there. */
  readonly name: string;
  /**
   * Frames come and go with a 10-byte `virtio_net_hdr` before them, checksums may be left to us, and TCP super-frames
   * of up to 64 KiB appear.
   * @defaultValue false
   */
  readonly vnetHeader?: boolean;
  /** Keep the device when this process ends, so that what is plugged into it sees no link change. @defaultValue false */
  readonly persist?: boolean;
}

/** An open TAP device. */
export interface Tap {
  readonly fd: number;
  readonly name: string;
  /** Reads one frame into `buffer`; its length, or 0 when there is none now. Never blocks. */
  read(buffer: Uint8Array): number;
  /** Writes one frame; false when the device does not take it (it is down, or full). */
  write(buffer: Uint8Array): boolean;
  /** Idempotent. */
  close(): void;
}

/** Opens a TAP device. @throws DatapathError DATAPATH_SYSCALL, DATAPATH_NO_FFI, DATAPATH_BAD_INPUT */
export function openTap({ name, vnetHeader = false, persist = false }: TapOptions): Tap {
  const c = libc();
  if (name.length === 0 || name.length > 15)
    throw new DatapathError("DATAPATH_BAD_INPUT", `"${name}" is not a device name`);
  const fd = must(c.open("/dev/net/tun", O_RDWR_NONBLOCK), "open /dev/net/tun");
  try {
    const request = Buffer.alloc(40);
    request.write(name, "latin1");
    request.writeUInt16LE(IFF_TAP | IFF_NO_PI | (vnetHeader ? IFF_VNET_HDR : 0), 16);
    must(c.ioctl(fd, TUNSETIFF, request), `TUNSETIFF ${name}`);
    if (vnetHeader) {
      const size = Buffer.alloc(4);
      size.writeInt32LE(VNET_BYTES);
      must(c.ioctl(fd, TUNSETVNETHDRSZ, size), "TUNSETVNETHDRSZ");
      must(ioctlValue(fd, TUNSETOFFLOAD, OFFLOADS), "TUNSETOFFLOAD");
    }
    must(ioctlValue(fd, TUNSETPERSIST, persist ? 1 : 0), "TUNSETPERSIST");
  } catch (error) {
    c.close(fd);
    throw error;
  }
  return openedTap(fd, name);
}

/** These two requests take a number where the prototype has a pointer. */
function ioctlValue(fd: number, request: number, value: number): number {
  return libc().ioctl(fd, request, value === 0 ? null : BigInt(value));
}

function openedTap(fd: number, name: string): Tap {
  const c = libc();
  let open = true;
  return {
    fd,
    name,
    read(buffer) {
      const n = c.read(fd, buffer, buffer.length);
      if (n < 0 && c.errno() !== EAGAIN) return 0;
      return Math.max(n, 0);
    },
    write: (buffer) => c.write(fd, buffer, buffer.length) === buffer.length,
    close() {
      if (open) c.close(fd);
      open = false;
    },
  };
}

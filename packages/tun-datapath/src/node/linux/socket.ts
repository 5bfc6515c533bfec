import { EADDRINUSE, libc, must, syscallError } from "./libc.ts";
import { putSockaddr, sockaddrAddress, sockaddrPort } from "./sockaddr.ts";

/** Option numbers. Sources: asm-generic/socket.h, linux/in.h, linux/udp.h. */
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const IPPROTO_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_MTU = 14;
const SOL_UDP = 17;
const UDP_GRO = 104;
const AF_INET = 2;
const SOCK_DGRAM_FLAGS = 2 | 0o4000 | 0o2000000; // datagrams, non-blocking, close-on-exec

/** Values of `IP_MTU_DISCOVER`: never set DF; always, and obey the path MTU; always, and ignore it. */
export const PMTU_DONT = 0;
export const PMTU_DO = 2;
export const PMTU_PROBE = 3;

/** How a UDP socket is opened. */
export interface UdpSocketOptions {
  /** Unsigned integer; 0 is any. */
  readonly address: number;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Let the kernel join arriving segments. @defaultValue false */
  readonly gro?: boolean;
  /** Bytes of either kernel buffer, as far as allowed. @defaultValue 4 MiB */
  readonly bufferBytes?: number;
}

/** An open UDP socket over IPv4. */
export interface UdpSocket {
  readonly fd: number;
  /** Where it is bound. */
  readonly address: number;
  readonly port: number;
  /** Whether the kernel joins arriving segments. */
  readonly gro: boolean;
}

/** Sets an integer option; whether the kernel took it. */
export function setOption(fd: number, level: number, name: number, value: number): boolean {
  const b = Buffer.alloc(4);
  b.writeInt32LE(value);
  return libc().setsockopt(fd, level, name, b, 4) === 0;
}

/** Whether no other socket of this network namespace is bound to a UDP port, even one that would share it. */
export function isPortFree(address: number, port: number): boolean {
  if (port === 0) return true;
  const c = libc();
  const fd = must(c.socket(AF_INET, SOCK_DGRAM_FLAGS, 0), "socket");
  const name = Buffer.alloc(16);
  putSockaddr(name, 0, address, port);
  const isFree = c.bind(fd, name, 16) === 0 || c.errno() !== EADDRINUSE;
  c.close(fd);
  return isFree;
}

/** Opens a UDP socket. @throws DatapathError DATAPATH_SYSCALL, DATAPATH_NO_FFI */
export function openUdpSocket({ address, port, gro = false, bufferBytes = 4 << 20 }: UdpSocketOptions): UdpSocket {
  const c = libc();
  const fd = must(c.socket(AF_INET, SOCK_DGRAM_FLAGS, 0), "socket");
  const name = Buffer.alloc(16);
  putSockaddr(name, 0, address, port);
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  // Only CAP_NET_ADMIN may pass the system's limit; without it take what is allowed.
  if (!setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, bufferBytes)) setOption(fd, SOL_SOCKET, SO_SNDBUF, bufferBytes);
  if (!setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes)) setOption(fd, SOL_SOCKET, SO_RCVBUF, bufferBytes);
  if (c.bind(fd, name, 16) < 0) {
    const error = syscallError(`bind UDP port ${port}`);
    c.close(fd);
    throw error;
  }
  const length = Buffer.from([16, 0, 0, 0]);
  must(c.getsockname(fd, name, length), "getsockname");
  const joined = gro && setOption(fd, SOL_UDP, UDP_GRO, 1);
  return { fd, address: sockaddrAddress(name, 0), port: sockaddrPort(name, 0), gro: joined };
}

/** Chooses whether packets carry "don't fragment". */
export function setPathMtuMode(fd: number, mode: number): void {
  setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, mode);
}

/** What the kernel believes of the path to an address: bytes of an IP packet, or undefined when there is no route. */
export function pathMtu(address: number, port: number): number | undefined {
  const c = libc();
  const fd = c.socket(AF_INET, SOCK_DGRAM_FLAGS, 0);
  if (fd < 0) return undefined;
  try {
    const name = Buffer.alloc(16);
    putSockaddr(name, 0, address, port);
    setPathMtuMode(fd, PMTU_DO);
    const value = Buffer.alloc(4);
    if (c.connect(fd, name, 16) < 0) return undefined;
    return c.getsockopt(fd, IPPROTO_IP, IP_MTU, value, Buffer.from([4, 0, 0, 0])) < 0 ? undefined : value.readInt32LE();
  } finally {
    c.close(fd);
  }
}

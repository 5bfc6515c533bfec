/**
 * Raw frames of an interface, for tests: `listen IF` prints what comes in as lines of hexadecimal digits, after the line "ready";
 * `send IF` sends each line of its input. Run in the namespace of the interface.
 */
import { createInterface } from "node:readline";
import koffi from "koffi";

const AF_PACKET = 17;
const SOCK_RAW = 3;
/** Every protocol, in network order. */
const ETH_P_ALL = 0x0300;
const PACKET_OUTGOING = 4;

const libc = koffi.load("libc.so.6");
const socket = libc.func("int socket(int, int, int)");
const bind = libc.func("int bind(int, const uint8_t *, uint32_t)");
const send = libc.func("long send(int, const uint8_t *, size_t, int)");
const indexOf = libc.func("uint32_t if_nametoindex(const char *)");
const receive = libc.func("long recvfrom(int, _Out_ uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)");

const [verb, ifname] = process.argv.slice(2);
const fd = socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
const address = Buffer.alloc(20);
address.writeUInt16LE(AF_PACKET, 0);
address.writeUInt16LE(ETH_P_ALL, 2);
const index = indexOf(ifname);
address.writeUInt32LE(index, 4);
if (fd < 0 || index === 0 || bind(fd, address, address.length) < 0) throw new Error(`cannot open ${ifname}`);
console.log("ready");

if (verb === "send") {
  for await (const line of createInterface({ input: process.stdin })) {
    const frame = Buffer.from(line, "hex");
    send(fd, frame, frame.length, 0);
  }
} else {
  const frame = Buffer.alloc(65536);
  const from = Buffer.alloc(20);
  const next = () => {
    const size = [from.length];
    receive.async(fd, frame, frame.length, 0, from, size, (error, length) => {
      if (error || length < 0) process.exit(1);
      // sockaddr_ll: the kind of packet is its eleventh byte.
      if (from[10] !== PACKET_OUTGOING) console.log(frame.subarray(0, length).toString("hex"));
      next();
    });
  };
  next();
}

import { createServer, connect, type Socket } from "node:net";
import { startDatapath } from "../../src/node/datapath.ts";
import type { OverlayConnection, OverlayLink, PeerName } from "../../src/types.ts";
import type { OverlayName } from "../../src/node/api.ts";

/** A data path with the smallest stand-in for a mesh: JSON lines over TCP, star or chain routes by direct links. */
interface Options {
  readonly name: number;
  readonly dial?: readonly string[];
  readonly key?: string;
  readonly overlays?: string;
  readonly mtu?: number;
}
const options = JSON.parse(process.argv[2] as string) as Options;
const datapath = await startDatapath({
  name: options.name,
  device: { kind: "tap", name: "vethwe-tap", bridge: "weave" },
  ...(options.overlays ? { overlays: options.overlays.split(" ") as OverlayName[] } : {}),
  ...(options.mtu ? { mtu: options.mtu } : {}),
  logger: { debug() {}, info() {}, warn: console.error, error: console.error },
});
const uid = BigInt(Math.floor(Math.random() * 2 ** 48));
const established = new Set<PeerName>();

function routes(): void {
  const direct = [...established];
  datapath.setRoutes({
    unicast: new Map([[options.name, 0], ...direct.map((p): [number, number] => [p, p])]),
    broadcast: new Map([[options.name, direct]]),
  });
}

function serve(socket: Socket, outbound: boolean): void {
  const connectionId = BigInt(Math.floor(Math.random() * 2 ** 48));
  let connection: OverlayConnection | undefined;
  let peer = 0;
  const send = (message: object): void => void socket.write(`${JSON.stringify(message)}\n`);
  send({ hello: { name: options.name, id: String(connectionId), features: { Overlays: datapath.overlay.names, ...datapath.overlay.features } } });
  let rest = "";
  const gone = (): void => {
    connection?.stop();
    connection = undefined;
    established.delete(peer);
    routes();
  };
  socket.setNoDelay();
  socket.on("close", () => {
    gone();
    const again = (socket as Socket & { again?: () => void }).again;
    if (again) setTimeout(again, 300);
  });
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    rest += chunk.toString();
    const lines = rest.split("\n");
    rest = lines.pop() as string;
    for (const line of lines) onLine(JSON.parse(line));
  });
  function onLine(message: { hello?: { name: number; id: string; features: Record<string, string> }; tag?: number; payload?: string }): void {
    if (message.hello) {
      peer = message.hello.name;
      const link: OverlayLink = {
        peer: { name: peer, nickname: "", uid },
        connectionUid: BigInt(message.hello.id) ^ connectionId,
        outbound,
        local: { address: socket.localAddress as string, port: 6783 },
        remote: { address: socket.remoteAddress as string, port: outbound ? (socket.remotePort as number) : 6783 },
        ...(options.key ? { sessionKey: new Uint8Array(Buffer.from(options.key, "hex")) } : {}),
        remoteFeatures: message.hello.features,
        sendControl: (tag, payload) => send({ tag, payload: Buffer.from(payload).toString("hex") }),
        onEstablished() {
          established.add(peer);
          routes();
        },
        onError: () => socket.destroy(),
      };
      connection = datapath.overlay.prepare(link);
      connection.confirm();
    } else if (message.tag !== undefined) connection?.onControl(message.tag, new Uint8Array(Buffer.from(message.payload as string, "hex")));
  }
}

createServer((socket) => serve(socket, false)).listen(6783);
function dial(address: string): void {
  const socket = connect(6783, address, () => serve(socket, true)) as Socket & { again?: () => void };
  socket.again = () => dial(address);
  socket.once("error", () => {
    if (socket.listenerCount("data") === 0) setTimeout(() => dial(address), 300);
  });
}
for (const address of options.dial ?? []) dial(address);
process.on("message", (message: { id?: number; stop?: boolean; owners?: [] }) => {
  if (message.owners) datapath.setAddressOwners(message.owners);
  if (message.stop) void datapath.close().then(() => process.exit(0));
  else if (message.id !== undefined) {
    void datapath.refresh().then((status) => process.send?.({ id: message.id, status, memory: process.memoryUsage() }));
  }
});
process.send?.({ ready: true });

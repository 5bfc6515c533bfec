import { startMesh } from "../../../gossip-mesh/src/node/index.ts";
import type { OverlayName } from "../../src/node/api.ts";
import { startDatapath } from "../../src/node/datapath.ts";
import type { OwnedRange } from "../../src/types.ts";

/** A data path with a real mesh beside it, told what to do by messages. Used by host tests, benchmarks. */
interface Options {
  readonly name: number;
  readonly dial?: readonly string[];
  readonly password?: string;
  readonly overlays?: string;
  readonly mtu?: number;
  readonly discovery?: boolean;
  /** Subnets within which links of a network with a password are plaintext. */
  readonly trusted?: readonly string[];
}

const options = JSON.parse(process.argv[2] as string) as Options;
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const datapath = await startDatapath({
  name: options.name,
  device: { kind: "tap", name: "vethwe-tap", bridge: "weave" },
  ...(options.overlays ? { overlays: options.overlays.split(" ") as OverlayName[] } : {}),
  ...(options.mtu ? { mtu: options.mtu } : {}),
  plaintext: !options.password ? "allowed" : options.trusted ? "trusted" : "never",
  logger,
});
const mesh = await startMesh({
  name: options.name,
  nickname: `host-${options.name % 256}`,
  overlay: datapath.overlay,
  discovery: options.discovery ?? true,
  ...(options.password ? { password: options.password } : {}),
  ...(options.trusted ? { trustedSubnets: options.trusted } : {}),
});
mesh.onRoutesChanged(() => datapath.setRoutes(mesh.routes()));
mesh.onPeerGone((peer) => datapath.forgetPeer(peer.name));
datapath.setRoutes(mesh.routes());
await mesh.connect(options.dial ?? []);

async function onMessage(message: { id?: number; stop?: boolean; owners?: OwnedRange[] }): Promise<void> {
  if (message.owners) datapath.setAddressOwners(message.owners);
  if (message.stop) {
    await mesh.close();
    await datapath.close();
    process.exit(0);
  }
  if (message.id === undefined) return;
  const status = await datapath.refresh();
  const connections = mesh.status().connections.map(({ address, state, info }) => ({ address, state, info }));
  process.send?.({ id: message.id, status: { ...status, connections, rss: process.memoryUsage().rss } });
}
process.on("message", (message) => void onMessage(message as object));
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: true });

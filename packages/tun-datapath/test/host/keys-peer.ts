import { readFileSync } from "node:fs";
import { startDatapath } from "../../src/node/datapath.ts";
import type { OverlayConnection } from "../../src/types.ts";

/**
 * A data path with encrypted links, whose session keys come from a file. The file has each byte changed by 0xa5, so that no key is in
 * the memory of this process except where the data path puts it.
 */
const KEY_BYTES = 32;
const masked = readFileSync(process.argv[2] as string);
const datapath = await startDatapath({
  name: 0x0a0000000001,
  device: { kind: "tap", name: "vethwe-tap", bridge: "weave" },
  plaintext: "never",
});

/** Keys lie outside of the engine's heap, like those of the mesh. */
const keys = Array.from({ length: masked.length / KEY_BYTES }, (_, k) => {
  const key = new Uint8Array(new ArrayBuffer(KEY_BYTES));
  for (let i = 0; i < KEY_BYTES; i++) key[i] = (masked[k * KEY_BYTES + i] as number) ^ 0xa5;
  return key;
});
const connections: OverlayConnection[] = keys.map((sessionKey, k) =>
  datapath.overlay.prepare({
    peer: { name: 0x0a0000000100 + k, nickname: `peer-${k}`, uid: BigInt(k) },
    connectionUid: BigInt(k + 1),
    outbound: true,
    local: { address: "127.0.0.1", port: 1 },
    remote: { address: "127.0.0.1", port: 9 },
    protection: "encrypted",
    sessionKey,
    remoteFeatures: { Overlays: "sleeve-gso sleeve" },
    sendControl() {},
    onEstablished() {},
    onError() {},
  }),
);
for (const connection of connections) connection.confirm();
await datapath.refresh();
process.on("message", (message: { end?: boolean }) => {
  if (!message.end) return void datapath.close().then(() => process.exit(0));
  for (const connection of connections) connection.stop();
  for (const key of keys) key.fill(0);
  void datapath.refresh().then(() => process.send?.("ended"));
});
process.on("disconnect", () => process.exit(0));
process.send?.("links");

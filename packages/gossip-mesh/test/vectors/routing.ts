import assert from "node:assert/strict";
import type { VectorSuite } from "../../../../test/vectors/suite.ts";
import { formatPeerName, parsePeerName } from "../../src/peer-name.ts";
import { broadcastHops, searchPaths } from "../../src/routing/paths.ts";
import { type JsonPeer, recordOf } from "./topology.ts";

/** Routes over topologies that all peers agree on. */
export const routingVectors: VectorSuite = {
  file: "routing.json",
  kinds: {
    routes({ input, expected }) {
      const records = (input.peers as JsonPeer[]).map(recordOf);
      const graph = new Map(records.map((record) => [record.name, record]));
      for (const [text, tables] of Object.entries(expected as Record<string, Record<string, object>>)) {
        const self = parsePeerName(text);
        const unicast = (rule: "all" | "established") =>
          Object.fromEntries([...searchPaths(graph, self, rule)].map((pair) => pair.map(formatPeerName)));
        const broadcast = (rule: "all" | "established") =>
          Object.fromEntries(
            records.map(({ name }) => [
              formatPeerName(name),
              broadcastHops(graph, self, name, rule).map(formatPeerName).sort(),
            ]),
          );
        assert.deepEqual(unicast("established"), tables.unicast, `unicast of ${text}`);
        assert.deepEqual(unicast("all"), tables.unicastAll, `unicastAll of ${text}`);
        assert.deepEqual(broadcast("established"), tables.broadcast, `broadcast of ${text}`);
        assert.deepEqual(broadcast("all"), tables.broadcastAll, `broadcastAll of ${text}`);
      }
    },
  },
};

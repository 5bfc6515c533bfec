import { deepStrictEqual, strictEqual } from "node:assert";
import type { VectorCase, VectorSuite } from "../../../../test/vectors/suite.ts";
import { fromHex } from "../../../../test/vectors/suite.ts";
import { statusText, subReports } from "../../src/report/status-text.ts";

/** Template names of the original, by the sub-report of ours that writes the same text. */
const templates: Readonly<Record<string, string>> = {
  targetsTemplate: "targets",
  connectionsTemplate: "connections",
  peers: "peers",
  peersTemplate: "peers",
  dnsEntries: "dns",
  dnsEntriesTemplate: "dns",
  ipamTemplate: "ipam",
};

function checkStatusText({ input, expected }: VectorCase): void {
  const { template, status } = input;
  const report = { Router: null, IPAM: null, DNS: null, Proxy: null, Plugin: null, ...status };
  const sub = subReports[templates[template] ?? template];
  strictEqual(template === "status" ? statusText(report) : sub?.(report), expected.text);
}

/** Golden vectors of the control interface. */
export const httpApiSuite: VectorSuite = { file: "http-api.json", kinds: { "status-text": checkStatusText } };
void deepStrictEqual;
void fromHex;

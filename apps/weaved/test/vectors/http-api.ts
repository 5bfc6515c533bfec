import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { createNames } from "@weaved/dns-lb";
import { createMesh, formatPeerName } from "@weaved/gossip-mesh";
import { createMemoryNetwork } from "@weaved/gossip-mesh/testing";
import { ALLOCATION_CHANNEL, createAllocator } from "@weaved/ipam-ring";
import type { VectorCase, VectorSuite } from "../../../../test/vectors/suite.ts";
import { dnsPort, dnsReport } from "../../src/adapters/dns.ts";
import { ipamPort, ipamReport } from "../../src/adapters/ipam.ts";
import { routerPort, routerReport } from "../../src/adapters/router.ts";
import { controlApp } from "../../src/http/app.ts";
import { noVersionCheck, type Report } from "../../src/report/report.ts";
import { statusText, subReports } from "../../src/report/status-text.ts";

/** Template names of the original, by the sub-report of ours that writes the same text. */
const templates: Readonly<Record<string, string>> = {
  targetsTemplate: "targets",
  connectionsTemplate: "connections",
  peersTemplate: "peers",
  dnsEntries: "dns",
  dnsEntriesTemplate: "dns",
  ipamTemplate: "ipam",
};

function checkStatusText({ input, expected }: VectorCase): void {
  const { template, status } = input;
  const report = { Router: null, IPAM: null, DNS: null, Proxy: null, Plugin: null, ...status };
  const name = templates[template] ?? template;
  const text = name === "status" ? statusText(report) : subReports[name]?.(report);
  if (name === "ipam") deepStrictEqual(text?.split("\n").sort(), expected.text.split("\n").sort());
  else strictEqual(text, expected.text);
}

const clock = { now: () => performance.now(), after: (ms: number, fn: () => void) => timer(ms, fn) };

function timer(ms: number, fn: () => void): () => void {
  const handle = setTimeout(fn, ms).unref();
  return () => clearTimeout(handle);
}

/** The fresh router the vectors were recorded from: real packages, no network, no Docker. */
async function startRouter(ready: boolean) {
  const transport = createMemoryNetwork({ clock }).transport("127.0.0.1");
  const mesh = createMesh(
    { name: 1, nickname: "host1", uid: 1001n, discovery: false },
    { clock, random: Math.random, transport },
  );
  const ipam = await createAllocator({
    name: 1,
    uid: 1001n,
    nickname: "host1",
    universe: "10.32.0.0/12",
    defaultSubnet: "10.32.1.0/24",
    init: { kind: "consensus", peers: 1, guess: () => 1 },
    clock,
    random: Math.random,
    store: { load: async () => undefined, save: async () => {} },
    isKnownPeer: (peer) => mesh.knows(peer),
  });
  ipam.attach(mesh.openChannel(ALLOCATION_CHANNEL, ipam.gossip));
  ipam.start();
  const names = createNames({
    self: 1,
    clock,
    wallClock: () => Math.floor(Date.now() / 1000),
    isKnownPeer: (peer) => mesh.knows(peer),
  });
  const listener = { address: "127.0.0.1", port: 0, ttl: 1, upstreams: () => ["8.8.8.8"] };
  const report = (): Report => ({
    Ready: ready,
    Version: "2.8.1",
    VersionCheck: noVersionCheck,
    Router: routerReport(mesh.status(), undefined),
    IPAM: ipamReport(ipam),
    DNS: dnsReport(names, listener, formatPeerName),
    Proxy: null,
    Plugin: null,
  });
  const app = controlApp({
    ipam: ipamPort(ipam, ""),
    dns: dnsPort(names, listener),
    router: routerPort(mesh, () => {}),
    host: { exposeAt: () => Promise.reject(new Error("no host here")) },
    isAlive: async () => true,
    report,
    metrics: async () => "",
  });
  const close = () => {
    ipam.close();
    names.close();
    mesh.close();
  };
  return { app, close };
}

async function checkSequence({ name, input, expected, order }: VectorCase): Promise<void> {
  const { app, close } = await startRouter(!name.includes("not-ready"));
  try {
    for (const [index, step] of input.steps.entries()) {
      const headers: Record<string, string> = { ...step.headers, ...(step.accept && { accept: step.accept }) };
      if (step.form) headers["content-type"] = "application/x-www-form-urlencoded";
      const init = { method: step.method, headers, ...(step.form && { body: step.form }) };
      const response = await app.request(step.path, init);
      checkResponse(`${step.method} ${step.path}`, await shape(response), expected.responses[index], order);
    }
  } finally {
    close();
  }
}

interface Answer {
  status: number;
  contentType: string;
  body: string;
}

async function shape(response: Response): Promise<Answer> {
  return {
    status: response.status,
    contentType: response.headers.get("content-type") ?? "",
    body: await response.text(),
  };
}

/** Codes, types, and bodies of successes are fixed. Error texts are informative: one line that is there is enough. */
function checkResponse(what: string, actual: Answer, expected: Answer, order: string | undefined): void {
  strictEqual(actual.status, expected.status, `${what}: status ${actual.status}, body ${actual.body}`);
  strictEqual(actual.contentType, expected.contentType, `${what}: content type`);
  if (actual.status >= 400 && actual.status !== 503) {
    ok(/^[^\n]+\n$/.test(actual.body), `${what}: an error is one line, not ${JSON.stringify(actual.body)}`);
  } else if (order === "any" && actual.contentType === "application/json") {
    deepStrictEqual(sortedLists(JSON.parse(actual.body)), sortedLists(JSON.parse(expected.body)), what);
  } else strictEqual(actual.body, expected.body, what);
}

/** Go hands out map entries in any order. */
function sortedLists(value: unknown): unknown {
  if (Array.isArray(value))
    return value.map(sortedLists).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, sortedLists(item)]));
}

/** Golden vectors of the control interface. */
export const httpApiSuite: VectorSuite = {
  file: "http-api.json",
  kinds: { "status-text": checkStatusText, "http-sequence": checkSequence },
};

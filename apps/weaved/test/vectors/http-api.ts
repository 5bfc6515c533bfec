import { deepStrictEqual, ok, strictEqual } from "node:assert";
import type { VectorCase, VectorSuite } from "../../../../test/vectors/suite.ts";
import { statusText, subReports } from "../../src/diagnostics/status-text.ts";
import { startRouter } from "../router.ts";

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
  if (actual.status === 405) strictEqual(actual.body, expected.body, `${what}: body`);
  else if (actual.status >= 400 && actual.status !== 503) {
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

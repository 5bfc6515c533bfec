import { seededRandom } from "@weaved/sim";
import { describe, expect, it } from "vitest";
import { parseDocuments } from "../src/documents/index.ts";
import { PolicyError, readDocument, Selector } from "../src/index.ts";

/** `RUNS=10000000` for a soak, `SEED=n` to repeat one run. */
const RUNS = Number(process.env.RUNS ?? 3000);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

const SELECTORS = [
  "app == 'web' && !has(env) || (tier in {'a', \"b\"} && name starts with 'x')",
  "has(projectcalico.org/name) && a not in {'b','c'} || !(b contains 'q' && c ends with 'z') && global()",
  "all()",
];
const PIECES = [
  ..."()!&|={}'\", \tab",
  "&&",
  "||",
  "==",
  "!=",
  "in",
  "not in",
  "has(",
  "all()",
  "starts with",
  "é",
  "\n",
  "\u0000",
];

const DOCUMENTS: readonly object[] = [
  {
    name: "p",
    order: 10,
    selector: "app == 'db'",
    types: ["ingress"],
    ingress: [
      {
        action: "allow",
        protocol: "tcp",
        from: { selector: "app == 'web'", nets: ["10.0.0.0/8"] },
        ports: [80, "90:99", "http"],
      },
    ],
    egress: [{ action: "deny", protocol: "icmp", icmp: { type: 8, code: 0 } }],
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "k", namespace: "x", labels: { a: "b" } },
    spec: {
      podSelector: { matchLabels: { a: "b" }, matchExpressions: [{ key: "c", operator: "In", values: ["d"] }] },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [{ podSelector: {} }, { ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }],
          ports: [{ port: 80, endPort: 90 }],
        },
      ],
      egress: [{ to: [{ namespaceSelector: {} }], ports: [{ port: "http", protocol: "UDP" }] }],
    },
  },
  {
    apiVersion: "projectcalico.org/v3",
    kind: "GlobalNetworkPolicy",
    metadata: { name: "g" },
    spec: {
      tier: "t",
      order: 5.5,
      selector: "all()",
      namespaceSelector: "has(x)",
      types: ["Ingress"],
      ingress: [
        {
          action: "Pass",
          protocol: 6,
          ipVersion: 4,
          source: { notSelector: "a == 'b'", notNets: ["fd00::/8"], notPorts: [1] },
          destination: { ports: ["80:90"] },
        },
      ],
    },
  },
];

describe("selectors and documents of any form", () => {
  it(`give a value or a PolicyError that points into the selector (SEED=${SEED})`, () => {
    const random = seededRandom(SEED);
    const outcomes = { value: 0, error: 0 };
    for (let i = 0; i < RUNS; i++) {
      const text = mutateText(SELECTORS[i % SELECTORS.length]!, random);
      const error = outcomeOf(() => Selector.parse(Selector.parse(text).text));
      outcomes[error ? "error" : "value"]++;
      if (error && !(error.offset! <= text.length)) throw new Error(`no place in ${JSON.stringify(text)}`);
    }
    expect(Math.min(outcomes.value, outcomes.error)).toBeGreaterThan(RUNS / 100);
  });

  it(`give a value or a PolicyError that names a field (SEED=${SEED})`, () => {
    const random = seededRandom(SEED + 1);
    const outcomes = { value: 0, error: 0 };
    for (let i = 0; i < RUNS; i++) {
      const document = mutateValue(DOCUMENTS[i % DOCUMENTS.length], random, 3);
      const error = outcomeOf(() => readDocument(document));
      outcomes[error ? "error" : "value"]++;
      if (error && !error.path) throw new Error(`no field named for ${JSON.stringify(document)}`);
    }
    expect(Math.min(outcomes.value, outcomes.error)).toBeGreaterThan(RUNS / 100);
  });

  it(`give documents or problems with a place, as text (SEED=${SEED})`, () => {
    const random = seededRandom(SEED + 2);
    for (let i = 0; i < RUNS / 20; i++) {
      const text = mutateText(JSON.stringify(DOCUMENTS[i % DOCUMENTS.length], null, i % 2), random);
      const { problems } = parseDocuments(text);
      for (const problem of problems) expect(problem.text, text).toMatch(/^input:\d+:\d+: [^\n]+$/);
    }
  });

  it("cost time in proportion to their length, in the worst forms too", () => {
    const forms = [
      "(".repeat(100),
      "!",
      "a == 'b' && ",
      "a in {'b', ",
      "has(",
      "'",
      "a not ",
      " ",
      "a starts ",
      "x".repeat(50),
    ];
    const cost = (length: number) => {
      const texts = forms.map((form) => form.repeat(Math.ceil(length / form.length)).slice(0, length));
      const runs = Array.from({ length: 5 }, () => {
        const start = performance.now();
        for (const text of texts) outcomeOf(() => Selector.parse(text));
        return performance.now() - start;
      });
      return Math.min(...runs);
    };
    cost(16_384);
    // Sixteen times the length may cost sixteen times the time; a quadratic form would cost 256 times.
    expect(cost(16_384)).toBeLessThan(100 * Math.max(cost(1024), 0.1));
  });
});

function outcomeOf(run: () => unknown): PolicyError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
}

function mutateText(text: string, random: () => number): string {
  let result = text;
  for (let n = Math.floor(random() * 3); n >= 0; n--) {
    const at = Math.floor(random() * (result.length + 1));
    const gone = Math.floor(random() * 3);
    result = result.slice(0, at) + (random() < 0.7 ? pick(PIECES, random) : "") + result.slice(at + gone);
  }
  return result;
}

const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e9,
  "",
  "x",
  "80",
  "10.0.0.0/33",
  [],
  {},
  [null],
  { a: 1 },
  "__proto__",
  Number.NaN,
];

/** Replaces, removes, adds, or duplicates about one value of a document. */
function mutateValue(value: unknown, random: () => number, hunger: number): unknown {
  if (random() < 0.02 * hunger) return pick(ODD, random);
  if (Array.isArray(value)) {
    const list = value.map((item) => mutateValue(item, random, hunger));
    if (random() < 0.1) list.push(list[0], pick(ODD, random));
    return list;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(() => random() > 0.02);
  if (random() < 0.05)
    entries.push([pick(["extra", "__proto__", "serviceAccounts", "constructor"], random), pick(ODD, random)]);
  return Object.fromEntries(entries.map(([key, inner]) => [key, mutateValue(inner, random, hunger)]));
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)]!;
}

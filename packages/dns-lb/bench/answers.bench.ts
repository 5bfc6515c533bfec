/** The fast path against the plain one, on one name with ten addresses. Prints ratios; run by `npm run bench dns-lb`. */
import { Bench } from "tinybench";
import { createFastAnswers } from "../src/fast-answers.ts";
import { createNames } from "../src/names.ts";
import { createResponder } from "../src/responder.ts";
import { createStats } from "../src/stats.ts";
import { shuffle } from "../src/strategy.ts";

const clock = { now: () => 0, after: () => () => {} };
const names = createNames({ self: 1, clock, wallClock: () => 0, isKnownPeer: () => true });
for (let i = 1; i <= 10; i++) names.add("web.weave.local", `c${i}`, 0x0a200000 + i);
const shared = {
  names,
  random: Math.random,
  strategy: shuffle(),
  ttl: 1,
  dialect: "standard" as const,
  maxUdpBytes: 1232,
  stats: createStats(),
};
const responder = createResponder(shared);
const fast = createFastAnswers({ ...shared, view: undefined });
const query = Buffer.from("12340100000100000000000003776562057765617665056c6f63616c0000010001", "hex");
const out = new Uint8Array(4096);
const client = { address: 1, transport: "udp" } as const;

const bench = new Bench({ time: 1000 });
bench.add("plain", () => void responder.respond(query, client));
const slot = { message: query, start: 0, end: query.length, client: 1, out, outStart: 0, outEnd: out.length };
bench.add("fast", () => void fast.answer(slot));
await bench.run();
const [plain, quick] = bench.tasks.map((task) => (task.result as { throughput: { mean: number } }).throughput.mean);
console.log(
  `plain ${(1e6 / plain!).toFixed(2)} us an answer, fast ${(1e6 / quick!).toFixed(2)} us: ${(quick! / plain!).toFixed(1)} times as fast`,
);

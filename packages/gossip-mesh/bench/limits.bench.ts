/** Random meshes under random connection limits from 3: how many stay in one piece, how many keep to it. `[CASES] [SEED] [SECONDS]`. */
import { limitConnections } from "../test/support/scenarios.ts";

const [cases = "100", first = "1", secondsText = "60"] = process.argv.slice(2);
const end = Date.now() + Number(secondsText) * 1000;
const totals = { run: 0, onePiece: 0, withinLimit: 0 };
let seed = Number(first);
for (; totals.run < Number(cases) && Date.now() < end; seed++) {
  const { count, limit, onePiece, withinLimit } = await limitConnections(seed);
  totals.run++;
  if (onePiece) totals.onePiece++;
  if (withinLimit) totals.withinLimit++;
  if (!onePiece || !withinLimit)
    console.log(`seed ${seed}: ${count} peers, limit ${limit}, in one piece: ${onePiece}, within it: ${withinLimit}`);
}
console.log(
  `seeds ${first} to ${seed - 1}: ${totals.run} meshes, ${totals.onePiece} in one piece, ${totals.withinLimit} within the limit`,
);

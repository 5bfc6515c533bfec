/** `npm run measure`: see scripts/measure.mjs. Arguments: name and folder of each tree, in pairs. */
import { measureTree, type PackageMeasures, quantile } from "./tree.ts";

/** The rows of the table for one tree. */
function rows(all: readonly PackageMeasures[]): readonly (readonly [string, string])[] {
  const files = all.flatMap(({ sources }) => sources.map(({ lines }) => lines));
  const tests = all.flatMap((one) => one.tests.map(({ lines }) => lines));
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const functions = all.flatMap((one) => one.functions);
  const lengths = functions.map(({ lines }) => lines);
  const over = (limit: number) => lengths.filter((lines) => lines > limit).length;
  const largest = [...functions].sort((a, b) => b.lines - a.lines)[0];
  const circles = all.flatMap((one) => one.circles);
  const entries = all.flatMap((one) => one.entries).sort((a, b) => b.values.length - a.values.length);
  const hits = all.flatMap((one) => one.hits);
  const kinds = [...new Set(hits.map(({ name }) => name))].sort();
  const share = (count: number) => `${((100 * count) / lengths.length).toFixed(1)} %`;
  return [
    ["source lines, files", `${sum(files)}, ${files.length}`],
    ["file median / p90 / max", `${quantile(files, 0.5)} / ${quantile(files, 0.9)} / ${Math.max(...files)}`],
    ["functions", `${lengths.length}`],
    ["function median / p90 / p99", [0.5, 0.9, 0.99].map((at) => quantile(lengths, at)).join(" / ")],
    ["functions above 40 lines", `${over(40)} (${share(over(40))})`],
    ["functions above 80 lines", `${over(80)}`],
    ["longest function", `${largest?.name} ${largest?.lines}`],
    ["functions with more than 4 parameters", `${functions.filter(({ parameters }) => parameters > 4).length}`],
    ["circles of files", `${circles.length} (${sum(circles.map(({ length }) => length))} files)`],
    ["entries with more than 12 values", `${entries.filter(({ values }) => values.length > 12).length}`],
    ["largest entry", `${entries[0]?.entry} ${entries[0]?.values.length}`],
    ["test lines : source lines", (sum(tests) / sum(files)).toFixed(2)],
    ["patterns of language", `${hits.length}`],
    ...kinds.map((kind): [string, string] => [`  ${kind}`, `${hits.filter(({ name }) => name === kind).length}`]),
  ];
}

const trees = process.argv.slice(2);
const columns = Array.from({ length: trees.length / 2 }, (_, index) => ({
  name: trees[2 * index]!,
  rows: new Map(rows(measureTree(trees[2 * index + 1]!).packages)),
}));
const labels = [...new Set(columns.flatMap((column) => [...column.rows.keys()]))];
console.log(`| measure | ${columns.map(({ name }) => name).join(" | ")} |`);
console.log(`| --- | ${columns.map(() => "---").join(" | ")} |`);
for (const label of labels)
  console.log(`| ${label} | ${columns.map((one) => one.rows.get(label) ?? "0").join(" | ")} |`);

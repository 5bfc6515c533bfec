import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { features } from "./features.ts";

const host = fileURLToPath(new URL("./host", import.meta.url));

it("every feature of the original's own tests is shown by a test that exists, or has a reason", () => {
  const files = readdirSync(host, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".test.ts"));
  const sources = files.map((file) => readFileSync(join(host, file), "utf8")).join("\n");
  const lines = features.map(({ number, seen, tests, reason }) => {
    const missing = (tests ?? []).filter((title) => !sources.includes(title));
    expect(missing, `tests for ${number}`).toEqual([]);
    expect(tests === undefined, `${number} has either tests or a reason`).toBe(reason !== undefined);
    return `${String(number).padStart(3)}  ${seen.padEnd(44)} ${reason === undefined ? `"${tests?.[0]}"` : `- ${reason}`}`;
  });
  console.log(lines.join("\n"));
  const shown = features.filter(({ reason }) => reason === undefined).length;
  console.log(`${shown} shown by tests, ${features.length - shown} with a reason`);
});

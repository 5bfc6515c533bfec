/** Follows one README: its fences in order, a line of report for each. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseFences } from "./fences.mjs";
import { openPlaces } from "./places.mjs";

const limitMs = 15 * 60_000;

/** Commands that only CI's own run is for: half an hour each. */
const slow = /^(npm test|npx vitest run)\b/;

/**
 * @typedef {{ status: "ok" | "FAILED" | "skipped", line: number, title: string, why?: string, seconds?: number }} Line
 */

/**
 * @param {object} options
 * @param {string} options.folder of the README, relative to the checkout; empty for the root
 * @param {boolean} options.all follow the slow commands too
 * @param {object} options.world see openPlaces
 * @param {(closing: () => Promise<void>) => void} options.onOpen told how to end it early
 * @param {(line: Line) => void} options.report
 */
export async function followReadme({ folder, all, world, onOpen, report }) {
  const fences = parseFences(readFileSync(join(world.checkout, folder, "README.md"), "utf8"));
  const places = openPlaces(world, fences);
  onOpen(places.close);
  let broken = false;
  try {
    for (const fence of fences.filter(({ lang }) => ["sh", "ts", "json"].includes(lang))) {
      const line = { line: fence.line, title: titleOf(fence, all) };
      const start = performance.now();
      const why = broken ? "a fence above failed" : await places.why(fence);
      if (why !== undefined) {
        report({ ...line, status: "skipped", why });
        continue;
      }
      for (const skipped of all ? [] : slowLines(fence)) report(skipped);
      const problem = await followFence({ fence, folder, all, world, places });
      broken ||= problem !== undefined;
      const seconds = (performance.now() - start) / 1000;
      report({ ...line, status: problem === undefined ? "ok" : "FAILED", why: problem, seconds });
    }
  } finally {
    await places.close();
  }
}

function titleOf({ lang, code, file }, all) {
  if (lang === "ts") return "the example";
  if (lang === "json") return file ?? "JSON";
  const isCommand = (line) => line.trim() !== "" && !line.startsWith("#");
  const lines = commands(code, all).split("\n").filter(isCommand);
  if (lines.length === 0) return "nothing but what is skipped";
  const first = lines[0].replace(/\s{2,}#.*$/, "");
  return lines.length === 1 ? first : `${first} (and ${lines.length - 1} more)`;
}

function slowLines({ lang, code, line }) {
  if (lang !== "sh") return [];
  const why = "it is what CI runs; --all runs it here";
  const of = (text, index) => ({
    status: "skipped",
    line: line + 1 + index,
    title: text.replace(/\s{2,}#.*$/, ""),
    why,
  });
  return code.split("\n").flatMap((text, index) => (slow.test(text) ? [of(text, index)] : []));
}

/** @returns {Promise<string | undefined>} what is wrong */
async function followFence({ fence, folder, all, world, places }) {
  if (fence.lang === "json") return saveJson(fence, places.project);
  if (fence.lang === "sh") return runIn(places, fence, commands(fence.code, all));
  // Inside the package or project, so that names resolve as they do for a reader.
  const file = join(world.registry === undefined ? join(world.checkout, folder) : places.project, "readme-example.mts");
  writeFileSync(file, fence.code);
  try {
    return await runIn(places, fence, `node ${typescript(world.checkout)}${file}\n`);
  } finally {
    rmSync(file);
  }
}

async function runIn(places, fence, code) {
  const expected = fence.output?.trim();
  for (const shell of await places.shells(fence)) {
    const outcome = await shell.run(code, limitMs);
    if (!outcome.ok) return failure(fence, code, outcome);
    const printed = outcome.out.trim();
    if (expected !== undefined && printed !== expected) return `it should print\n${expected}\nbut prints\n${printed}`;
  }
}

function saveJson({ code, file }, project) {
  try {
    JSON.parse(code);
  } catch (error) {
    return error.message;
  }
  if (file !== undefined) writeFileSync(join(project, file), code);
}

/** Lines that are left out stay as comments, so that line numbers hold. */
function commands(code, all) {
  const kept = code.split("\n").map((line) => (!all && slow.test(line) ? `# ${line}` : line));
  return kept.join("\n");
}

/** Node's flags: it takes types from 22.18 on, `await using` from 24 on; before, tsx does both. */
function typescript(checkout) {
  if (Number(process.versions.node.split(".")[0]) >= 24) return "";
  return `--import ${pathToFileURL(join(checkout, "node_modules/tsx/dist/loader.mjs")).href} `;
}

/** Which line, and the end of what was said: a fence may print a lot before. */
function failure(fence, code, { line, out, err }) {
  const where = fence.lang === "sh" && line !== undefined;
  const named = where ? [`line ${fence.line + line}: ${code.split("\n")[line - 1]}`] : [];
  return [...named, ...`${out}${err}`.trimEnd().split("\n").slice(-15)].join("\n");
}

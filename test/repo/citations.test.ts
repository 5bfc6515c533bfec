import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { read, root, trackedFiles } from "./tree.ts";

const texts = trackedFiles().filter((path) => /\.(?:[cm]?ts|mjs|md)$/.test(path) && !path.startsWith("test/repo/"));
const lines = texts.flatMap((path) =>
  read(path)
    .split("\n")
    .map((text, index) => ({ path, text, line: index + 1 })),
);

/** Names of the anchors of a document: explicit ones, and those of headings as code hosts make them. */
function anchorsOf(path: string): Set<string> {
  const text = read(path);
  const explicit = [...text.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1]!);
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set([...explicit, ...headings]);
}

/** What is wrong with a reference to a file, relative to the root. */
function problem(file: string, anchor: string | undefined): string | undefined {
  if (!existsSync(join(root, file))) return `${file} does not exist`;
  if (anchor !== undefined && !anchorsOf(file).has(anchor)) return `${file} has no section ${anchor}`;
  return;
}

/** Citations in the form that this repository had before docs/protocol. */
const oldForm = /\b(?:protocol )?notes,? (?:section )?\d+(?:\.\d+)?|\bprotocol notes\b|: notes, \d/;

describe("citations", () => {
  it("of docs/ lead to a file and a section that exist", () => {
    const cited = lines.flatMap(({ path, text, line }) =>
      [...text.matchAll(/\bdocs\/(?:protocol|decisions)\/[\w-]+\.md(?:#([\w.-]*\w))?/g)].map((match) => ({
        where: `${path}:${line}`,
        problem: problem(match[0].split("#")[0]!, match[1]),
      })),
    );
    expect(cited.filter((one) => one.problem !== undefined)).toEqual([]);
  });

  it("in Markdown links lead to files and sections of this repository", () => {
    const links = lines
      .filter(({ path }) => path.endsWith(".md"))
      .flatMap(({ path, text, line }) =>
        [...text.matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map((match) => {
          const file = match[1] === "" ? path : normalize(join(dirname(path), match[1]!));
          return { where: `${path}:${line}`, problem: problem(file, file.endsWith(".md") ? match[2] : undefined) };
        }),
      );
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((one) => one.problem !== undefined)).toEqual([]);
  });

  it("of documents that are not in this repository do not exist", () => {
    const old = lines.filter(({ text }) => oldForm.test(text)).map(({ path, line }) => `${path}:${line}`);
    expect(old).toEqual([]);
  });
});

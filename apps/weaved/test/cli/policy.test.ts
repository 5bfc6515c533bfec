import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "weave-policy-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
  process.exitCode = 0;
});

const write = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

async function weave(...argv: string[]) {
  process.exitCode = 0;
  const out = { stdout: "", stderr: "" };
  const code = await runProgram(argv, {
    env: {},
    write: (text) => {
      out.stdout += text;
    },
    writeError: (text) => {
      out.stderr += text;
    },
  });
  return { code, ...out };
}

const DB = `
name: db
selector: app == 'db'
ingress: [{ action: allow, protocol: tcp, from: { selector: "app == 'web'" }, ports: [5432] }]
`;
const TESTS = `
endpoints:
  - { name: web, labels: { app: web }, addresses: [10.32.0.1] }
  - { name: db, labels: { app: db }, addresses: [10.32.0.2] }
tests:
  - { name: web to db, from: web, to: db, port: 5432/tcp, expect: allow }
  - { name: db to web, from: db, to: web, port: 80/tcp, expect: deny }
`;

describe("weave policy test", () => {
  it("prints each verdict with what decided, and fails when one is not as expected", async () => {
    write("db.yaml", DB);
    const result = await weave("policy", "test", write("tests.txt", TESTS), "--policies", dir);
    expect(result).toEqual({
      code: 1,
      stderr: "",
      stdout: [
        "ok     web to db: allowed by no policy (egress) and Policy db ingress 0 (ingress)",
        "FAILED db to web: allowed by no policy (egress) and no policy (ingress)",
        "1 passed, 1 failed",
        "",
      ].join("\n"),
    });
  });

  it("counts staged policies as enforced with --staged", async () => {
    write("db.yaml", `${DB}---\n{name: quiet, mode: staged, selector: app == 'web'}`);
    const result = await weave("policy", "test", write("tests.txt", TESTS), "--policies", dir, "--staged");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toContain("2 passed, 0 failed");
  });
});

describe("weave policy check", () => {
  it("refuses a file with the file, line, column, policy, and field of every problem", async () => {
    const file = write("bad.yaml", DB.replace("'db'", "'db"));
    const result = await weave("policy", "check", file);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr.split("\n")).toEqual([
      `weave: ${file}:3:18: db: selector: character 8 of the selector: the value has no closing '`,
      "weave: the policy files have 1 problem; correct them first",
      "",
    ]);
  });

  it("names what is probably not meant, and succeeds", async () => {
    write("a.yaml", "{name: a, selector: all(), types: [ingress], egress: [{action: allow}]}");
    const result = await weave("policy", "check", dir);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toBe(
      "Policy a: its egress rules have no effect; add egress to its types\nvalid: 1 document\n",
    );
  });

  it("refuses a path that does not exist, and two policies of one name", async () => {
    expect(await weave("policy", "check", join(dir, "none"))).toMatchObject({
      code: 1,
      stderr: `weave: ${join(dir, "none")}: the file does not exist\nweave: the policy files have 1 problem; correct them first\n`,
    });
    write("a.yaml", `${DB}---\n${DB}`);
    expect(await weave("policy", "check", dir)).toMatchObject({
      code: 1,
      stderr: "weave: there are two policies Policy db; remove one\n",
    });
  });
});

describe("weave policy list", () => {
  it("lists policies in the order in which they are asked", async () => {
    write(
      "db.yaml",
      `${DB}---\n{name: first, order: 5, selector: all()}\n---\n{name: later, mode: staged, selector: all()}`,
    );
    const { stdout } = await weave("policy", "list", dir);
    expect(stdout.split("\n").map((line) => line.split(/\s+/).slice(0, 4).join(" "))).toEqual([
      "TIER ORDER KIND NAME",
      "operator 5 Policy first",
      "default 1000 Policy db",
      "default 1000 Policy later",
      "",
    ]);
    expect(JSON.parse((await weave("policy", "list", dir, "--json")).stdout)).toHaveLength(3);
  });
});

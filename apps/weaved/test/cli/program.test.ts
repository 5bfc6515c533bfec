import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../../src/cli/program.ts";
import { type Listening, listen } from "../../src/http/listen.ts";
import { startRouter } from "../router.ts";

let dir: string;
let router: Awaited<ReturnType<typeof startRouter>>;
let listening: Listening;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "weave-cli-"));
  router = await startRouter(true);
  listening = await listen(router.app, join(dir, "control.sock"));
});
afterAll(async () => {
  await listening.close();
  router.close();
  rmSync(dir, { recursive: true });
});

/** Runs `weave ...` against the router. */
async function weave(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  return weaveWith({ WEAVE_HTTP_ADDR: join(dir, "control.sock") }, ...argv);
}

async function weaveWith(
  env: Record<string, string>,
  ...argv: string[]
): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runProgram(argv, {
    env,
    write: (text) => {
      out += text;
    },
    writeError: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

describe("weave, against a real control interface", () => {
  it("keeps the control socket to its owner", () => {
    expect(statSync(join(dir, "control.sock")).mode & 0o777).toBe(0o600);
  });

  it("connects, lists, replaces and forgets targets", async () => {
    await weave("connect", "127.0.0.1:1", "127.0.0.2");
    expect((await weave("status", "targets")).out).toBe("127.0.0.1:1\n127.0.0.2\n");
    await weave("connect", "--replace", "127.0.0.3");
    expect((await weave("status", "targets")).out).toBe("127.0.0.3\n");
    expect(await weave("forget", "127.0.0.3")).toMatchObject({ code: 0 });
    expect((await weave("--json", "status", "targets")).out).toContain("null");
  });

  it("refuses a target that is no address, and says which", async () => {
    expect(await weave("connect", "127.0.0.1:a-b")).toMatchObject({
      code: 1,
      err: expect.stringContaining("127.0.0.1:a-b"),
    });
  });

  it("prints the status with a blank line around it, as scripts expect", async () => {
    const { out } = await weave("status");
    expect(out.startsWith("\n        Version: 2.8.1")).toBe(true);
    expect(out.endsWith("\n\n")).toBe(true);
  });

  it("fills in report templates, and points at what is wrong with them", async () => {
    expect((await weave("report", "-f", "{{.Router.NickName}}")).out).toBe("host1");
    expect(await weave("report", "-f", "{{")).toMatchObject({
      code: 1,
      err: expect.stringContaining("unclosed action"),
    });
    expect(JSON.parse((await weave("report")).out).Router.NickName).toBe("host1");
  });

  it("waits for the ring, takes over nothing from a stranger", async () => {
    expect(await weave("prime")).toMatchObject({ code: 0, err: "" });
    expect((await weave("rmpeer", "nobody")).out).toBe("0 IPs taken over from nobody\n");
  });

  it("merges with no network that it has not met", async () => {
    expect(await weave("merge")).toMatchObject({ code: 1, err: expect.stringContaining("no ring of another network") });
  });

  it("answers an unknown sub-report with the ones there are", async () => {
    expect(await weave("status", "nonsense")).toMatchObject({
      code: 1,
      err: expect.stringContaining("targets, connections, peers, dns, ipam"),
    });
  });

  it("exits with 4 where the daemon has no such part", async () => {
    expect(await weave("explain", "a", "b")).toMatchObject({ code: 4 });
  });

  it("says what to do when nobody answers", async () => {
    const { code, err } = await weaveWith({ WEAVE_HTTP_ADDR: join(dir, "nobody.sock") }, "status");
    expect(code).toBe(1);
    expect(err).toMatch(/does not answer at .*nobody\.sock.*weave launch/);
  });

  it("suggests the verb that was meant", async () => {
    expect(await weave("conect")).toMatchObject({ code: 1, err: expect.stringContaining("connect") });
  });

  it.each(["bash", "zsh", "fish"])("completes every verb in %s", async (shell) => {
    const { out } = await weave("completion", shell);
    for (const verb of ["launch", "attach", "status", "doctor"]) expect(out).toContain(verb);
  });

  it("prints a new password of 128 bits each time", async () => {
    const passwords = await Promise.all(Array.from({ length: 20 }, async () => (await weave("password", "new")).out));
    expect(new Set(passwords).size).toBe(20);
    for (const password of passwords) expect(password).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}\n$/);
  });

  it("leaves env empty while there is no proxy, so that eval is harmless", async () => {
    expect((await weave("env")).out).toBe("");
  });
});

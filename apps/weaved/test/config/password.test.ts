import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { takeSecrets } from "../../src/config/environment.ts";
import { readPassword } from "../../src/config/password.ts";
import { readSettings } from "../../src/config/settings.ts";

const dir = mkdtempSync(join(tmpdir(), "weaved-password-"));
afterAll(() => rmSync(dir, { recursive: true }));

function file(text: string, mode = 0o600): string {
  const path = join(dir, "password");
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const fromFile = (path: string) => readPassword({ password: "", "password-file": path });

describe("the network password", () => {
  it("is the text of its file without the final newline", () => {
    expect(fromFile(file("correct horse\n"))).toBe("correct horse");
    expect(readPassword({ password: "", "password-file": "" })).toBeUndefined();
  });

  it.each(["", "\n", "\r\n", "  \n\n"])(
    "refuses a file that holds %j instead of starting without encryption",
    (text) => {
      expect(() => fromFile(file(text))).toThrow(expect.objectContaining({ code: "PASSWORD_EMPTY" }));
    },
  );

  it.each([0o644, 0o640, 0o604, 0o620])("refuses a file of mode %o, which others can use", (mode) => {
    expect(() => fromFile(file("secret", mode))).toThrow(expect.objectContaining({ code: "PASSWORD_EXPOSED" }));
  });

  it.each([
    [["--password="], {}],
    [["--password", " "], {}],
    [[], { WEAVE_PASSWORD: "" }],
    [[], { WEAVED_PASSWORD: "" }],
  ])("refuses a source that is named and empty: %j %j", (argv, env) => {
    expect(() => readSettings({ argv, env, readFile: () => "" })).toThrow(
      expect.objectContaining({ code: "PASSWORD_EMPTY" }),
    );
  });

  it("refuses a configuration file with a password that others can read", () => {
    const read = (mode: number) =>
      readSettings({ argv: ["--config=f"], env: {}, readFile: () => "password: secret", fileMode: () => mode });
    expect(() => read(0o100644)).toThrow(expect.objectContaining({ code: "PASSWORD_EXPOSED" }));
    expect(read(0o100600).password).toBe("secret");
  });

  it("is not inherited by programs that the daemon starts", () => {
    const env = { WEAVE_PASSWORD: "secret", WEAVED_PASSWORD: "secret", PATH: "/bin" };
    expect(takeSecrets(env)).toMatchObject({ WEAVE_PASSWORD: "secret" });
    expect(env).toEqual({ PATH: "/bin" });
  });
});

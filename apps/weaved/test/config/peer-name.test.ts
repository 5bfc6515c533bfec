import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readPeerName } from "../../src/config/peer-name.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "weaved-root-"));
  mkdirSync(join(root, "etc"));
});
afterEach(() => rmSync(root, { recursive: true }));

const settings = (name = "") => ({ name, "weave-bridge": "no-such-bridge", "host-root": root });
const identify = (id: string) => writeFileSync(join(root, "etc/machine-id"), `${id}\n`);

it("is the same at every start of a machine, another one on another machine", () => {
  identify("0123456789abcdef0123456789abcdef");
  const name = readPeerName(settings());
  expect(readPeerName(settings())).toBe(name);
  identify("fedcba9876543210fedcba9876543210");
  expect(readPeerName(settings())).not.toBe(name);
});

it("is what the operator says, or a refusal that quotes it", () => {
  expect(readPeerName(settings("7a:9f:eb:b6:0c:6e"))).toBe(0x7a9febb60c6e);
  expect(() => readPeerName(settings("my host"))).toThrow(/--name.*my host/);
});

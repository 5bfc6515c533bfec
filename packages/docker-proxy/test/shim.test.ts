import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { arm64 } from "../src/shim/arm64.ts";
import { codeOf, initShim, isProcessor, type Processor, type WaitFor } from "../src/shim/program.ts";
import { x64 } from "../src/shim/x64.ts";

const dir = mkdtempSync(join(tmpdir(), "weaved-wait-"));
afterAll(() => rmSync(dir, { recursive: true }));

const has = (tool: string) => spawnSync(tool, ["--version"]).status === 0;

/** The right side of a listing, with the data it names. */
function assembly(listing: string, head: string): string {
  const code = listing.replaceAll(/^ {4}(?:[0-9a-f]{2} )+ */gm, "").replaceAll(/ +#( .*)$/gm, "");
  const data =
    '.balign 8\ntick: .quad 0, 10000000\nname: .ascii "ethwe\\0\\0\\0"\nroute: .ascii "/proc/net/route\\0"\n' +
    'wanted: .ascii "ethwe\\t000000E0"\ntext: .ascii "weave: cannot run "\nnewline: .ascii "\\n"\nmode: .byte 2\n';
  return `${head}\n${code}\n${data}`;
}

function assembled(source: string, command: readonly string[], copy: string): Buffer {
  const [input, object, raw] = ["in.s", "out.o", "out.bin"].map((name) => join(dir, name)) as [string, string, string];
  writeFileSync(input, source);
  execFileSync(command[0]!, [...command.slice(1), "-o", object, input]);
  execFileSync(copy, ["-O", "binary", "-j", ".text", object, raw]);
  return readFileSync(raw);
}

function write(name: string, processor: Processor, waitFor: WaitFor): string {
  const path = join(dir, name);
  writeFileSync(path, initShim(processor, waitFor), { mode: 0o755 });
  return path;
}

describe("the init shim", () => {
  it.for([
    ["x64", x64, ".intel_syntax noprefix", ["as", "--64"], "objcopy", process.arch === "x64" && has("as")],
    ["arm64", arm64, "", ["llvm-mc", "-triple=aarch64-linux-gnu", "-filetype=obj"], "llvm-objcopy", has("llvm-mc")],
  ] as const)("for %s is what an assembler makes of its listing", ([name, listing, head, command, copy, able], ctx) => {
    if (!able) return ctx.skip(`no assembler for ${name} here`);
    const expected = assembled(assembly(listing, head), command, copy);
    const own = codeOf(listing);
    const program = Buffer.from(initShim(listing === x64 ? "x64" : "arm64", "multicast route")).subarray(176);
    // What pads the code to 8 bytes is up to the assembler.
    expect(own.subarray(0, own.length - 7)).toEqual(expected.subarray(0, own.length - 7));
    expect(program.subarray(own.length)).toEqual(expected.subarray(own.length));
  });

  const here = isProcessor(process.arch) ? process.arch : undefined;

  it("becomes the command, found in PATH, with arguments and environment", (ctx) => {
    if (!here) return ctx.skip(`no init shim for ${process.arch}`);
    const w = write("w0", here, "nothing");
    const run = (args: readonly string[], env: Record<string, string> = { PATH: "/nowhere:/usr/bin:/bin" }) =>
      spawnSync(w, args, { env, cwd: "/bin", encoding: "utf8" });
    expect(run(["sh", "-c", 'echo "$0 $1 $MARK"', "a b", "c"], { PATH: "/bin", MARK: "m" }).stdout).toBe("a b c m\n");
    expect(run(["/bin/echo", "direct"]).stdout).toBe("direct\n");
    expect(run(["./echo", "relative"]).stdout).toBe("relative\n");
    expect(run(["echo", "here"], { PATH: ":/nowhere" }).stdout).toBe("here\n");
    expect(run(["sh", "-c", "exit 7"]).status).toBe(7);
  });

  it("says what it cannot run, as shells do with 127", (ctx) => {
    if (!here) return ctx.skip(`no init shim for ${process.arch}`);
    const w = write("w0", here, "nothing");
    for (const [args, env, said] of [
      [["nosuch"], { PATH: "/usr/bin:/bin" }, "weave: cannot run nosuch\n"],
      [["sh"], {}, "weave: cannot run sh\n"],
      [["/nowhere/sh"], { PATH: "/bin" }, "weave: cannot run /nowhere/sh\n"],
      [["x".repeat(9000)], { PATH: "/bin" }, `weave: cannot run ${"x".repeat(9000)}\n`],
      [["sh"], { PATH: "/".repeat(9000) }, "weave: cannot run sh\n"],
      [[], { PATH: "/bin" }, "weave: cannot run \n"],
    ] as const) {
      const { status, stderr } = spawnSync(w, args, { env: { ...env }, encoding: "utf8" });
      expect({ status, stderr }).toEqual({ status: 127, stderr: said });
    }
  });
});

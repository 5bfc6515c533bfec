import { describe, expect, it } from "vitest";
import { readableLogLine } from "../../src/values/log-line.ts";
import { printable, printableText } from "../../src/values/printable.ts";

describe("text from the network that people see", () => {
  it.each([
    ["\u001b]0;title\u0007", "\\u001b]0;title\\u0007"],
    ["two\nlines\r", "two\\u000alines\\u000d"],
    ["\u009b31m", "\\u009b31m"],
    ["\u202eexe.txt", "\\u202eexe.txt"],
    ["\ud800", "\\ud800"],
    ["Zürich 東京 🚀", "Zürich 東京 🚀"],
  ])("%j is shown as %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("keeps the lines and tabs of a whole text", () => {
    expect(printableText("a\tb\nc\u001b[2J")).toBe("a\tb\nc\\u001b[2J");
  });

  it("cannot forge a line of the log", () => {
    const line = JSON.stringify({
      level: "info",
      time: "2026-01-01T12:00:00Z",
      part: "mesh",
      msg: "peer evil\n12:00:00 ERROR mesh: forged",
      nickname: "\u001b[2K",
    });
    expect(readableLogLine(line)).toBe(
      "12:00:00 INFO  mesh: peer evil\\u000a12:00:00 ERROR mesh: forged nickname=\\u001b[2K",
    );
  });
});

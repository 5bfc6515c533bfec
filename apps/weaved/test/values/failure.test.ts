import { describe, expect, it } from "vitest";
import { WeavedError } from "../../src/values/error.ts";
import { describeFailure } from "../../src/values/failure.ts";

describe("a failure as an operator reads it", () => {
  it("is the message of an error of ours, as it is", () => {
    expect(describeFailure(new WeavedError("SETTING_INVALID", "cause; remedy"))).toEqual({
      line: "cause; remedy",
      code: "SETTING_INVALID",
      expected: true,
    });
  });

  it.each([
    ["EADDRINUSE", "listen EADDRINUSE: address already in use 0.0.0.0:6783", /already in use.*; stop the program/],
    ["EACCES", "listen EACCES: permission denied", /; run as root/],
    ["MESH_LISTEN", "cannot listen on 9.9.9.9:53: listen EADDRNOTAVAIL", /; this host does not have that address/],
  ])("gets the remedy for %s of the system", (code, message, line) => {
    const failure = describeFailure(Object.assign(new Error(message), { code }));
    expect(failure).toMatchObject({ code, expected: true });
    expect(failure.line).toMatch(line);
  });

  it("is one line without control characters", () => {
    const { line } = describeFailure(Object.assign(new Error("first\n  second\u001b[31m"), { code: "X" }));
    expect(line).toBe("first; second\\u001b[31m");
  });

  it.each([new TypeError("x is not a function"), new Error("no code"), "text"])("%s is a bug to report", (error) => {
    expect(describeFailure(error).expected).toBe(false);
  });
});

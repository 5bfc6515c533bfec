import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Labels, PolicyError, Selector, type SelectorNode } from "../src/index.ts";

describe("Selector.parse", () => {
  it.each([
    ["", "all()"],
    ["a=='b'", 'a == "b"'],
    ["a not  in {'b', \"a\", 'b',}", 'a not in {"a", "b"}'],
    ["!!has(a)", "has(a)"],
    ["!(a == 'x' || b != 'y') && all()", '!(a == "x" || b != "y") && all()'],
    ["a == '\"'", "a == '\"'"],
    ["has( com.example/x-y_z )", "has(com.example/x-y_z)"],
    ["in in {'in'}", 'in in {"in"}'],
    ["a startswith 'b' || a ends with 'c'", 'a starts with "b" || a ends with "c"'],
  ])("reads %j as %s", (text, canonical) => {
    expect(Selector.parse(text).text).toBe(canonical);
  });

  it.each([
    ["a = 'b'", 2, "expected =="],
    ["a == 'b", 5, "no closing '"],
    ["app == 'web' tier", 13, "expected &&, ||, or the end"],
    ["has(a", 5, "expected ) to close has("],
    ["has()", 4, "expected a label inside has()"],
    ["a like 'b'", 2, "expected an operator after the label"],
    ["a in 'b'", 5, "expected { and a list of values"],
    ["a in {'b'", 9, "expected a value in quotes or }; found the end"],
    ["(a == 'b'", 9, "expected &&, ||, or )"],
    ["a == b", 5, "expected a value in quotes"],
    ["a == 'b' && ", 12, "expected a label"],
    ["a\n== 'b'", 1, "expected an operator"],
    ["é == 'b'", 0, 'unexpected character "é"'],
  ])("points at the character of %j", (text, offset, message) => {
    const error = catchError(() => Selector.parse(text));
    expect(error).toMatchObject({ code: "SELECTOR_INVALID", offset });
    expect(error.message).toContain(`character ${offset + 1} of the selector: `);
    expect(error.message).toContain(message);
  });

  it("refuses parentheses that are nested too deeply, and texts that are too long", () => {
    expect(() => Selector.parse(`${"(".repeat(50_000)}`)).toThrow("at most 16384 characters");
    expect(() => Selector.parse(`${"(".repeat(101)}all()${")".repeat(101)}`)).toThrow(
      "more than 100 nested parentheses",
    );
    expect(Selector.parse(`${"!".repeat(16_000)}all()`).text).toBe("all()");
  });
});

describe("Selector", () => {
  it("treats a label called constructor like any other missing label", () => {
    expect(Selector.parse("has(constructor)").matches({})).toBe(false);
    expect(Selector.parse("__proto__ != 'x'").matches({})).toBe(true);
  });

  it("has canonical text that parses back to a selector that matches alike", () => {
    fc.assert(
      fc.property(anyNode, fc.array(anyLabels, { minLength: 5, maxLength: 5 }), (node, samples) => {
        const selector = Selector.of(node);
        const again = Selector.parse(selector.text);
        expect(again.text).toBe(selector.text);
        for (const labels of samples) expect(again.matches(labels)).toBe(selector.matches(labels));
      }),
      { numRuns: 2000 },
    );
  });
});

const key = fc.constantFrom("a", "b", "in", "has", "x.y/z-1", "__proto__");
const value = fc.constantFrom("", "a", "ab", "b c", 'q"', "'");
const anyLabels: fc.Arbitrary<Labels> = fc.dictionary(key, value, { maxKeys: 3 });
const anyNode: fc.Arbitrary<SelectorNode> = fc.letrec<{ node: SelectorNode }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<SelectorNode>({ kind: "all" }, { kind: "global" }),
    key.map((name): SelectorNode => ({ kind: "has", key: name })),
    fc.record({
      kind: fc.constant("text" as const),
      key,
      operator: fc.constantFrom(
        "==" as const,
        "!=" as const,
        "contains" as const,
        "starts with" as const,
        "ends with" as const,
      ),
      value,
    }),
    fc.record({
      kind: fc.constant("set" as const),
      key,
      operator: fc.constantFrom("in" as const, "not in" as const),
      values: fc.uniqueArray(value, { maxLength: 3 }).map((values) => values.sort()),
    }),
    tie("node").map((inner): SelectorNode => ({ kind: "not", inner })),
    fc.record({
      kind: fc.constantFrom("and" as const, "or" as const),
      terms: fc.array(tie("node"), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).node;

function catchError(run: () => unknown): PolicyError {
  try {
    run();
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

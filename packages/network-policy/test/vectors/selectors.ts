import assert from "node:assert/strict";
import type { ShapedCase, ShapeSuite } from "../../../../test/vectors/suite.ts";
import { type Labels, PolicyError, Selector } from "../../src/index.ts";
import { allHave, onlyFields } from "./strict.ts";

interface SelectorCase {
  readonly selector: string;
  readonly valid: boolean;
  /** A digit for each of the file's label sets. */
  readonly matches?: string;
}

/** Selectors of Calico's language: whether each is valid, and which label sets it matches. */
export const selectorShape: ShapeSuite = {
  kind: "selector",
  matches: ({ labels, cases }) => Array.isArray(labels) && allHave(cases, ["selector", "valid"]),
  cases: (file) => {
    onlyFields(file, ["about", "labels", "cases"], "the file");
    const labels = file.labels as readonly Labels[];
    return (file.cases as readonly SelectorCase[]).map(
      (one): ShapedCase => ({ name: one.selector, check: () => checkSelector(one, labels) }),
    );
  },
};

function checkSelector(one: SelectorCase, labels: readonly Labels[]): void {
  onlyFields(one, ["selector", "valid", "matches"], "the case");
  if (!one.valid) {
    assert.throws(
      () => Selector.parse(one.selector),
      (error) =>
        error instanceof PolicyError && error.code === "SELECTOR_INVALID" && error.offset! <= one.selector.length,
    );
    return;
  }
  const selector = Selector.parse(one.selector);
  const found = (tested: Selector) => labels.map((set) => (tested.matches(set) ? "1" : "0")).join("");
  assert.equal(found(selector), one.matches);
  assert.equal(Selector.parse(selector.text).text, selector.text, "the canonical text is stable");
  assert.equal(found(Selector.parse(selector.text)), one.matches, "the canonical text matches alike");
}

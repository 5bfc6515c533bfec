import { type Labels, matchNode, printNode, type SelectorNode } from "./node.ts";
import { parseNode } from "./parse.ts";

/** A parsed selector. Its canonical text is its identity: equal texts match alike. */
export class Selector {
  /** Matches everything. */
  static readonly all: Selector = new Selector({ kind: "all" });

  readonly node: SelectorNode;
  /** Canonical text; see `printNode`. */
  readonly text: string;

  private constructor(node: SelectorNode) {
    this.node = node;
    this.text = printNode(node);
  }

  /**
   * Reads Calico's selector language.
   * @throws PolicyError `SELECTOR_INVALID` with the position of the character
   */
  static parse(text: string): Selector {
    return new Selector(parseNode(text));
  }

  static of(node: SelectorNode): Selector {
    return new Selector(node);
  }

  /** Matches what every one of the given selectors matches. */
  static and(...selectors: readonly Selector[]): Selector {
    const terms = selectors.map(({ node }) => node).filter(({ kind }) => kind !== "all");
    if (terms.length < 2) return terms[0] ? new Selector(terms[0]) : Selector.all;
    return new Selector({ kind: "and", terms });
  }

  /** Matches what this one does not match. */
  not(): Selector {
    return new Selector({ kind: "not", inner: this.node });
  }

  matches(labels: Labels): boolean {
    return matchNode(this.node, labels);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

import { quote } from "../errors.ts";
import type { SelectorNode, TextOperator } from "./node.ts";
import { invalid, type Token, tokenize } from "./tokens.ts";

/** Deepest nesting of parentheses: each costs a frame of the stack, and the depth comes from whoever wrote the text. */
const DEEPEST = 100;

/**
 * Reads Calico's selector language; an empty text is `all()`. `||` binds weaker than `&&`, and `!` binds strongest.
 * @throws PolicyError `SELECTOR_INVALID` with the position of the character
 */
export function parseNode(text: string): SelectorNode {
  const parser = new Parser(tokenize(text));
  return parser.read();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  read(): SelectorNode {
    if (this.#peek().kind === "end") return { kind: "all" };
    const node = this.#or();
    if (this.#peek().kind !== "end") throw this.#unexpected("&&, ||, or the end");
    return node;
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #accept(kind: Token["kind"]): boolean {
    if (this.#peek().kind !== kind) return false;
    this.#at++;
    return true;
  }

  #or(): SelectorNode {
    const terms = [this.#and()];
    while (this.#accept("||")) terms.push(this.#and());
    return terms.length === 1 ? terms[0]! : { kind: "or", terms };
  }

  #and(): SelectorNode {
    const terms = [this.#operation()];
    while (this.#accept("&&")) terms.push(this.#operation());
    return terms.length === 1 ? terms[0]! : { kind: "and", terms };
  }

  #operation(): SelectorNode {
    let negated = false;
    while (this.#accept("!")) negated = !negated;
    const inner = this.#simple();
    return negated ? { kind: "not", inner } : inner;
  }

  #simple(): SelectorNode {
    const token = this.#peek();
    if (token.kind === "(") return this.#nested();
    this.#at++;
    switch (token.kind) {
      case "all()":
        return { kind: "all" };
      case "global()":
        return { kind: "global" };
      case "has()":
        return { kind: "has", key: token.text };
      case "label":
        return this.#comparison(token.text);
      default:
        this.#at--;
        throw this.#unexpected("a label, has(), all(), global(), ! or (");
    }
  }

  #nested(): SelectorNode {
    if (++this.#depth > DEEPEST) throw invalid(this.#peek().at, `more than ${DEEPEST} nested parentheses`);
    this.#at++;
    const node = this.#or();
    if (!this.#accept(")")) throw this.#unexpected("&&, ||, or )");
    this.#depth--;
    return node;
  }

  #comparison(key: string): SelectorNode {
    const { kind } = this.#peek();
    if (kind === "in" || kind === "not in") {
      this.#at++;
      return { kind: "set", key, operator: kind, values: this.#values() };
    }
    if (!isTextOperator(kind)) throw this.#unexpected("an operator such as ==, in, or starts with");
    this.#at++;
    return { kind: "text", key, operator: kind, value: this.#value() };
  }

  #value(): string {
    const token = this.#peek();
    if (token.kind !== "value") throw this.#unexpected("a value in quotes");
    this.#at++;
    return token.text;
  }

  /** Calico accepts a comma after the last value. */
  #values(): string[] {
    if (!this.#accept("{")) throw this.#unexpected("{ and a list of values");
    const values = new Set<string>();
    while (this.#peek().kind === "value") {
      values.add(this.#value());
      if (!this.#accept(",")) break;
    }
    if (!this.#accept("}")) throw this.#unexpected("a value in quotes or }");
    return [...values].sort();
  }

  #unexpected(wanted: string): Error {
    const token = this.#peek();
    const found = "text" in token ? quote(token.text) : token.kind;
    return invalid(token.at, `expected ${wanted}; found ${found === "end" ? "the end" : found}`);
  }
}

function isTextOperator(kind: string): kind is TextOperator {
  return ["==", "!=", "contains", "starts with", "ends with"].includes(kind);
}

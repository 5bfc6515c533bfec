import { type DocumentPath, PolicyError, pathText, quote } from "../errors.ts";

/** Fields that a language has and this package does not enforce: name -> why, or what to do. */
export type Unsupported = Readonly<Record<string, string>>;

/**
 * One mapping of a document. Every access names a field; what no access named is refused by {@link Fields.end}, so
 * nothing is ignored in silence.
 */
export class Fields {
  readonly path: DocumentPath;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #known = new Set<string>();

  /** @throws PolicyError `DOCUMENT_INVALID` when the value is not a mapping */
  constructor(value: unknown, path: DocumentPath) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw invalid(path, `${quote(value)} is not a mapping`);
    }
    this.path = path;
    this.#values = value as Readonly<Record<string, unknown>>;
  }

  at(name: string): DocumentPath {
    return [...this.path, name];
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** A null is like an absent field, as in YAML written by Go programs. */
  raw(name: string): unknown {
    this.#known.add(name);
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    return value === null ? undefined : value;
  }

  text(name: string): string | undefined {
    const value = this.raw(name);
    if (value === undefined || typeof value === "string") return value;
    throw invalid(this.at(name), `${quote(value)} is not a text`);
  }

  needText(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === "") throw invalid(this.at(name), "the field is missing");
    return value;
  }

  number(name: string): number | undefined {
    const value = this.raw(name);
    if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
    throw invalid(this.at(name), `${quote(value)} is not a number`);
  }

  integer(name: string, low: number, high: number): number | undefined {
    const value = this.number(name);
    if (value === undefined || (Number.isInteger(value) && value >= low && value <= high)) return value;
    throw invalid(this.at(name), `${value} is not a whole number from ${low} to ${high}`);
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const found = values.find((one) => one === value);
    if (found !== undefined) return found;
    throw invalid(this.at(name), `${quote(value)} is not one of ${values.join(", ")}`);
  }

  list<T>(name: string, read: (value: unknown, path: DocumentPath) => T): T[] | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw invalid(this.at(name), `${quote(value)} is not a list`);
    return value.map((item, i) => read(item, [...this.at(name), i]));
  }

  object(name: string): Fields | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : new Fields(value, this.at(name));
  }

  /** A mapping of texts to texts, such as labels. */
  texts(name: string): Record<string, string> {
    const inner = this.object(name);
    return Object.fromEntries(inner ? Object.keys(inner.#values).map((key) => [key, inner.text(key) ?? ""]) : []);
  }

  /** Accepts fields that say nothing about enforcement. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#known.add(name);
  }

  /**
   * Refuses what was not read. An empty value of an unsupported field is accepted: it asks for nothing.
   * @throws PolicyError `UNSUPPORTED`, `DOCUMENT_INVALID`
   */
  end(unsupported: Unsupported = {}): void {
    for (const [name, value] of Object.entries(this.#values)) {
      if (this.#known.has(name)) continue;
      if (!Object.hasOwn(unsupported, name))
        throw invalid(this.at(name), "the field does not exist here; check its spelling");
      if (isEmpty(value)) continue;
      const message = `${pathText(this.at(name))} is not supported; ${unsupported[name]}`;
      throw new PolicyError("UNSUPPORTED", message, { path: this.at(name) });
    }
  }
}

function isEmpty(value: unknown): boolean {
  return value === null || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

/** An error about a field: `spec.order: "x" is not a number`. */
export function invalid(path: DocumentPath, what: string, offset?: number): PolicyError {
  const place = pathText(path);
  return new PolicyError("DOCUMENT_INVALID", place === "" ? what : `${place}: ${what}`, {
    path,
    ...(offset !== undefined && { offset }),
  });
}

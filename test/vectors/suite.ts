/**
 * The form of golden vectors and of the code that checks them.
 *
 * A file is `{about, cases: [{name, kind, input, hex, decoded?, expected?, order?, note?}]}`. Each package offers one
 * {@link VectorSuite} per file it knows, under `packages/<name>/test/vectors/`.
 */

/** One case of a vector file. `input`, `decoded` and `expected` are as the file has them; a check narrows them itself. */
export interface VectorCase {
  readonly name: string;
  readonly kind: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs by kind, and a wrong guess fails the case
  readonly input: any;
  readonly hex: string;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly decoded?: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly expected?: any;
  /** `"any"`: bytes depend on an unordered map, so compare decoded forms. */
  readonly order?: string;
  readonly note?: string;
}

/** Checks one case: returns when it holds, throws (or rejects) with the difference when not. */
export type VectorCheck = (testCase: VectorCase) => void | Promise<void>;

/** Checks for every kind of one vector file. */
export interface VectorSuite {
  /** Base name of the file, such as `topology.json`. */
  readonly file: string;
  readonly kinds: Readonly<Record<string, VectorCheck>>;
}

/** The bytes of a hex string. */
export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** Lower-case hex of some bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** One case of a file whose cases name no kind. */
export interface ShapedCase {
  readonly name: string;
  check(): void;
}

/** Checks for vector files that are known by their shape: no case of theirs names a kind, and the file may have any name. */
export interface ShapeSuite {
  /** What results call the kind of these cases. */
  readonly kind: string;
  /** Whether a file has this shape. */
  matches(file: Readonly<Record<string, unknown>>): boolean;
  /** Every case of a file. A case with fields that the suite does not know fails. */
  cases(file: Readonly<Record<string, unknown>>): readonly ShapedCase[];
}

import { gob, type Schema } from "../../src/index.ts";

/** Recursive and unusual Go types, as the programs that made the bytes in `go-bytes.test.ts` declare them. */
export interface List {
  Value: number;
  Next?: List | undefined;
}
export const list: Schema<List> = gob.struct("main.List", {
  Value: gob.int,
  Next: gob.pointer(gob.lazy(() => list)),
});

export interface Tree {
  Name: string;
  Kids: Tree[];
  Index?: Map<string, Tree> | undefined;
}
const treePointer = gob.pointer(gob.lazy(() => tree));
export const tree: Schema<Tree> = gob.struct("main.Tree", {
  Name: gob.string,
  Kids: gob.slice(treePointer),
  Index: gob.map(gob.string, treePointer),
});

export interface A {
  B?: B | undefined;
  N: number;
}
export interface B {
  As: A[];
  M?: Map<string, A> | undefined;
}
export const a: Schema<A> = gob.struct("main.A", { B: gob.pointer(gob.lazy(() => b)), N: gob.uint });
export const b: Schema<B> = gob.struct("main.B", { As: gob.slice(a), M: gob.map(gob.string, a) });

export type Rec = Rec[];
export const rec: Schema<Rec> = gob.slice(
  gob.lazy(() => rec),
  { name: "main.Rec" },
);
export interface RecMap extends Map<string, RecMap> {}
export const recMap: Schema<RecMap> = gob.map(
  gob.string,
  gob.lazy(() => recMap),
  { name: "main.RecMap" },
) as Schema<RecMap>;

/** Nanoseconds since 1970 in UTC, in the form that Go's `time.Time` gives itself. */
export const time: Schema<bigint | undefined> = gob.custom<bigint | undefined>({
  name: "time.Time",
  encode(nanoseconds) {
    const bytes = new Uint8Array(15);
    const view = new DataView(bytes.buffer);
    bytes[0] = 1;
    view.setBigInt64(1, (nanoseconds ?? 0n) / 1_000_000_000n + 62135596800n);
    view.setInt32(9, Number((nanoseconds ?? 0n) % 1_000_000_000n));
    view.setInt16(13, -1);
    return bytes;
  },
  decode(bytes) {
    if (bytes[0] !== 1 || bytes.length !== 15) throw new Error(`a time of ${bytes.length} bytes`);
    const view = new DataView(bytes.buffer);
    return (view.getBigInt64(1) - 62135596800n) * 1_000_000_000n + BigInt(view.getInt32(9));
  },
  zero: () => undefined,
  isZero: (nanoseconds) => nanoseconds === undefined,
});

export const link: Schema<string> = gob.custom({
  name: "url.URL",
  marshaler: "binary",
  encode: (text) => new TextEncoder().encode(text),
  decode: (bytes) => new TextDecoder().decode(bytes),
  zero: () => "",
});

export const timed = gob.struct("main.Timed", { At: time, Zero: time, Link: gob.pointer(link) });

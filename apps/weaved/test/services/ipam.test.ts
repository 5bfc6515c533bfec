import { describe, expect, it } from "vitest";
import { readReservations } from "../../src/services/ipam.ts";

describe("reservations", () => {
  it("are read from names with addresses", () => {
    expect(readReservations("")).toEqual({});
    expect(readReservations("db.weave.local=10.32.0.10, ns:web=10.32.0.11")).toEqual({
      "db.weave.local": "10.32.0.10",
      "ns:web": "10.32.0.11",
    });
  });

  it.each(["db", "db=", "=10.32.0.1", "a=b=c"])("are refused when %s is not a pair", (text) => {
    expect(() => readReservations(text)).toThrow("expected NAME=ADDRESS");
  });
});

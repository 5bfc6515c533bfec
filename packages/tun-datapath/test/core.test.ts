import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArpMemory, isArp, putArpIsAt } from "../src/arp.ts";
import { get16, get32 } from "../src/bytes.ts";
import { addWords, checksum, fold } from "../src/checksum.ts";
import { commonOverlays, decodeControl, encodeControl } from "../src/control.ts";
import { allocateSummable, fastSum } from "../src/fast-sum.ts";
import { fragmentIpv4 } from "../src/fragment.ts";
import { Assembly, type PieceHead, putPieceHead, readPieceHead } from "../src/gso-wire.ts";
import { MAC_AGE_MS, MacTable } from "../src/macs.ts";
import { OwnerTable } from "../src/owners.ts";
import { PathMtuSearch, UNKNOWN_MTU } from "../src/pmtu.ts";
import { putSegment, readSuperFrame } from "../src/vnet.ts";

describe("the checksum", () => {
  const fast = allocateSummable(1_024) as Uint8Array;

  it.each([
    ["ordinary memory", new Uint8Array(1_024)],
    ["memory that WebAssembly sums", fast],
  ])("is the plain sum of 16-bit words, at any place and length, in %s", (_name, memory) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), fc.nat(20), fc.nat(0xffff), (bytes, from, start) => {
        // What lies around must not take part.
        memory.fill(0xa5);
        memory.set(bytes, from);
        let plain = start;
        for (let i = 0; i < bytes.length; i += 2) plain += ((bytes[i] as number) << 8) + (bytes[i + 1] ?? 0);
        expect(fold(addWords(memory, from, from + bytes.length, start))).toBe(fold(plain));
      }),
    );
  });

  it("has memory of its own only until that is used up", () => {
    expect(fast.buffer).toBe(fastSum?.buffer);
    expect(allocateSummable(16 << 20)).toBeUndefined();
    expect(allocateSummable(64)?.byteOffset).toBeGreaterThanOrEqual(1_024);
  });
});

/** A TCP super-frame as a TAP device hands it out: header of 10, Ethernet, IPv4, TCP, payload. */
function superFrame(payload: number, segment: number): Uint8Array {
  const b = new Uint8Array(10 + 54 + payload);
  b.set([1, 1, 54, 0, segment & 255, segment >> 8, 34, 0, 16, 0]);
  b.set([0x08, 0, 0x45, 0], 22);
  b.set([64, 6, 0, 0, 10, 32, 0, 1, 10, 32, 0, 2], 32);
  b.set([0, 80, 0, 81, 0xff, 0xff, 0xff, 0x00, 0, 0, 0, 0, 0x50, 0x99, 1, 0], 44);
  for (let i = 64; i < b.length; i++) b[i] = (i * 7) & 255;
  return b;
}

describe("cutting a TCP super-frame", () => {
  it("gives segments whose checksums hold, whose payloads join to the original", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 100, max: 1_400 }), (payload, segment) => {
        const whole = superFrame(payload, segment);
        const b = new Uint8Array(whole.length + 4_096);
        b.set(whole);
        const facts = readSuperFrame(b, 0, 10, whole.length - 10);
        if (facts === undefined) throw new Error("not read");
        let joined = 0;
        for (let i = 0; i < facts.segments; i++) {
          const at = whole.length;
          const length = putSegment({ b, vnet: 0, frame: 10, length: whole.length - 10 }, facts, i, at);
          expect(checksum(b, at + 14, at + 34)).toBe(0);
          const pseudo = addWords(b, at + 26, at + 34, 6 + length - 34);
          expect(fold(addWords(b, at + 34, at + length, pseudo))).toBe(0xffff);
          expect(get32(b, at + 38)).toBe((0xffffff00 + joined) % 2 ** 32);
          const last = i === facts.segments - 1;
          // FIN, PSH on the last alone; CWR on the first alone.
          expect((b[at + 47] as number) & 0x09).toBe(last ? 0x09 : 0);
          expect((b[at + 47] as number) & 0x80).toBe(i === 0 ? 0x80 : 0);
          const want = whole.subarray(64 + joined, 64 + joined + length - 54);
          expect(Buffer.compare(b.subarray(at + 54, at + length), want)).toBe(0);
          joined += length - 54;
        }
        expect(joined).toBe(payload);
      }),
    );
  });
});

describe("fragments", () => {
  it("join to the packet they came from, each fits, each has a good header", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 68, max: 1_500 }), (payload, mtu) => {
        const frame = new Uint8Array(34 + payload).map((_, i) => (i * 3) & 255);
        frame.set([0x08, 0, 0x45, 0, (20 + payload) >> 8, (20 + payload) & 255, 0, 1, 0, 0, 64, 17], 12);
        const pieces = fragmentIpv4(frame, mtu) ?? [];
        let end = 0;
        for (const piece of pieces) {
          expect(piece.length - 14).toBeLessThanOrEqual(mtu);
          expect(checksum(piece, 14, 34)).toBe(0);
          expect((get16(piece, 20) & 0x1fff) * 8).toBe(end);
          expect(Buffer.compare(piece.subarray(34), frame.subarray(34 + end, 34 + end + piece.length - 34))).toBe(0);
          end += piece.length - 34;
        }
        expect(end).toBe(payload);
      }),
    );
  });
});

describe("a super-frame's pieces", () => {
  it("join in any order, duplicates counted once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 1_400 }),
        fc.infiniteStream(fc.nat()),
        (n, lastBytes, dice) => {
          const stride = 1_400;
          const body = new Uint8Array(stride * (n - 1) + lastBytes).map((_, i) => (i * 13) & 255);
          const order = [...Array(n).keys(), ...Array(Math.min(n, 3)).keys()].sort(
            () => ((dice.next().value as number) % 3) - 1,
          );
          const assembly = new Assembly();
          const missing = new Set(Array(n).keys());
          for (const index of order) {
            const piece = body.subarray(index * stride, Math.min(body.length, (index + 1) * stride));
            const head: PieceHead = { sender: 5, number: 9, stride, index, last: n - 1 };
            const size = assembly.add(head, piece, 0, piece.length);
            const wasLast = missing.delete(index) && missing.size === 0;
            expect(size).toBe(wasLast ? body.length : 0);
          }
          expect(Buffer.from(assembly.memory.subarray(0, body.length)).equals(body)).toBe(true);
        },
      ),
    );
  });

  it("have a head that survives, and refuse lengths that contradict it", () => {
    const b = new Uint8Array(14 + 100);
    const head: PieceHead = { sender: 0x0a0000000001, number: 7, stride: 100, index: 0, last: 1 };
    putPieceHead(b, 0, head);
    const read: PieceHead = { sender: 0, number: 0, stride: 0, index: 0, last: 0 };
    expect(readPieceHead(b, 0, b.length, read)).toBe(true);
    expect(read).toEqual(head);
    expect(readPieceHead(b, 0, b.length - 1, read)).toBe(false);
    expect(readPieceHead(b, 0, 14, read)).toBe(false);
  });
});

describe("the path MTU search", () => {
  it("finds the largest size that passes, however often probes are lost", () => {
    fc.assert(
      fc.property(fc.integer({ min: 600, max: 9_000 }), fc.integer({ min: 0, max: 7 }), (truth, lost) => {
        let probe = 0;
        let sent = 0;
        const search = new PathMtuSearch((mtu) => {
          probe = mtu;
          sent++;
        });
        let now = 0;
        search.tooBig(9_000, now);
        while (search.searching) {
          if (probe <= truth && sent > lost) {
            sent = 0;
            search.answered(probe, now);
          } else {
            now = search.nextMs;
            const before = probe;
            search.tick(now);
            if (probe !== before) sent = 1;
          }
        }
        expect(search.mtu).toBe(truth);
      }),
    );
  });

  it("ignores a refusal that is no news, answers that nobody asked for", () => {
    const probes: number[] = [];
    const search = new PathMtuSearch((mtu) => probes.push(mtu));
    search.answered(1_400, 0);
    expect(search.mtu).toBe(UNKNOWN_MTU);
    search.tooBig(1_400, 0);
    search.tooBig(1_400, 1);
    search.tooBig(1_500, 1);
    expect(probes).toEqual([1_400]);
  });
});

describe("the MAC table", () => {
  it("follows a MAC that moves, holds one that flaps, forgets what is old or gone", () => {
    const table = new MacTable();
    expect(table.learn(1, 10, 0)).toBe("new");
    expect(table.learn(1, 10, 1)).toBe("known");
    expect(table.learn(1, 20, 2)).toBe("moved");
    const moves = Array.from({ length: 10 }, (_, i) => table.learn(1, i % 2 === 0 ? 10 : 20, 3 + i));
    expect(moves).toContain("held");
    expect(table.learn(1, 99, 60_000)).toBe("moved");
    expect(table.forget(99)).toEqual([1]);
    table.learn(2, 10, 0);
    expect(table.expire(MAC_AGE_MS)).toEqual([2]);
    expect(table.size).toBe(0);
  });

  it("stays within its limit", () => {
    const table = new MacTable(4);
    for (let mac = 0; mac < 100; mac++) table.learn(mac, 1, mac);
    expect(table.size).toBe(4);
    expect(table.find(99)).toBe(1);
  });
});

describe("owners of addresses", () => {
  it("are found by range, ends exclusive, up to 2^32", () => {
    const table = new OwnerTable();
    table.set([
      { start: 10, end: 20, peer: 1 },
      { start: 20, end: 30, peer: 2 },
      { start: 4_000_000_000, end: 2 ** 32, peer: 3 },
    ]);
    expect([9, 10, 19, 20, 29, 30, 0xffffffff].map((ip) => table.find(ip))).toEqual([
      undefined,
      1,
      1,
      2,
      2,
      undefined,
      3,
    ]);
  });
});

describe("ARP", () => {
  it("is answered from what was heard lately; a repeated question goes to everyone", () => {
    const memory = new ArpMemory();
    memory.hear(7, 0xabc, 0);
    expect(memory.find(7, 59_999)).toBe(0xabc);
    expect(memory.find(7, 60_000)).toBeUndefined();
    expect([0, 100, 5_200].map((at) => memory.mayAskOwnerAlone(7, at))).toEqual([true, false, true]);
    memory.forgetMac(0xabc);
    expect(memory.find(7, 1)).toBeUndefined();
  });

  it("answers are well-formed", () => {
    const reply = new Uint8Array(42);
    putArpIsAt(reply, 0, { ip: 0x0a200001, mac: 0x020000000009 }, { ip: 0x0a200002, mac: 0x020000000007 });
    expect(isArp(reply, 0, 42)).toBe(true);
    expect(Buffer.from(reply).toString("hex")).toBe(
      "02000000000702000000000908060001080006040002" + "0200000000090a200001" + "0200000000070a200002",
    );
  });
});

describe("control messages", () => {
  it("survive, and are never shorter than two bytes", () => {
    const message = { index: 1, sub: 3, payload: Uint8Array.of(0xea, 0x52) };
    expect(encodeControl(message)).toEqual(Uint8Array.of(1, 3, 0xea, 0x52));
    expect(decodeControl(7, encodeControl(message))).toEqual(message);
    expect(decodeControl(7, Uint8Array.of(1))).toBeUndefined();
    expect(decodeControl(3, Uint8Array.of(5, 6))).toEqual({ index: 0, sub: 3, payload: Uint8Array.of(5, 6) });
  });

  it("count indexes in our own order", () => {
    expect(commonOverlays(["vxlan", "sleeve-gso", "sleeve"], "fastdp sleeve")).toEqual(["sleeve"]);
    expect(commonOverlays(["vxlan", "sleeve-gso", "sleeve"], undefined)).toEqual([]);
  });
});

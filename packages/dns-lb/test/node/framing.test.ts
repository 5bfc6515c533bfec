import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, withLength } from "../../src/node/framing.ts";

function read(chunks: Iterable<Uint8Array>): Uint8Array[] {
  const frames = new FrameReader();
  const messages: Uint8Array[] = [];
  for (const chunk of chunks) {
    frames.push(chunk);
    for (let message = frames.next(); message !== undefined; message = frames.next()) messages.push(message);
  }
  return messages;
}

describe("FrameReader", () => {
  it("gives the messages back, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 700 }),
        (list, size) => {
          const stream = Buffer.concat(list.map(withLength));
          const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
            stream.subarray(i * size, (i + 1) * size),
          );
          expect(read(chunks)).toEqual(list);
        },
      ),
    );
  });

  it("takes a message of 64 KiB byte by byte in linear time", () => {
    const stream = withLength(new Uint8Array(65_535).fill(7));
    const cpu = process.cpuUsage();
    const messages = read(Array.from(stream, (_, i) => stream.subarray(i, i + 1)));
    expect(messages.map(({ length }) => length)).toEqual([65_535]);
    expect(process.cpuUsage(cpu).user).toBeLessThan(2e6);
  });
});

/** A generator whose whole run follows from its seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers that parsers stumble over. */
const TRICKY = [0, 1, 2, 0x7f, 0x80, 0xf7, 0xf8, 0xf9, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];

/** The bodies of the messages of a stream that is well-formed up to its last message. */
export function messagesOf(stream: Uint8Array): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < stream.length; ) {
    const first = stream[at] as number;
    const width = first < 128 ? 0 : 256 - first;
    let length = width === 0 ? first : 0;
    for (let i = 1; i <= width; i++) length = length * 256 + (stream[at + i] ?? 0);
    at += 1 + width;
    bodies.push(stream.subarray(at, at + length));
    at += length;
  }
  return bodies;
}

function sized(body: Uint8Array): Uint8Array {
  if (body.length < 128) return Uint8Array.of(body.length, ...body);
  const bytes = new Uint8Array(body.length + 3);
  bytes.set([0xfe, body.length >> 8, body.length]);
  bytes.set(body, 3);
  return bytes;
}

/** A stream made of damaged messages whose lengths are right, so that the damage reaches the inner parsers. */
export function mutate(
  messages: readonly Uint8Array[],
  others: readonly Uint8Array[],
  random: () => number,
): Uint8Array {
  const pick = (below: number): number => Math.floor(random() * below);
  const bodies: Uint8Array[] = messages.map((body) => body.slice());
  // One edit most of the time: the first one ends most decodings, so more would hide what comes after it.
  for (let edits = pick(4) > 0 ? 1 : 1 + pick(4); edits > 0; edits--) {
    const at = pick(bodies.length);
    const body = bodies[at] as Uint8Array;
    const kind = pick(16);
    if (kind < 12) change(body, random);
    else if (kind === 12) bodies[at] = body.slice(0, pick(body.length + 1));
    else if (kind === 13) bodies[at] = spliced(body, others[pick(others.length)] as Uint8Array, pick);
    else if (kind === 14) bodies.splice(at, 1, ...(pick(2) === 0 ? [] : [body, body.slice()]));
    else bodies.splice(pick(bodies.length + 1), 0, (others[pick(others.length)] as Uint8Array).slice());
    if (bodies.length === 0) bodies.push(body);
  }
  const stream = Buffer.concat(bodies.map(sized));
  // Now and then the framing itself is damaged.
  if (stream.length > 0 && pick(10) === 0) stream[pick(stream.length)] = pick(256);
  return stream;
}

/** Sets a byte, mostly towards the end, where the values are. */
function change(body: Uint8Array, random: () => number): void {
  if (body.length === 0) return;
  const at = body.length - 1 - Math.floor(random() ** 2 * body.length);
  body[at] = random() < 0.5 ? random() * 256 : (TRICKY[Math.floor(random() * TRICKY.length)] as number);
}

function spliced(body: Uint8Array, other: Uint8Array, pick: (below: number) => number): Uint8Array {
  const head = body.subarray(0, pick(body.length + 1));
  return Uint8Array.of(...head, ...other.subarray(pick(other.length + 1)).subarray(0, 200));
}

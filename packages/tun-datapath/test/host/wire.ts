import { openTap, PollSet, type Tap } from "../../src/node/linux/index.ts";

/**
 * A wire that loses, repeats, overtakes, for kernels without netem: two TAP devices, frames carried from one to the other.
 * Runs as a process in the namespace of the underlay; see `spoilWire` in lab.ts.
 */
const [nearName = "", farName = "", seedText = "1"] = process.argv.slice(2);
const PER_MILLE = { lost: 5, twice: 5, late: 10 };
/** Late frames kept at most, and for how long: far less than any retransmission timer. */
const MAX_LATE = 16;
const LATE_MS = 20;

let state = Number(seedText) >>> 0;
function perMille(n: number): boolean {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return (state / 2 ** 32) * 1000 < n;
}

const counts = { frames: 0, lost: 0, twice: 0, late: 0 };
const buffer = Buffer.alloc(65_536);

function carry(from: Tap, to: Tap, late: { frame: Buffer; dueMs: number }[]): void {
  for (let i = 0; i < 64; i++) {
    const n = from.read(buffer);
    if (n === 0) break;
    counts.frames++;
    if (perMille(PER_MILLE.lost)) {
      counts.lost++;
    } else if (perMille(PER_MILLE.late) && late.length < MAX_LATE) {
      counts.late++;
      late.push({
        frame: Buffer.from(buffer.subarray(0, n)),
        dueMs: performance.now() + Number(perMille(500)) * LATE_MS,
      });
    } else {
      to.write(buffer.subarray(0, n));
      if (perMille(PER_MILLE.twice)) {
        counts.twice++;
        to.write(buffer.subarray(0, n));
      }
    }
  }
  const now = performance.now();
  while (late[0] !== undefined && (late[0].dueMs <= now || late.length === MAX_LATE))
    to.write((late.shift() as { frame: Buffer }).frame);
}

const near = openTap({ name: nearName });
const far = openTap({ name: farName });
const poll = new PollSet([near.fd, far.fd]);
const toFar: { frame: Buffer; dueMs: number }[] = [];
const toNear: { frame: Buffer; dueMs: number }[] = [];
process.send?.({ ready: true });
process.on("message", () => process.send?.({ counts }));
process.on("disconnect", () => process.exit(0));

function turn(): void {
  const end = performance.now() + 50;
  do {
    poll.wait(5);
    carry(near, far, toFar);
    carry(far, near, toNear);
  } while (performance.now() < end);
  setImmediate(turn);
}
turn();

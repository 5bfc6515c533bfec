/** Events a second of the virtual clock with 100,000 timers pending, beside Node's own timers firing at once. */
import { createVirtualClock, seededRandom } from "../src/index.ts";

const EVENTS = 2_000_000;
const PENDING = 100_000;

const clock = createVirtualClock();
const random = seededRandom(1);
let left = EVENTS;
const again = (): void => {
  if (left-- > 0) clock.after(random() * 1000, again);
};
for (let i = 0; i < PENDING; i++) again();
const started = performance.now();
const executed = clock.drain(2 * EVENTS);
const virtual = executed / (performance.now() - started);

const realStart = performance.now();
const real = await new Promise<number>((resolve) => {
  let fired = 0;
  for (let i = 0; i < PENDING; i++) {
    setTimeout(() => {
      if (++fired === PENDING) resolve(PENDING / (performance.now() - realStart));
    }, 0);
  }
});
console.log(`virtual clock: ${(virtual / 1000).toFixed(2)} M events/s`);
console.log(`setTimeout(0): ${(real / 1000).toFixed(2)} M events/s`);
console.log(`ratio: ${(virtual / real).toFixed(1)}`);

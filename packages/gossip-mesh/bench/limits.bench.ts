/** Random meshes under random connection limits from 3: how many stay in one piece, how many keep to their limit. */
import { createWorld } from "../test/support.ts";

const [cases = "20", first = "1", secondsText = "60"] = process.argv.slice(2);
const end = Date.now() + Number(secondsText) * 1000;
let run = 0;
let whole = 0;
let within = 0;
for (let seed = Number(first); run < Number(cases) && Date.now() < end; seed++) {
  const world = createWorld(seed);
  const count = 4 + Math.floor(world.random() * 12);
  const limit = 3 + Math.floor(world.random() * 4);
  const meshes = Array.from({ length: count }, (_, i) => world.start(i + 1, { connectionLimit: limit }));
  // Each is told of one peer that is there already.
  for (let n = 2; n <= count; n++)
    await meshes[n - 1]!.connect([world.address(1 + Math.floor(world.random() * (n - 1)))]);
  world.clock.advance(240_000);
  // Digests: all believe the same, and know everybody.
  const inOnePiece = (): boolean => {
    const views = meshes.map((mesh) => mesh.convergence());
    return views.every(({ peers, digest }) => peers === count && digest === views[0]!.digest);
  };
  for (let s = 0; s < 120 && !inOnePiece(); s++) world.clock.advance(1_000);
  const one = inOnePiece();
  const kept = meshes.every(
    (mesh) => mesh.status().connections.filter((c) => c.state === "established").length <= limit,
  );
  run++;
  if (one) whole++;
  if (kept) within++;
  if (!one || !kept)
    console.log(`seed ${seed}: ${count} peers, limit ${limit}, one piece: ${one}, within the limit: ${kept}`);
  for (const mesh of meshes) mesh.close();
}
console.log(`${run} meshes: ${whole} in one piece, ${within} within the limit`);

import type { Facts } from "./facts.ts";

/** Groups of files that import each other, types included, each sorted; by Tarjan's algorithm. */
export function circlesOf(sources: readonly Facts[]): string[][] {
  const known = new Set(sources.map(({ path }) => path));
  const arrows = new Map(sources.map((one) => [one.path, one.imports.filter((path) => known.has(path))]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const enter = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path)!);
    stack.push(path);
    for (const next of arrows.get(path) ?? []) {
      if (!index.has(next)) enter(next);
      if (stack.includes(next)) low.set(path, Math.min(low.get(path)!, low.get(next)!));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1 || arrows.get(path)?.includes(path)) circles.push(group.sort());
  };
  for (const path of arrows.keys()) if (!index.has(path)) enter(path);
  return circles;
}

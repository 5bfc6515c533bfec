import { describe, expect, it } from "vitest";
import { importsOf, read, sources } from "./tree.ts";

const source = "apps/weaved/src";

/** Folder of a file below `src`; the file itself when it lies directly there. */
function roomOf(path: string): string {
  return path.slice(source.length + 1).split("/")[0]!;
}

/** Rooms of weaved that the files of one room import, with one example each. */
function importedRooms(room: string): Map<string, string> {
  const rooms = new Map<string, string>();
  for (const path of sources(source).filter((file) => roomOf(file) === room))
    for (const name of importsOf(read(path)).filter((spec) => spec.startsWith("."))) {
      const target = roomOf(new URL(name, `file:///${path}`).pathname.slice(1));
      if (target !== room) rooms.set(target, `${path} -> ${name}`);
    }
  return rooms;
}

/** Rooms that run inside the daemon only. */
const daemon = ["main.ts", "compose.ts", "stages", "services", "http", "attachments", "plugin", "systemd.ts"];

describe("the rooms of weaved", () => {
  it.each(["cli", "cni", "client", "diagnostics", "config"])("%s imports nothing of the daemon", (room) => {
    const imported = importedRooms(room);
    expect(daemon.flatMap((name) => imported.get(name) ?? [])).toEqual([]);
  });

  it.each(daemon)("%s of the daemon imports nothing of the command line", (room) => {
    const imported = importedRooms(room);
    expect(["cli", "cni", "client"].flatMap((name) => imported.get(name) ?? [])).toEqual([]);
  });

  it("values import only values", () => {
    expect([...importedRooms("values").values()]).toEqual([]);
  });
});

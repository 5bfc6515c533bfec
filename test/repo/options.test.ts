import { describe, expect, it } from "vitest";
import { optionSpecs } from "../../apps/weaved/src/config/options.ts";
import { read, sources } from "./tree.ts";

/** Options that nothing reads yet. Remove a name here once its option has an effect or is refused. */
const unread = new Set(["token", "peer-discovery-url", "advertise-address"]);

describe("options of the daemon", () => {
  const texts = sources("apps/weaved/src")
    .filter((path) => !path.endsWith("/config/options.ts"))
    .map(read)
    .join("\n");
  const isRead = (name: string) =>
    texts.includes(`"${name}"`) || new RegExp(`\\b(?:settings|options)\\.${name}\\b`).test(texts);

  it.each(Object.entries(optionSpecs).map(([name, { help }]) => [name, help] as const))(
    "--%s has an effect, or its help says that it has none",
    (name, help) => {
      expect(isRead(name) || unread.has(name) || help.startsWith("accepted for compatibility")).toBe(true);
    },
  );
});

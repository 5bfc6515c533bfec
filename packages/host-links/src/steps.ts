import type { Command } from "./types.ts";

/** One change to the host. Plans are lists of these; printing them is a dry run. */
export type Step =
  /** One line of an `ip -batch`. */
  | { readonly do: "ip"; readonly netns?: string; readonly words: readonly string[] }
  | { readonly do: "sysctl"; readonly netns?: string; readonly settings: Readonly<Record<string, string>> }
  | { readonly do: "ethtool"; readonly netns?: string; readonly words: readonly string[] }
  /** A whole rule file, applied atomically. */
  | { readonly do: "nft"; readonly netns?: string; readonly rules: string }
  /** Repeats the gratuitous ARP of an interface once its bridge port forwards. */
  | {
      readonly do: "announce";
      readonly netns: string;
      readonly ifname: string;
      readonly mac: string;
      readonly port: string;
    };

/** The step as a line for people. */
export function describeStep(step: Step): string {
  const where = step.netns ? ` (in ${step.netns})` : "";
  switch (step.do) {
    case "ip":
      return `ip ${step.words.join(" ")}${where}`;
    case "sysctl":
      return `sysctl ${Object.entries(step.settings)
        .map(([key, value]) => `${key}=${value}`)
        .join(" ")}${where}`;
    case "ethtool":
      return `ethtool ${step.words.join(" ")}${where}`;
    case "nft":
      return `nft -f -${where}\n${step.rules}`;
    case "announce":
      return `announce addresses of ${step.ifname}${where}`;
  }
}

/**
 * Commands for the steps, in order; neighbouring `ip` lines of one namespace share a batch: one process instead of many.
 * `announce` has to look before it acts, so it is not here but in the rim.
 */
export function commandsOf(steps: readonly Exclude<Step, { do: "announce" }>[]): Command[] {
  const commands: { argv: string[]; netns?: string; stdin?: string }[] = [];
  let batch: { netns: string | undefined; command: { stdin?: string } } | undefined;
  for (const step of steps) {
    const place = step.netns === undefined ? {} : { netns: step.netns };
    if (step.do === "ip" && batch && batch.netns === step.netns) {
      batch.command.stdin += `${step.words.map(quote).join(" ")}\n`;
      continue;
    }
    const command = { ...place, ...commandOf(step) };
    commands.push(command);
    batch = step.do === "ip" ? { netns: step.netns, command } : undefined;
  }
  return commands;
}

function commandOf(step: Exclude<Step, { do: "announce" }>): { argv: string[]; stdin?: string } {
  switch (step.do) {
    case "ip":
      return { argv: ["ip", "-batch", "-"], stdin: `${step.words.map(quote).join(" ")}\n` };
    case "sysctl":
      // -e: a kernel without IPv6 lacks some of them.
      return {
        argv: ["sysctl", "-q", "-e", "-w", ...Object.entries(step.settings).map(([key, value]) => `${key}=${value}`)],
      };
    case "ethtool":
      return { argv: ["ethtool", ...step.words] };
    case "nft":
      return { argv: ["nft", "-f", "-"], stdin: step.rules };
  }
}

/** `ip -batch` splits at blanks and reads quotes, `#` as a comment; our words contain neither quotes nor line ends. */
function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `"${word.replaceAll(/["\\\n]/g, "")}"`;
}

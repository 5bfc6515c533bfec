import type { Command } from "./types.ts";

/** One change to the host. Plans are lists of these; printing them is a dry run. */
export type Step =
  /** One line of an `ip -batch`. */
  | { readonly do: "ip"; readonly netns?: string; readonly words: readonly string[] }
  | { readonly do: "sysctl"; readonly netns?: string; readonly settings: Readonly<Record<string, string>> }
  | { readonly do: "ethtool"; readonly netns?: string; readonly words: readonly string[] }
  /** A whole rule file, applied atomically. */
  | { readonly do: "nft"; readonly netns?: string; readonly rules: string }
  /** Waits until a bridge port passes frames. */
  | { readonly do: "await-forwarding"; readonly netns?: undefined; readonly port: string };

/** Steps that are one command each. */
export type CommandStep = Exclude<Step, { do: "await-forwarding" }>;

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
    case "await-forwarding":
      return `wait until ${step.port} forwards`;
  }
}

/**
 * Commands for the steps: the groups one after the other, those of a group at once. Neighbouring `ip` lines of one namespace
 * share a batch, one process instead of many; neighbouring settings and rules do not depend on each other.
 */
export function commandsOf(steps: readonly CommandStep[]): Command[][] {
  const groups: { argv: string[]; netns?: string; stdin?: string }[][] = [];
  let last: CommandStep | undefined;
  for (const step of steps) {
    const place = step.netns === undefined ? {} : { netns: step.netns };
    const command = { ...place, ...commandOf(step) };
    const group = groups.at(-1);
    const batch = group?.[0];
    if (batch && step.do === "ip" && last?.do === "ip" && last.netns === step.netns) batch.stdin += command.stdin ?? "";
    else if (group && step.do !== "ip" && last?.do !== "ip") group.push(command);
    else groups.push([command]);
    last = step;
  }
  return groups;
}

function commandOf(step: CommandStep): { argv: string[]; stdin?: string } {
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

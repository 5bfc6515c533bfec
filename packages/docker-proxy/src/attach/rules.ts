/** What decides about a container; known before it exists. */
export interface ContainerWish {
  readonly networkMode: string;
  readonly env: readonly string[];
}

/** Whether a container is attached, and what it asked for; `addresses` empty: one of the default subnet. */
export type Verdict =
  | { readonly attach: true; readonly addresses: readonly string[] }
  | { readonly attach: false; readonly why: string };

/** Network modes in which a container has a namespace of its own that no network driver looks after. */
const ownNetwork = new Set(["", "default", "bridge", "none"]);
const variable = "WEAVE_CIDR=";

/** The rules (docs/protocol/docker.md#19): the network mode, then `WEAVE_CIDR`, then whether there is a default. */
export function verdictOn({ networkMode, env }: ContainerWish, { noDefault }: { noDefault: boolean }): Verdict {
  if (!ownNetwork.has(networkMode)) return { attach: false, why: `its network is ${networkMode}` };
  const given = env.find((entry) => entry.startsWith(variable))?.slice(variable.length);
  if (given === "none") return { attach: false, why: "it asked for WEAVE_CIDR=none" };
  if (given === undefined && noDefault)
    return { attach: false, why: "it has no WEAVE_CIDR, and there is no default (--no-default-ipalloc)" };
  return { attach: true, addresses: (given ?? "").split(/\s+/).filter((word) => word !== "") };
}

/** How a container's name becomes a host name. */
export interface HostnameRules {
  /** Label that holds it; empty: none. */
  readonly label: string;
  readonly match: RegExp;
  /** `$1`, `${1}` stand for groups of the match. */
  readonly replacement: string;
}

/** The host name a container gets if it brings none; empty if nothing can be made. */
export function deriveHostname(name: string, labels: Readonly<Record<string, unknown>>, rules: HostnameRules): string {
  const labelled = rules.label === "" ? undefined : labels[rules.label];
  const source = typeof labelled === "string" && labelled !== "" ? labelled : name;
  return source.replace(rules.match, rules.replacement);
}

/**
 * Go's regular expressions in JavaScript's form: named groups and inline flags at the start are spelled differently.
 *
 * @throws SyntaxError
 */
export function goPattern(text: string): RegExp {
  const [, flags = "", rest = text] = /^\(\?([ims]+)\)(.*)$/s.exec(text) ?? [];
  return new RegExp(rest.replaceAll("(?P<", "(?<"), `g${flags}u`);
}

/** Go's replacement in JavaScript's form: `${name}` and `$name` name groups, `$$` is a dollar. */
export function goReplacement(text: string): string {
  return text.replace(/\$(?:\$|\{(\w+)\}|(\w+))/g, (_, braced?: string, bare?: string) => {
    const group = braced ?? bare;
    if (group === undefined) return "$$";
    return /^\d+$/.test(group) ? `$${group.padStart(2, "0")}` : `$<${group}>`;
  });
}

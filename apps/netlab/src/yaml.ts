import { parse } from "yaml";
import { NetlabError } from "./errors.ts";
import { type LabOptions, planTopology } from "./topology.ts";

/** Known settings, so that a misspelt one is an error instead of a silent default. */
const known: Readonly<Record<string, readonly string[]>> = {
  lab: ["name", "switches", "hosts", "ipv6", "logDir"],
  switch: ["subnet", "region", "mtu", "routed"],
  host: ["switch", "address", "nat", "containers", "dns", "pidNamespace", "docker"],
  nat: ["inside", "forward", "symmetric"],
  container: ["address"],
  dns: ["nameservers", "search", "options"],
};

function check(kind: string, where: string, value: unknown): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new NetlabError("TOPOLOGY_INVALID", `${where} is ${JSON.stringify(value)}: expected settings`);
  }
  const names = known[kind] ?? [];
  for (const key of Object.keys(value)) {
    if (names.includes(key)) continue;
    throw new NetlabError("TOPOLOGY_INVALID", `${where} has unknown setting "${key}"; known: ${names.join(", ")}`);
  }
  return value as Record<string, unknown>;
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/**
 * Reads a topology file: YAML with the settings of {@link LabOptions}. Checked as a whole.
 * @throws NetlabError `TOPOLOGY_INVALID`
 */
export function parseTopology(text: string): LabOptions {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw new NetlabError("TOPOLOGY_INVALID", `not YAML: ${(error as Error).message}`, { cause: error });
  }
  const lab = check("lab", "the file", document);
  for (const [name, plug] of entries(lab.switches)) check("switch", `switch ${name}`, plug);
  for (const [name, value] of entries(lab.hosts)) {
    const host = check("host", `host ${name}`, value);
    if (typeof host.nat !== "boolean") check("nat", `nat of host ${name}`, host.nat);
    check("dns", `dns of host ${name}`, host.dns);
    for (const [inner, one] of entries(host.containers)) check("container", `container ${name}/${inner}`, one);
  }
  const options = { hosts: {}, ...lab } as LabOptions;
  planTopology(options);
  return options;
}

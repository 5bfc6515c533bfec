import { Roster, type RosterOptions } from "../../src/index.ts";
import { generateHostKeys, type HostSecrets, nodeRosterCrypto } from "../../src/node/index.ts";

/** A host with keys, a peer name, and a roster. */
export interface Host extends HostSecrets {
  readonly name: number;
  readonly roster: Roster;
}

/** A new host; `options` go to its roster. */
export function host(name: number, options: Partial<RosterOptions> = {}): Host {
  const secrets = generateHostKeys();
  return { ...secrets, name, roster: rosterOf(secrets, options) };
}

/** An empty roster for the keys of a host, for example after its disk was lost. */
export function rosterOf(secrets: HostSecrets, options: Partial<RosterOptions> = {}): Roster {
  return new Roster({ crypto: nodeRosterCrypto(secrets.signSecret), own: secrets.keys, ...options });
}

/** What a newcomer sends to the member that admits it. */
export function request({ keys, name, roster }: Host) {
  return { ...keys, name, consent: roster.consent(name) };
}

/** A network: the first host founds it, each other is admitted by the one before it, and all know everything. */
export function network(size: number, options: Partial<RosterOptions> = {}): Host[] {
  const hosts = Array.from({ length: size }, (_, i) => host(i + 1, options));
  hosts[0]?.roster.found(1);
  for (let i = 1; i < size; i++) hosts[i - 1]?.roster.admit(request(hosts[i] as Host));
  spread(hosts);
  return hosts;
}

/** Gossips complete states until nothing is new. */
export function spread(hosts: readonly Host[]): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const from of hosts) for (const to of hosts) if (to.roster.receive(from.roster.encode()).news) changed = true;
  }
}

/** Peer names of the members, sorted. */
export function names(roster: Roster): number[] {
  return [...roster.membership.members.values()].map(({ name }) => name).sort((a, b) => a - b);
}

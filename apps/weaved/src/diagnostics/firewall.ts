import { table } from "./overview.ts";

/** What `GET /v1/firewall` answers, as far as it is shown. */
export interface FirewallView {
  readonly ports: readonly {
    readonly port: string;
    readonly addresses: readonly string[];
    readonly strict: boolean;
    readonly allowSources: readonly string[];
    readonly allowDhcp: boolean;
  }[];
  readonly rules?: {
    readonly bridge: string;
    readonly exposures?: readonly { readonly cidr: string; readonly masquerade: boolean }[];
    readonly keepSource?: readonly string[];
    readonly engineBridges?: readonly string[];
    readonly guardedPorts?: readonly number[];
    readonly loopbackPorts?: readonly number[];
    readonly dnsPort?: number;
    readonly antiSpoofing?: { readonly mode?: string };
  };
  readonly drops: Readonly<Record<string, number>>;
}

/** The text of `weave status firewall`. */
export function firewallText({ ports, rules, drops }: FirewallView): string {
  const exposures = rules?.exposures ?? [];
  const list = (values: readonly unknown[] | undefined) => (values?.length ? values.join(", ") : "none");
  const lines = [
    `anti-spoofing     ${rules?.antiSpoofing?.mode ?? "impersonation"}`,
    `exposed           ${list(exposures.map(({ cidr, masquerade }) => (masquerade ? cidr : `${cidr} (no masquerade)`)))}`,
    `source kept to    ${list(rules?.keepSource)}`,
    `isolated bridges  ${list(rules?.engineBridges)}`,
    `guarded ports     ${list(rules?.guardedPorts)}`,
    `loopback ports    ${list(rules?.loopbackPorts)}`,
    `name server       ${rules?.dnsPort ? `port ${rules.dnsPort}, let in from containers` : "none"}`,
    `dropped           ${list(Object.entries(drops).map(([reason, count]) => `${reason} ${count}`))}`,
  ];
  const rows = ports.map((port) => [
    port.port,
    list(port.addresses),
    port.strict ? "strict" : "impersonation",
    list([...port.allowSources, ...(port.allowDhcp ? ["DHCP"] : [])]),
  ]);
  const more = rows.length === 0 ? "" : `\n${table(["PORT", "ADDRESSES", "ANTI-SPOOFING", "MAY ALSO"], rows)}`;
  return `${lines.join("\n")}\n${more}`;
}

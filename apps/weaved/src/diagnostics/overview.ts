import colours from "picocolors";

/** What `GET /v1/overview` answers: the state of this peer for people. */
export interface Overview {
  readonly ready: boolean;
  readonly version: string;
  readonly name: string;
  readonly nickname: string;
  readonly encrypted: boolean;
  readonly peers: number;
  readonly addresses?: {
    readonly range: string;
    readonly status: string;
    readonly used: number;
    readonly ownPercent: number;
  };
  readonly names?: { readonly domain: string; readonly live: number };
  readonly attachments: number;
  readonly links: readonly LinkRow[];
  /** Waits, refusals and downgrades that go on now, each with its code. */
  readonly reasons: readonly { readonly code: string; readonly text: string }[];
}

/** One connection to another peer. */
export interface LinkRow {
  readonly peer: string;
  readonly nickname: string;
  readonly address: string;
  readonly state: string;
  readonly mode: string;
  readonly reason: string;
  readonly encrypted: boolean;
  readonly mtu?: number;
  readonly rttMs?: number;
  readonly lossPercent?: number;
}

/** The text of `weave status overview`. */
export function overview(value: Overview): string {
  const mark = value.ready ? colours.green("ready") : colours.yellow("starting");
  const lines = [
    `${colours.bold(value.nickname)} ${colours.dim(value.name)}  ${mark}  weaved ${value.version}`,
    `  peers      ${value.peers}, ${value.encrypted ? "encrypted" : colours.yellow("not encrypted")}`,
  ];
  if (value.addresses) {
    const { range, status, used, ownPercent } = value.addresses;
    lines.push(`  addresses  ${range}: ${status}, ${used} in use here, ${ownPercent.toFixed(1)} % owned by this peer`);
  }
  if (value.names) lines.push(`  names      ${value.names.live} in ${value.names.domain}`);
  lines.push(`  containers ${value.attachments} attached`);
  if (value.links.length > 0) lines.push("", linksTable(value.links).trimEnd());
  for (const { code, text } of value.reasons) lines.push("", `${colours.yellow(code)} ${text}`);
  return `${lines.join("\n")}\n`;
}

/** The text of `weave status links`. */
export function linksTable(links: readonly LinkRow[]): string {
  const rows = links.map((link) => [
    `${link.nickname} ${link.address}`,
    link.state,
    link.mode,
    link.encrypted ? "sealed" : "clear",
    link.mtu === undefined ? "-" : String(link.mtu),
    link.rttMs === undefined ? "-" : `${link.rttMs.toFixed(1)} ms`,
    link.lossPercent === undefined ? "-" : `${link.lossPercent.toFixed(1)} %`,
    link.reason,
  ]);
  return table(["PEER", "STATE", "MODE", "SEAL", "MTU", "RTT", "LOSS", "WHY"], rows);
}

/** Columns as wide as their widest cell; the last is left as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const format = (row: readonly string[]) =>
    row.map((cell, column) => (column === head.length - 1 ? cell : cell.padEnd(widths[column]!))).join("  ");
  return `${[colours.dim(format(head)), ...rows.map(format)].join("\n")}\n`;
}

/** What `ip -j -d` tells about the host, cut to what planning needs. */

/** An interface as it is. */
export interface ObservedLink {
  readonly ifname: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** Name of the bridge it is plugged into. */
  readonly master?: string;
  /** `bridge`, `veth`, or whatever the kernel says. */
  readonly kind?: string;
  /** Free text kept by the kernel; ours starts with `weave:`. */
  readonly alias?: string;
  readonly hairpin?: boolean;
  /** Bridge port passes frames. */
  readonly forwarding?: boolean;
  /** IPv4, global scope, as `a.b.c.d/n`. */
  readonly addresses: readonly string[];
}

/** A route of the main table. */
export interface ObservedRoute {
  /** `default` or a subnet. */
  readonly to: string;
  readonly via?: string;
  readonly dev?: string;
  readonly protocol?: string;
}

interface RawLink {
  readonly ifname: string;
  readonly address?: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly ifalias?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_slave_data?: { readonly hairpin?: boolean; readonly state?: string };
  };
  readonly addr_info?: readonly { readonly family: string; readonly local?: string; readonly prefixlen: number }[];
}

interface RawRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
}

/** Reads the answers of an `ip -j -batch`: one JSON array a line; commands without anything to show print an empty line or none. */
export function parseBatch(stdout: string): unknown[][] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("["))
    .map((line) => JSON.parse(line) as unknown[]);
}

/** Links of `ip -j -d address show`; `ip` prints empty objects for what a filter left out. */
export function readLinks(rows: readonly unknown[]): ObservedLink[] {
  return (rows as readonly RawLink[])
    .filter((row) => row.ifname !== undefined)
    .map((row) => {
      const { info_kind: kind, info_slave_data: port } = row.linkinfo ?? {};
      return {
        ifname: row.ifname,
        mac: row.address ?? "",
        mtu: row.mtu,
        up: row.flags.includes("UP"),
        addresses: (row.addr_info ?? [])
          .filter((info) => info.family === "inet" && info.local !== undefined)
          .map((info) => `${info.local}/${info.prefixlen}`),
        ...(row.master !== undefined && { master: row.master }),
        ...(row.ifalias !== undefined && { alias: row.ifalias }),
        ...(kind !== undefined && { kind }),
        ...(port?.hairpin !== undefined && { hairpin: port.hairpin }),
        ...(port?.state !== undefined && { forwarding: port.state === "forwarding" }),
      };
    });
}

/** Routes of `ip -j -4 route show`. */
export function readRoutes(rows: readonly unknown[]): ObservedRoute[] {
  return (rows as readonly RawRoute[])
    .filter((row) => row.dst !== undefined)
    .map((row) => ({
      to: row.dst,
      ...(row.gateway !== undefined && { via: row.gateway }),
      ...(row.dev !== undefined && { dev: row.dev }),
      ...(row.protocol !== undefined && { protocol: row.protocol }),
    }));
}

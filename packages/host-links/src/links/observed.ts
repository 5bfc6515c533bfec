/** The answers of `ip -j -d`, cut to what planning needs. */

/** An interface as it is. */
export interface ObservedLink {
  readonly ifname: string;
  /** The kernel's number of the interface, unique in its namespace. */
  readonly index?: number;
  /** The number of the other end of a veth pair, in the namespace where that end is. */
  readonly peerIndex?: number;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** Name of the bridge it is plugged into. */
  readonly master?: string;
  /** `bridge`, `veth`, or another kind of the kernel. */
  readonly kind?: string;
  /** Free text kept by the kernel; ours starts with `weave:`. */
  readonly alias?: string;
  readonly hairpin?: boolean;
  /** The bridge port passes frames. */
  readonly forwarding?: boolean;
  /** Addresses as `a.b.c.d/n`; of IPv6 those of global scope only. */
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
  readonly ifindex?: number;
  readonly link_index?: number;
  readonly address?: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly ifalias?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_slave_data?: { readonly hairpin?: boolean; readonly state?: string };
  };
  readonly addr_info?: readonly {
    readonly family: string;
    readonly local?: string;
    readonly prefixlen: number;
    readonly scope?: string;
  }[];
}

interface RawRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
}

/** Reads the answers of an `ip -j -batch`: one JSON array a line. A command with nothing to show prints an empty line or none. */
export function parseBatch(stdout: string): unknown[][] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("["))
    .map((line) => JSON.parse(line) as unknown[]);
}

/** Links of `ip -j -d address show`. For a link that a filter leaves out, `ip` prints an empty object. */
export function readLinks(rows: readonly unknown[]): ObservedLink[] {
  return (rows as readonly RawLink[])
    .filter((row) => row.ifname !== undefined)
    .map((row) => {
      const { info_kind: kind, info_slave_data: port } = row.linkinfo ?? {};
      return {
        ifname: row.ifname,
        ...(row.ifindex !== undefined && { index: row.ifindex }),
        ...(row.link_index !== undefined && { peerIndex: row.link_index }),
        mac: row.address ?? "",
        mtu: row.mtu,
        up: row.flags.includes("UP"),
        addresses: (row.addr_info ?? [])
          .filter((info) => info.local !== undefined && (info.family === "inet" || info.scope === "global"))
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

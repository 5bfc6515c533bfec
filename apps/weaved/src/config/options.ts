import { parseInterface } from "@weaved/ip";
import * as z from "zod";

/**
 * Every setting of the daemon, once. Flags have the names of the original's `weaver`; the configuration file uses the same
 * names as keys; the environment variable is `WEAVED_` plus the name in capitals (`WEAVED_CONN_LIMIT`), or what `env` says.
 */

/** One setting. */
export interface OptionSpec {
  /** Checks and converts what was given as text, or as a YAML value. */
  readonly schema: z.ZodType;
  readonly default: unknown;
  readonly help: string;
  /** Older names in the environment, tried after `WEAVED_...`. */
  readonly env?: readonly string[];
  readonly short?: string;
  /** A flag without value. */
  readonly flag?: true;
  /** May be given several times. */
  readonly list?: true;
  /** Never printed, and better not given on the command line, where `ps` shows it. */
  readonly secret?: true;
  /** The original has it and this daemon does not: the reason and the remedy. */
  readonly refused?: string;
}

const text = z.string();
const flag = z.preprocess(
  (value) => (value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : value),
  z.boolean(),
);
const port = z.coerce.number().int().min(1).max(65535);
const count = z.coerce.number().int().min(0);
const list = z.array(text);
const cidr = z.union([
  z.literal(""),
  z.string().refine((value) => {
    try {
      return parseInterface(value).address.family === 4;
    } catch {
      return false;
    }
  }, "expected an IPv4 network, such as 10.32.0.0/12"),
]);

const noDiscoveryService = "there is no peer discovery service to use; name the peers instead: weave launch PEER...";

const off = (help: string, env?: readonly string[]) => ({
  schema: flag,
  default: false,
  help,
  flag: true as const,
  ...(env && { env }),
});
const string = (help: string, fallback = "", more: Partial<OptionSpec> = {}) => ({
  ...more,
  schema: text,
  default: fallback,
  help,
});
const range = (help: string) => ({ schema: cidr, default: "", help });

/** Units of a Go duration in milliseconds. */
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a Go duration such as `1m30s`. */
const duration = z.preprocess(
  (value) => {
    if (typeof value !== "string" || !/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(value)) return value;
    return [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
      (sum, [, number, unit]) => sum + Number(number) * units[unit!]!,
      0,
    );
  },
  z.number({ error: "expected a duration, such as 5s or 1m30s" }),
);

/** The settings by flag name, in the order of `--help`. */
export const optionSpecs = {
  config: string("YAML file with settings; keys are the names of these flags", "", { env: ["WEAVED_CONFIG"] }),
  version: off("print version and exit"),
  "print-peer-name": off("print peer name and exit"),
  // Peers.
  host: string("address to listen and dial on (empty: all)"),
  port: { schema: port, default: 6783, help: "TCP and UDP port of this peer", env: ["WEAVE_PORT"] },
  "min-protocol-version": {
    schema: z.coerce.number().int().min(0).max(2),
    default: 0,
    help: "lowest protocol version to speak, 1 or 2 (0: 2 with a password, else 1)",
  },
  resume: off(
    "connect to the previously known targets; peers of the configuration file are added, none may be named here",
  ),
  name: string("peer name, such as 7a:9f:eb:b6:0c:6e (empty: derived from the machine)"),
  nickname: string("name shown to people (empty: host name)"),
  password: string("network password; prefer --password-file or WEAVE_PASSWORD", "", {
    secret: true,
    env: ["WEAVE_PASSWORD"],
  }),
  "password-file": string("file with the network password; mode 0600"),
  "conn-limit": { schema: count, default: 200, help: "connection limit (0: none)" },
  "no-discovery": off("connect only to the peers that are named, not to those they know"),
  "trusted-subnets": string("comma-separated CIDRs; frames between peers that trust each other are sent in clear"),
  token: string("refused: there is no peer discovery service", "", { secret: true, refused: noDiscoveryService }),
  "peer-discovery-url": string("refused: there is no peer discovery service", "", { refused: noDiscoveryService }),
  "advertise-address": string("refused: it belongs to a peer discovery service", "", {
    refused: "peers learn addresses from connections; use --host to choose the address of this host",
  }),
  // Host.
  "weave-bridge": string("name of the bridge", "weave"),
  "docker-bridge": string("name of Docker's bridge"),
  mtu: {
    schema: z.coerce
      .number()
      .int()
      .refine((value) => value === 0 || (value >= 576 && value <= 65521), {
        error: "expected 0, or 576 to 65521 bytes",
      }),
    default: 0,
    help: "MTU of container interfaces in bytes (0: derived from the overlay)",
    env: ["WEAVE_MTU"],
  },
  "no-fastdp": off("do not use the kernel's VXLAN", ["WEAVE_NO_FASTDP"]),
  "no-gso": off("do not use super-frames between weaved peers"),
  datapath: string("accepted for compatibility; the kernel path needs no datapath of its own"),
  "no-bridged-fastdp": off("accepted for compatibility"),
  "no-masq-local": off("keep the source address of traffic to containers of this host"),
  "no-restart": off("accepted for compatibility: a supervisor decides about restarts"),
  "anti-spoof": {
    schema: z.enum(["impersonation", "strict"]),
    default: "impersonation",
    help: "sources that containers may use: impersonation (all that belong to no one else) or strict (their own)",
  },
  "expect-npc": off("accepted for compatibility"),
  "host-root": string("path to the host's file system"),
  "proc-path": string("path to the host's /proc", "/proc"),
  bufsz: { schema: count, default: 8, help: "accepted for compatibility" },
  "pkt-debug": off("accepted for compatibility"),
  profile: string("accepted for compatibility"),
  // Interfaces.
  "http-addr": string("control interface: host:port on loopback, or an absolute path (empty: off)", "", {
    env: ["WEAVE_HTTP_ADDR"],
  }),
  "status-addr": string("read-only status and metrics: host:port or path (empty: off)", "", {
    env: ["WEAVE_STATUS_ADDR"],
  }),
  "metrics-addr": string("metrics only: host:port or path (empty: off)"),
  "control-socket": string("Unix socket of the control interface, mode 0600 (empty: off)"),
  "log-level": {
    schema: z.enum(["debug", "info", "warning", "error"]),
    default: "info",
    help: "debug, info, warning or error",
  },
  "log-format": {
    schema: z.enum(["json", "pretty", "auto"]),
    default: "auto",
    help: "json, pretty, or auto (pretty on a terminal)",
  },
  "db-prefix": string("path prefix of the state files", "/weavedb/weave"),
  // Addresses.
  "ipalloc-init": string("consensus[=N], seed=PEER,..., or observer"),
  "ipalloc-range": range("range for automatic allocation (empty: off)"),
  "allow-overlap": off("accept a range that overlaps a route of this host"),
  "ipalloc-default-subnet": range("subnet to allocate in by default (empty: the whole range)"),
  "ipalloc-exclude": string("comma-separated CIDRs never to hand out"),
  "ipalloc-reservations": string("comma-separated NAME=ADDRESS, the same on all hosts; a name such as db.weave.local"),
  "ipalloc-reclaim": string("program that tells by exit code 0 that a peer's machine (NAME NICKNAME) is gone for good"),
  awsvpc: off("program VPC route tables; an overlay carries only what has no room there"),
  "awsvpc-routes": { schema: count, default: 0, help: "routes a VPC route table takes; 0: as Service Quotas says" },
  // Names.
  "no-dns": off("no DNS server"),
  "dns-domain": string("domain of container names", "weave.local."),
  "dns-listen-address": string("address:port of the DNS server (empty: port 53 of the bridge and of Docker's bridge)"),
  "dns-clients": string(
    "comma-separated CIDRs answered by the DNS server besides the overlay, this host, and the networks on its bridges",
  ),
  "dns-ttl": { schema: count, default: 1, help: "TTL of answers in seconds" },
  "dns-fallback-timeout": { schema: duration, default: 5000, help: "time for one upstream answer" },
  "dns-strategy": {
    schema: z.enum(["shuffle", "round-robin", "local-first"]),
    default: "shuffle",
    help: "shuffle, round-robin or local-first",
  },
  "resolv-conf": string("resolver file with the upstream servers (empty: /etc/resolv.conf)"),
  // Docker.
  "docker-api": string("Docker's API (empty: no Docker)", "unix:///var/run/docker.sock", { env: ["DOCKER_HOST"] }),
  proxy: off("serve the Docker API proxy"),
  H: { schema: list, default: [], help: "address of the proxy; may be repeated", list: true, short: "H" },
  "hostname-from-label": string("label that holds a container's host name"),
  "hostname-match": string("pattern on container names", "(.*)"),
  "hostname-replacement": string("host name made from the match", "$1"),
  "rewrite-inspect": off("let inspect show the weave address"),
  "no-default-ipalloc": off("attach only containers with WEAVE_CIDR"),
  "no-rewrite-hosts": off("leave /etc/hosts of containers alone"),
  "without-dns": off("containers do not use this DNS server"),
  "no-multicast-route": off("no multicast route in containers"),
  tls: off("proxy speaks TLS"),
  tlsverify: off("proxy speaks TLS and verifies clients"),
  tlscacert: string("trust only this CA"),
  tlscert: string("TLS certificate"),
  tlskey: string("TLS key"),
  plugin: off("serve the Docker network plugin"),
  "plugin-v2": off("serve it as a managed (v2) plugin"),
  "plugin-v2-multicast": off("multicast for the managed plugin"),
  "plugin-socket": string("socket of the plugin", "/run/docker/plugins/weave.sock"),
  "plugin-mesh-socket": string("socket of the plugin in mesh mode", "/run/docker/plugins/weavemesh.sock"),
} as const satisfies Record<string, OptionSpec>;

/** Name of a setting. */
export type OptionName = keyof typeof optionSpecs;

type Value<Name extends OptionName> = z.output<(typeof optionSpecs)[Name]["schema"]>;

/** All settings, each checked. */
export type Settings = { readonly [Name in OptionName]: Value<Name> } & { readonly peers: readonly string[] };

import { readCidr, subnetOf } from "../address.ts";
import type { Command, Runner } from "../types.ts";

/** An interface of a {@link FakeHost}. */
export interface FakeLink {
  ifname: string;
  /** Unique on the whole host, unlike the kernel's, so that a mix-up of namespaces shows. */
  index: number;
  kind: string;
  mac: string;
  mtu: number;
  up: boolean;
  master?: string;
  alias?: string;
  hairpin: boolean;
  addresses: string[];
  /** The other end of a veth pair. */
  peer?: FakeLink;
  namespace: string;
}

interface FakeRoute {
  dst: string;
  gateway?: string;
  dev: string;
  protocol: string;
  namespace: string;
}

/** Answers `ip`, `nft`, and `sysctl` as Linux does, as far as this package asks. A command it does not know fails. */
export interface FakeHost extends Runner {
  /** Interfaces of all namespaces; the host's own namespace is "". */
  readonly links: FakeLink[];
  /** Each command, as text, in order. */
  readonly log: string[];
  readonly sysctls: Map<string, string>;
  /** The rule file last loaded for each table, such as `inet weave`; a namespace comes first. */
  readonly rules: Map<string, string>;
  /** Ends a namespace: its links vanish, and their other ends with them. */
  removeNamespace(path: string): void;
}

/** Makes a host with nothing but its loopback. */
export function createFakeHost(): FakeHost {
  const links: FakeLink[] = [];
  const log: string[] = [];
  const sysctls = new Map<string, string>();
  const rules = new Map<string, string>();
  const routes: FakeRoute[] = [];
  let lastIndex = 0;
  const find = (ifname: string, namespace: string): FakeLink => {
    const link = links.find((candidate) => candidate.ifname === ifname && candidate.namespace === namespace);
    if (!link) throw new Error(`Cannot find device "${ifname}"`);
    return link;
  };
  const remove = (link: FakeLink) => {
    for (const gone of [link, link.peer]) {
      if (gone && links.includes(gone)) links.splice(links.indexOf(gone), 1);
    }
    for (const route of [...routes])
      if (!links.some((left) => left.ifname === route.dev && left.namespace === route.namespace))
        routes.splice(routes.indexOf(route), 1);
  };

  function add(words: string[], namespace: string): void {
    if (words[0] === "name") words.shift();
    const type = words.indexOf("type");
    const own = pairs(words.slice(1, type));
    const make = (ifname: string, kind: string, options: Map<string, string>, place: string): FakeLink => {
      if (links.some((link) => link.ifname === ifname && link.namespace === place))
        throw new Error("RTNETLINK answers: File exists");
      const link: FakeLink = {
        ifname,
        index: ++lastIndex,
        kind,
        mac: options.get("address") ?? "02:00:00:00:00:01",
        mtu: Number(options.get("mtu") ?? 1500),
        up: false,
        hairpin: false,
        addresses: [],
        namespace: place,
      };
      links.push(link);
      return link;
    };
    const link = make(words[0]!, words[type + 1]!, own, namespace);
    if (words[type + 2] !== "peer") return;
    const other = pairs(words.slice(type + 3));
    const peer = make(other.get("name")!, "veth", other, other.get("netns") ?? namespace);
    link.peer = peer;
    peer.peer = link;
  }

  function set(words: string[], namespace: string): void {
    const link = find(words[1]!, namespace);
    for (let at = 2; at < words.length; at++) {
      const value = words[at + 1] ?? "";
      switch (words[at]) {
        case "up":
          link.up = true;
          continue;
        case "address":
          link.mac = value;
          break;
        case "mtu":
          link.mtu = Number(value);
          break;
        case "master":
          find(value, namespace);
          link.master = value;
          break;
        case "alias":
          link.alias = value;
          break;
        case "hairpin":
          link.hairpin = value === "on";
          break;
        case "type":
          break;
        case "nomaster":
          delete link.master;
          continue;
        default:
          throw new Error(`the fake host does not know "link set ${words[at]}"`);
      }
      at++;
    }
  }

  function address(verb: string, words: string[], namespace: string): void {
    const cidr = words[0]!;
    const link = find(words[2]!, namespace);
    const read = readCidr(cidr);
    const text = `${read.address}/${read.cidr.length}`;
    if (verb === "delete") {
      if (!link.addresses.includes(text)) throw new Error("RTNETLINK answers: Cannot assign requested address");
      link.addresses.splice(link.addresses.indexOf(text), 1);
      return;
    }
    if (link.addresses.includes(text)) throw new Error("RTNETLINK answers: File exists");
    link.addresses.push(text);
    if (!words.includes("noprefixroute"))
      routes.push({ dst: subnetOf(text), dev: link.ifname, protocol: "kernel", namespace });
  }

  function route(verb: string, words: string[], namespace: string): void {
    const options = pairs(words.slice(1));
    const at = routes.findIndex(
      (candidate) =>
        candidate.dst === words[0] && candidate.dev === options.get("dev") && candidate.namespace === namespace,
    );
    if (verb === "add" && at >= 0) throw new Error("RTNETLINK answers: File exists");
    if (at >= 0) routes.splice(at, 1);
    else if (verb === "delete") throw new Error("RTNETLINK answers: No such process");
    const gateway = options.get("via");
    if (verb !== "delete")
      routes.push({
        dst: words[0]!,
        dev: find(options.get("dev")!, namespace).ifname,
        protocol: "boot",
        namespace,
        ...(gateway && { gateway }),
      });
  }

  /** One line of `ip`; its JSON, if it asks something. */
  function ip(words: string[], namespace: string): unknown[] | undefined {
    const [object, verb, ...rest] = words;
    if (verb === "show")
      return object === "route" ? routes.filter((entry) => entry.namespace === namespace) : shown(rest, namespace);
    if (object === "link" && verb === "add") add(rest, namespace);
    else if (object === "link" && verb === "set") set(rest, namespace);
    else if (object === "link" && verb === "delete") remove(find(rest[1]!, namespace));
    else if (object === "address") address(verb!, rest, namespace);
    else if (object === "route") route(verb!, rest, namespace);
    else throw new Error(`the fake host does not know "ip ${words.join(" ")}"`);
    return undefined;
  }

  function shown([by, value]: string[], namespace: string): unknown[] {
    if (by === "dev") return [json(find(value!, namespace))];
    return links.filter((link) => link.namespace === namespace && (by !== "type" || link.kind === value)).map(json);
  }

  /** Keeps the last file of each table; lists it as something that changes with it. */
  function nft(words: string[], netns: string, stdin: string): string {
    if (words[0] === "-f") {
      const names = new Set([...stdin.matchAll(/^table (.+?) \{/gm)].map(([, name]) => name!));
      for (const name of names) {
        const filled = new RegExp(`^table ${name} \\{\\n`, "m").test(stdin);
        if (filled) rules.set(`${netns} ${name}`.trim(), stdin);
        else rules.delete(`${netns} ${name}`.trim());
      }
      return "";
    }
    if (words[0] === "list" && words[1] === "table") {
      const text = rules.get(`${netns} ${words.slice(2).join(" ")}`.trim());
      if (text === undefined) throw new Error("No such file or directory");
      return JSON.stringify({ nftables: [{ text }] });
    }
    throw new Error(`the fake host does not know "nft ${words.join(" ")}"`);
  }

  function execute({ argv, netns = "", stdin = "" }: Command): string {
    const [tool, ...args] = argv;
    const words = args.filter((word) => !["-j", "-d", "-4", "-q", "-e", "-w"].includes(word));
    if (tool === "sysctl")
      for (const setting of words) sysctls.set(`${netns}:${setting.split("=")[0]}`, setting.split("=")[1]!);
    else if (tool === "nft") return nft(words, netns, stdin);
    else if (tool === "iptables" || tool === "ip6tables") throw new Error(`${tool}: command not found`);
    else if (tool === "ip") {
      const lines =
        words[0] === "-batch"
          ? stdin
              .trim()
              .split("\n")
              .map((line) => (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', "")))
          : [words];
      return lines
        .map((line) => ip(line, netns))
        .filter((rows) => rows !== undefined)
        .map((rows) => `${JSON.stringify(rows)}\n`)
        .join("");
    } else if (tool !== "ethtool") throw new Error(`the fake host has no ${argv.join(" ")}`);
    return "";
  }

  return {
    links,
    log,
    sysctls,
    rules,
    async run(command) {
      log.push(
        `${command.netns ? `[${command.netns}] ` : ""}${command.argv.join(" ")}${command.stdin ? `\n${command.stdin}` : ""}`,
      );
      try {
        return { code: 0, stdout: execute(command), stderr: "" };
      } catch (error) {
        return { code: 1, stdout: "", stderr: (error as Error).message };
      }
    },
    removeNamespace(path) {
      for (const link of links.filter((candidate) => candidate.namespace === path)) remove(link);
    },
  };
}

function pairs(words: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (let at = 0; at < words.length; at += 2) options.set(words[at]!, words[at + 1] ?? "");
  return options;
}

/** As `ip -j -d address show` prints it. */
function json(link: FakeLink): object {
  return {
    ifname: link.ifname,
    ifindex: link.index,
    ...(link.peer && { link_index: link.peer.index }),
    address: link.mac,
    mtu: link.mtu,
    flags: link.up ? ["BROADCAST", "UP"] : ["BROADCAST"],
    ...(link.master && { master: link.master }),
    ...(link.alias && { ifalias: link.alias }),
    linkinfo: {
      info_kind: link.kind,
      info_slave_data: { hairpin: link.hairpin, state: link.up && link.peer?.up ? "forwarding" : "disabled" },
    },
    addr_info: link.addresses.map((cidr) => ({
      family: "inet",
      local: cidr.split("/")[0],
      prefixlen: Number(cidr.split("/")[1]),
    })),
  };
}

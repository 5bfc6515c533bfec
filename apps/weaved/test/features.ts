/**
 * What users of the original see, by the numbers of its own integration tests, and the test here that shows the same:
 * part of its title. Rows that do not apply have the reason instead.
 */
export interface Feature {
  readonly number: number;
  readonly seen: string;
  /** Parts of titles of tests in `test/host`. */
  readonly tests?: readonly string[];
  readonly reason?: string;
}

const feature = (number: number, seen: string, ...tests: string[]): Feature => ({ number, seen, tests });
const without = (number: number, seen: string, reason: string): Feature => ({ number, seen, reason });
const kubernetes = "Kubernetes is out of scope";
const engine = "the daemon is no container: its service manager restarts it (systemd unit in the app)";

export const features: readonly Feature[] = [
  without(90, "the router container restarts by itself", engine),
  feature(100, "containers on two hosts reach each other", "talk over a plain network", "are distinct, the same again"),
  feature(101, "connections are counted in the metrics", "talk over a plain network"),
  feature(105, "a path that drops large packets", "loses packets above 700 bytes without a word"),
  feature(110, "traffic sealed in user space", "talk sealed with a password"),
  without(111, "ESP on the kernel's path", "sealed links use sleeve-gso in user space; no IPsec state exists"),
  feature(115, "trusted subnets", "talk sealed when only one side trusts the subnet"),
  feature(
    120,
    "discovery, relaying without it",
    "lets the ends of a chain connect",
    "relayed by a middle without IPAM",
  ),
  feature(130, "expose and hide", "keeps the host out until it is exposed", "closes again by hide"),
  feature(135, "firewall rules come back", "is not needed for rules to come back after somebody flushed them"),
  without(140, "the script runs on the host itself", "weave always does: it needs no helper containers"),
  feature(150, "connect, replace, forget", "others replace them and are connected to", "that are forgotten are not"),
  feature(175, "targets persist", "survive a crash of the daemon and `--resume`"),
  feature(190, "64 KiB frames without the kernel's path", "carries bulk TCP between interfaces of 64 KiB frames"),
  feature(191, "bridge and rules after a crash", "the bridge is whole again afterwards"),
  feature(
    195,
    "multicast route left out",
    "waits for the interface alone, with --no-multicast-route",
    "with or without multicast",
  ),
  feature(200, "names, forward and reverse", "resolve on the same host and on others", "gives the exposed host a name"),
  feature(205, "DNS switched off", "no DNS, if that is wanted"),
  feature(210, "names across hosts", "resolve on the same host and on others", "of a host that dies go within seconds"),
  feature(215, "removed names stay removed", "names removed during a partition"),
  feature(220, "a domain of one's own", "a domain of one's own serves"),
  feature(225, "sub-domains", "in sub-domains resolve"),
  feature(230, "single labels", "in sub-domains resolve"),
  feature(240, "names added and removed", "may be added for a container"),
  feature(245, "case", "ignore case, keep the asker's spelling"),
  feature(250, "negative answers", "answer other types without data"),
  feature(
    255,
    "names after a restart",
    "are there again after a restart of their daemon",
    "is taken up by a daemon that was restarted",
  ),
  feature(260, "names of removed containers", "loses its name when it dies"),
  feature(265, "reverse of a reused address", "loses its name when it dies"),
  feature(270, "the name becomes the host name", "sees its address, routes, resolver, own name"),
  feature(280, "with or without DNS", "leaves resolver and names alone, with --without-dns"),
  feature(290, "other names go to the host's resolver", "other names are answered by the host's resolver"),
  feature(295, "large answers", "with fifty addresses are answered in full"),
  feature(300, "an address moves", "that move to another container are reachable at once"),
  feature(310, "Docker restarts", "keeps both over a restart of the engine"),
  feature(320, "claims", "are claimed back after all state is lost", "a claim inside the range waits"),
  feature(330, "reset", "peers are reset and started anew"),
  feature(335, "rmpeer", "of a host that died are taken over"),
  feature(340, "observers cannot vote", "one elector and an observer are no quorum"),
  feature(350, "observers can call an election", "an allocation on an observer makes the electors vote"),
  feature(360, "rings made apart", "peers whose rings were made apart"),
  feature(362, "another range", "another range at the next start"),
  feature(370, "addresses persist", "survive restarts, the exposed one of the host included"),
  feature(380, "seeds", "two peers seeded alike allocate at once"),
  without(
    390,
    "the peer's name persists",
    "shown by unit tests of src/config/peer-name.ts; hosts of a lab are given names",
  ),
  feature(500, "several addresses", "come several to a container, of all kinds"),
  feature(510, "hide does not wait for a quorum", "a claim inside the range waits"),
  without(
    600,
    "docker-py's tests through the proxy",
    "they need their own Python environment and images from a registry",
  ),
  feature(605, "inspect shows the network", "shows the network's address in inspect"),
  feature(
    610,
    "the command waits for the interface",
    "gives a container its address and routes with its first instruction",
    "has the wait program mounted read-only",
    "committed to an image and run again waits once",
  ),
  feature(
    615,
    "/etc/hosts",
    "leaves /etc/hosts alone, with --no-rewrite-hosts",
    "sees its address, routes, resolver, own name",
  ),
  feature(620, "entrypoint and command", "keeps entrypoint and command"),
  feature(
    630,
    "proxied containers in DNS",
    "resolves its own name and that of another",
    "leaves resolver and names alone",
  ),
  feature(635, "unqualified names", "resolves its own name and that of another"),
  feature(640, "re-attached after restarts", "is attached again when it is restarted, by whom ever"),
  feature(650, "env and config", "names the proxy's addresses; env and config print them"),
  feature(655, "large chunks", "build images, pass events, and serve keep-alive clients"),
  feature(660, "automatic addresses", "attaches only who asks, with --no-default-ipalloc"),
  feature(666, "host configuration at start", "takes host configuration sent with the start"),
  feature(670, "TLS", "serves clients with a certificate, and nobody else"),
  feature(680, "host names derived", "each data producer answers its share"),
  feature(690, "listening addresses", "names the proxy's addresses; env and config print them"),
  feature(700, "status and report", "talk over a plain network", "is in the report and in status"),
  without(705, "hairpin mode is noticed", "frames come through a TAP device, which hands back none of its own"),
  feature(800, "plugin across hosts", "joins containers of two hosts"),
  feature(810, "plugin and a restart", "keeps addresses and names over a restart of the daemon"),
  feature(820, "plugin subnets", "serves networks with a subnet, a range, fixed addresses"),
  feature(830, "CNI", "attaches namespaces at distinct addresses", "uses subnet and routes of the configuration"),
  without(840, "weave-kube", kubernetes),
  without(
    850,
    "the managed plugin with Swarm",
    "managed plugins are images; the driver offers global scope, see the plugin test",
  ),
  without(860, "weave-kube port maps", kubernetes),
  without(870, "weave-kube reclaim", kubernetes),
];

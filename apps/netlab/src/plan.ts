import { renderFaults } from "./faults.ts";
import type { ContainerPlan, HostPlan, NatPlan, NicPlan, Topology } from "./topology.ts";

/** What one namespace needs: settings, `ip -batch` lines, nftables rules; applied in this order from inside it. */
export interface NamespacePlan {
  /** Name under `/run/netns`. */
  readonly netns: string;
  /** `net.*` settings, as paths below `/proc/sys`. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly ip: readonly string[];
  readonly nft: string;
}

/** Everything to do for a lab. The switches come first: they hold one end of every cable. */
export interface LabPlan {
  readonly switches: NamespacePlan;
  /** NAT routers, hosts, containers, in an order in which they can be applied at the same time per group. */
  readonly nats: readonly NamespacePlan[];
  readonly hosts: readonly NamespacePlan[];
  readonly containers: readonly NamespacePlan[];
}

/** Names of a lab's namespaces. Everything starts with the lab's id, so that no two labs meet. */
export const netnsNames: {
  switches(id: string): string;
  host(id: string, host: string): string;
  nat(id: string, host: string): string;
  container(id: string, host: string, container: string): string;
} = {
  switches: (id) => `${id}.switches`,
  host: (id, host) => `${id}-${host}`,
  nat: (id, host) => `${id}-${host}.nat`,
  container: (id, host, container) => `${id}-${host}.${container}`,
};

function sysctls(topology: Topology, forward: boolean): Record<string, string> {
  const off = topology.ipv6 ? "0" : "1";
  return {
    "net/ipv6/conf/all/disable_ipv6": off,
    "net/ipv6/conf/default/disable_ipv6": off,
    "net/ipv4/ip_forward": forward ? "1" : "0",
    // The root namespace may have set this machine's own choice as the default.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
  };
}

function planSwitches(id: string, topology: Topology): NamespacePlan {
  const ip = ["link set lo up"];
  for (const plug of topology.switches) {
    ip.push(
      `link add ${plug.bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
      `link set ${plug.bridge} mtu ${plug.mtu} up alias ${plug.name}`,
    );
    if (plug.routed) ip.push(`addr add ${plug.gateway}/${plug.bits} dev ${plug.bridge}`);
  }
  for (const host of topology.hosts) {
    const netns = host.nat ? netnsNames.nat(id, host.name) : netnsNames.host(id, host.name);
    for (const nic of host.nics) {
      const device = host.nat ? "out" : nic.device;
      ip.push(
        `link add ${nic.port} mtu ${nic.switch.mtu} type veth peer name ${device} mtu ${nic.switch.mtu} netns ${netns}`,
        `link set ${nic.port} master ${nic.switch.bridge} up alias ${host.name}`,
      );
    }
  }
  return {
    netns: netnsNames.switches(id),
    sysctls: sysctls(topology, true),
    ip,
    nft: renderFaults(topology, new Map()),
  };
}

function plugIn(nic: NicPlan, device: string, defaultRoute: boolean): string[] {
  const lines = [`addr add ${nic.address}/${nic.switch.bits} dev ${device}`, `link set ${device} up`];
  if (defaultRoute && nic.switch.routed) lines.push(`route add default via ${nic.switch.gateway}`);
  return lines;
}

/** Rules of a NAT router: what goes out takes its address, only `forward` ports and answers come in. */
export function natRules(nat: NatPlan): string {
  const ports = nat.forward.length > 0 ? `{ ${nat.forward.join(", ")} }` : undefined;
  return [
    "table ip netlab {",
    "  chain in {",
    "    type nat hook prerouting priority -100",
    ...(ports ? [`    iifname "out" meta l4proto { tcp, udp } th dport ${ports} dnat to ${nat.hostAddress}`] : []),
    "  }",
    "  chain out {",
    "    type nat hook postrouting priority 100",
    `    oifname "out" masquerade${nat.symmetric ? " fully-random" : ""}`,
    "  }",
    "  chain pass {",
    "    type filter hook forward priority 0; policy drop",
    '    iifname "in" accept',
    "    ct state established,related accept",
    "    ct status dnat accept",
    "  }",
    "}",
    "",
  ].join("\n");
}

function planNat(id: string, topology: Topology, host: HostPlan, nat: NatPlan): NamespacePlan {
  const [nic] = host.nics as [NicPlan];
  return {
    netns: netnsNames.nat(id, host.name),
    sysctls: sysctls(topology, true),
    ip: [
      "link set lo up",
      ...plugIn(nic, "out", true),
      `link add in mtu ${nic.switch.mtu} type veth peer name ${nic.device} mtu ${nic.switch.mtu} netns ${netnsNames.host(id, host.name)}`,
      `addr add ${nat.gateway}/${nat.bits} dev in`,
      "link set in up",
    ],
    nft: natRules(nat),
  };
}

/** Lines that join a container to its host's own bridge, run inside the host. */
function attach(id: string, host: HostPlan, container: ContainerPlan, index: number): string[] {
  if (container.address === undefined) return [];
  const netns = netnsNames.container(id, host.name, container.name);
  return [
    `link add lc${index} type veth peer name eth0 netns ${netns}`,
    `link set lc${index} master lab0 up alias ${container.name}`,
  ];
}

function planHost(id: string, topology: Topology, host: HostPlan): NamespacePlan {
  const joined = host.containers.filter((one) => one.address !== undefined);
  const gateways = new Set(joined.map((one) => `${one.gateway}/${one.bits}`));
  const [first] = host.nics;
  const uplink = host.nat
    ? [
        `addr add ${host.nat.hostAddress}/${host.nat.bits} dev ${first?.device}`,
        `link set ${first?.device} up`,
        `route add default via ${host.nat.gateway}`,
      ]
    : host.nics.flatMap((nic, index) => plugIn(nic, nic.device, index === 0));
  return {
    netns: netnsNames.host(id, host.name),
    // Only hosts with a bridge of their own forward: weaved must turn it on itself where it needs it.
    sysctls: sysctls(topology, joined.length > 0),
    ip: [
      "link set lo up",
      ...uplink,
      ...(joined.length > 0 ? ["link add lab0 type bridge forward_delay 0", "link set lab0 up"] : []),
      ...[...gateways].map((gateway) => `addr add ${gateway} dev lab0`),
      ...host.containers.flatMap((container, index) => attach(id, host, container, index)),
    ],
    nft: "",
  };
}

function planContainer(id: string, topology: Topology, host: HostPlan, container: ContainerPlan): NamespacePlan {
  const eth0 =
    container.address === undefined
      ? []
      : [
          `addr add ${container.address}/${container.bits} dev eth0`,
          "link set eth0 up",
          `route add default via ${container.gateway}`,
        ];
  return {
    netns: netnsNames.container(id, host.name, container.name),
    sysctls: sysctls(topology, false),
    ip: ["link set lo up", ...eth0],
    nft: "",
  };
}

/** The commands that turn a topology into namespaces, cables, switches. Pure; nothing here touches the machine. */
export function planLab(id: string, topology: Topology): LabPlan {
  return {
    switches: planSwitches(id, topology),
    nats: topology.hosts.flatMap((host) => (host.nat ? [planNat(id, topology, host, host.nat)] : [])),
    hosts: topology.hosts.map((host) => planHost(id, topology, host)),
    containers: topology.hosts.flatMap((host) => host.containers.map((one) => planContainer(id, topology, host, one))),
  };
}

import type { Engine } from "@weaved/docker-proxy";
import { createDockerClient } from "@weaved/docker-proxy/node";
import { type Attachments, createAttachments } from "../attachments/attachments.ts";
import { createExposures, type Exposures } from "../attachments/exposures.ts";
import { findIn } from "../services/attachable.ts";
import { mtuOf } from "../services/datapath.ts";
import { type DockerService, startDocker } from "../services/docker.ts";
import { firewallOf, followFirewall } from "../services/firewall.ts";
import { bridgeOf, isAlive, sweepEveryMs } from "../services/host.ts";
import type { VpcService } from "../services/vpc.ts";
import type { Directory } from "./directory.ts";
import type { Identity } from "./identity.ts";
import type { Network } from "./network.ts";
import { every } from "./undo.ts";

/** Containers of this host, and what crosses between the network and the outside. */
export interface Workloads {
  /** Undefined: no engine is used. */
  readonly engine: Engine | undefined;
  readonly exposures: Exposures;
  readonly attachments: Attachments;
  readonly docker: DockerService;
  readonly vpc: VpcService | undefined;
}

/** Fourth stage: exposures and attachments as before the restart, then Docker, then the routes of the VPC. */
export async function startWorkloads(identity: Identity, network: Network, directory: Directory): Promise<Workloads> {
  const { settings, name, store, log, metrics, undo } = identity;
  const { links, mesh, cloud, datapath } = network;
  const { ipam, ipamApi, dns, dnsApi } = directory;
  const bridge = bridgeOf(settings, name);
  const rules = { settings, mesh, ipam };
  const ports = { links, store, ipam: ipamApi, dns: dnsApi };
  const exposures = createExposures({
    ...ports,
    bridge,
    firewall: () => firewallOf(rules),
    onAddresses: () => dns?.followAddresses(),
  });
  const engine = settings["docker-api"] === "" ? undefined : createDockerClient(settings["docker-api"]);
  const attachments = createAttachments({
    ...ports,
    bridge: bridge.name,
    mtu: mtuOf(settings),
    isAlive,
    logger: log.part("attachments"),
    vpc: settings.awsvpc,
    find: engine && findIn(engine),
  });
  await exposures.restore();
  await attachments.restore();
  undo.add(followFirewall(rules, () => exposures.refreshRules(), log.part("host")));
  undo.add(every(sweepEveryMs, () => attachments.sweep(), log));
  links.watch();
  const docker = await startDocker({ settings, links, engine, attachments, ipam, ipamApi, dns, dnsApi, log, metrics });
  undo.add(() => docker.close());
  const vpc =
    cloud && ipam
      ? await cloud.startVpc({ settings, links, mesh, ipam, exposures, datapath, logger: log.part("vpc"), metrics })
      : undefined;
  if (vpc) undo.add(() => vpc.close());
  return { engine, exposures, attachments, docker, vpc };
}

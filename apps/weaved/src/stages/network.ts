import { type RunningMesh, startMesh } from "@weaved/gossip-mesh/node";
import type { HostLinks } from "@weaved/host-links/node";
import type { Datapath } from "@weaved/tun-datapath/node";
import { doWithoutFrames, followMesh, startFrames } from "../services/datapath.ts";
import { startHost } from "../services/host.ts";
import { createVpcOverlay } from "../services/vpc-overlay.ts";
import { defined } from "../values/defined.ts";
import type { Identity } from "./identity.ts";

/** The client of the cloud's API: by far the largest part that this daemon can load, so it is loaded only in VPC mode. */
type Cloud = typeof import("../services/vpc.ts");

/** The bridge of this host, the data path behind it, and the mesh of peers. */
export interface Network {
  readonly links: HostLinks;
  /** Undefined only in VPC mode, where the routers of the VPC carry the frames. */
  readonly datapath: Datapath | undefined;
  readonly cloud: Cloud | undefined;
  readonly mesh: RunningMesh;
}

/** Second stage: bridge, data path, peers. */
export async function connect(identity: Identity): Promise<Network> {
  const { settings, name, log, undo } = identity;
  const links = await startHost(settings, name, log.part("host"));
  undo.add(() => links.close());
  const cloud = settings.awsvpc ? await import("../services/vpc.ts") : undefined;
  const datapath = await openDatapath(identity, cloud);
  const mesh = await openMesh(identity, cloud, datapath);
  if (datapath) undo.add(followMesh(datapath, mesh));
  return { links, datapath, cloud, mesh };
}

async function openDatapath(identity: Identity, cloud: Cloud | undefined): Promise<Datapath | undefined> {
  const { settings, name, password, log, metrics, undo } = identity;
  try {
    const isProtected = password !== undefined;
    const datapath = await startFrames(settings, { name, isProtected, logger: log.part("datapath"), metrics });
    undo.add(() => datapath.close());
    return datapath;
  } catch (error) {
    if (!cloud) throw error;
    log.warn(
      `the overlay is unavailable; only destinations with a VPC route are reachable: ${(error as Error).message}`,
    );
    return doWithoutFrames(settings, error as Error);
  }
}

async function openMesh(
  identity: Identity,
  cloud: Cloud | undefined,
  datapath: Datapath | undefined,
): Promise<RunningMesh> {
  const { settings, name, nickname, password, log, metrics, undo } = identity;
  const overlay = cloud ? createVpcOverlay(datapath?.overlay, log.part("vpc")) : datapath?.overlay;
  const mesh = await startMesh({
    name,
    nickname,
    port: settings.port,
    connectionLimit: settings["conn-limit"],
    discovery: !settings["no-discovery"],
    trustedSubnets: settings["trusted-subnets"].split(",").filter((cidr) => cidr !== ""),
    minProtocolVersion: (settings["min-protocol-version"] || undefined) as 1 | 2 | undefined,
    logger: log.part("mesh"),
    metrics,
    ...defined({ host: settings.host || undefined, password, overlay }),
  });
  undo.add(() => mesh.close());
  return mesh;
}

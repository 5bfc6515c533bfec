import { formatPeerName } from "@weaved/gossip-mesh";
import { noVersionCheck, type Report } from "../diagnostics/report.ts";
import type { ControlPorts } from "../http/ports.ts";
import { aliveIn } from "../services/containers.ts";
import { framesReport } from "../services/datapath.ts";
import { createDiagnostics } from "../services/diagnostics.ts";
import { dnsReport } from "../services/dns-port.ts";
import { ipamReport } from "../services/ipam.ts";
import { startListeners } from "../services/listeners.ts";
import { routerPort, routerReport } from "../services/router.ts";
import { defined } from "../values/defined.ts";
import type { Directory } from "./directory.ts";
import type { Identity } from "./identity.ts";
import type { Network } from "./network.ts";
import type { Workloads } from "./workloads.ts";

/** What operators see and do. */
export interface Operators {
  /** From now on the daemon is reported as ready. */
  markReady(): void;
  /** A failure to save is logged: the targets are in force either way. */
  saveTargets(targets: readonly string[]): Promise<void>;
}

/** The stages before this one. */
export interface System {
  readonly identity: Identity;
  readonly network: Network;
  readonly directory: Directory;
  readonly workloads: Workloads;
}

/** Last stage: report, metrics, and the listeners of the control interface. */
export async function openControl(system: System): Promise<Operators> {
  const { identity } = system;
  const { settings, log, store, undo } = identity;
  let ready = false;
  identity.report = () => reportOf(system, ready);
  const saveTargets = (targets: readonly string[]) =>
    store.save("targets", targets).catch((error: Error) => log.error(error.message));
  const ports = portsOf(system, saveTargets);
  for (const listening of await startListeners(settings, ports)) undo.add(() => listening.close());
  return {
    markReady() {
      ready = true;
    },
    saveTargets,
  };
}

function reportOf(
  { identity: { version }, network, directory, workloads: { docker } }: System,
  ready: boolean,
): Report {
  const { mesh, datapath } = network;
  const { ipam, dns } = directory;
  return {
    Ready: ready,
    Version: version,
    VersionCheck: noVersionCheck,
    Router: routerReport(mesh.status(), datapath && framesReport(datapath)),
    IPAM: ipam ? ipamReport(ipam) : null,
    DNS: dns ? dnsReport(dns.names, dns.listener, formatPeerName) : null,
    ...docker.report(),
  };
}

function portsOf(system: System, saveTargets: Operators["saveTargets"]): ControlPorts {
  const { settings, metrics, report } = system.identity;
  const { links, mesh, datapath } = system.network;
  const { ipam, ipamApi, dns, dnsApi } = system.directory;
  const { engine, exposures, attachments, docker, vpc } = system.workloads;
  return {
    router: routerPort(mesh, saveTargets),
    host: exposures,
    exposures,
    services: exposures,
    attachments,
    isAlive: aliveIn(engine),
    report,
    metrics: () => metrics.text(),
    diagnostics: createDiagnostics({
      links,
      mesh,
      datapath,
      vpc,
      ipam,
      dns,
      report,
      attachmentCount: () => attachments.count,
      settings: { bridge: settings["weave-bridge"], prefix: settings["db-prefix"] },
    }),
    ...defined({
      ipam: ipamApi,
      dns: dnsApi,
      proxyAddresses: docker.proxyAddresses,
      left: vpc && (() => vpc.leave()),
    }),
  };
}

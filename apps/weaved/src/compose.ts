import { rmSync } from "node:fs";
import { hostname } from "node:os";
import { createDockerClient } from "@weaved/docker-proxy/node";
import { formatPeerName } from "@weaved/gossip-mesh";
import { startMesh } from "@weaved/gossip-mesh/node";
import { openStore } from "@weaved/state-store/node";
import { createAttachments } from "./attachments/attachments.ts";
import { createBorder } from "./attachments/exposures.ts";
import type { Settings } from "./config/options.ts";
import { readPassword } from "./config/password.ts";
import { readPeerName } from "./config/peer-name.ts";
import { createMetrics } from "./diagnostics/metrics.ts";
import { noVersionCheck, type Report } from "./diagnostics/report.ts";
import type { ControlPorts } from "./http/ports.ts";
import type { RootLogger } from "./logging.ts";
import { findIn } from "./services/attachable.ts";
import { aliveIn } from "./services/containers.ts";
import { doWithoutFrames, followMesh, framesReport, mtuOf, startFrames } from "./services/datapath.ts";
import { dnsPort, dnsReport } from "./services/dns-port.ts";
import { startDocker } from "./services/docker.ts";
import { bridgeOf, isAlive, startHost, sweepEveryMs } from "./services/host.ts";
import { createInsight } from "./services/insight.ts";
import { ipamPort, ipamReport, startIpam } from "./services/ipam.ts";
import { startListeners } from "./services/listeners.ts";
import { startNames } from "./services/names.ts";
import { routerPort, routerReport } from "./services/router.ts";
import { initialTargets, markRunning, sentinelPath } from "./services/targets.ts";
import { createVpcOverlay } from "./services/vpc-overlay.ts";

/** What the daemon is made from. */
export interface ComposeOptions {
  readonly settings: Settings;
  readonly log: RootLogger;
  readonly version: string;
}

/** A running daemon. */
export interface Daemon {
  /** Applies what can change while running: the log level. */
  reload(settings: Settings): Promise<void>;
  /** Stops everything, last started first; what the kernel forwards goes on. Idempotent. */
  close(): Promise<void>;
}

/**
 * Builds the daemon from the packages: the one place where they meet. Read from top to bottom it is the whole system:
 * state, bridge, data path, mesh, addresses, names, control interface.
 */
export async function compose({ settings, log, version }: ComposeOptions): Promise<Daemon> {
  const undo = createUndo();
  try {
    // --- what this peer is ---
    const name = readPeerName(settings);
    const nickname = settings.nickname || hostname();
    const password = readPassword(settings);
    const store = await openStore(settings["db-prefix"]);
    let ready = false;
    const metrics = createMetrics(() => report());

    // --- this host: the bridge that containers are plugged into ---
    const links = await startHost(settings, name, log.part("host"));
    undo.add(() => links.close());

    // --- frames between hosts ---
    // Loaded only where it is wanted: the cloud's client is by far the largest thing this daemon could load.
    const cloud = settings.awsvpc ? await import("./services/vpc.ts") : undefined;
    const isProtected = password !== undefined;
    const frames = startFrames(settings, { name, isProtected, logger: log.part("datapath"), metrics });
    const datapath = await frames.catch((error: Error) => {
      if (!cloud) throw error;
      log.warn(`only destinations with a VPC route can be reached: ${error.message}`);
      return doWithoutFrames(settings, error);
    });
    if (datapath) undo.add(() => datapath.close());
    const overlay = cloud ? createVpcOverlay(datapath?.overlay, log.part("vpc")) : datapath?.overlay;

    // --- peers ---
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
      ...(settings.host && { host: settings.host }),
      ...(password && { password }),
      ...(overlay && { overlay }),
    });
    undo.add(() => mesh.close());
    if (datapath) undo.add(followMesh(datapath, mesh));

    // --- addresses: the ring says who owns what, and the data path need not flood ---
    const ipam =
      settings["ipalloc-range"] === ""
        ? undefined
        : await startIpam({ settings, mesh, store, logger: log.part("ipam"), metrics });
    if (ipam) undo.add(() => ipam.close());
    if (ipam && datapath && !cloud) {
      datapath.setAddressOwners(ipam.ranges());
      undo.add(ipam.onRangesChanged(() => datapath.setAddressOwners(ipam.ranges())));
    }

    // --- names ---
    const dns = settings["no-dns"] ? undefined : await startNames(settings, mesh, store, log.part("dns"), metrics);
    if (dns) undo.add(() => dns.close());

    // --- containers of this host, and its border to the outside ---
    const tracker = settings.awsvpc ? "awsvpc" : settings["no-masq-local"] ? "no-masq-local" : "";
    const ipamApi = ipam && ipamPort(ipam, tracker);
    const dnsApi = dns && dnsPort(dns.names, dns.listener);
    const apis = { links, store, ...(ipamApi && { ipam: ipamApi }), ...(dnsApi && { dns: dnsApi }) };
    const bridge = bridgeOf(settings, name);
    const border = createBorder({ ...apis, bridge, firewall: { bridge: bridge.name } });
    const engine = settings["docker-api"] === "" ? undefined : createDockerClient(settings["docker-api"]);
    const attachments = createAttachments({
      ...apis,
      bridge: bridge.name,
      mtu: mtuOf(settings),
      isAlive,
      logger: log.part("attachments"),
      vpc: settings.awsvpc,
      ...(engine && { find: findIn(engine) }),
    });
    await border.restore();
    await attachments.restore();
    undo.add(every(sweepEveryMs, () => attachments.sweep(), log));
    links.watch();
    const docker = await startDocker({
      ...{ settings, engine, attachments, ipam, ipamApi, dns, dnsApi, log, metrics },
    });
    undo.add(() => docker.close());
    const vpc =
      cloud && ipam
        ? await cloud.startVpc({ settings, mesh, ipam, border, datapath, logger: log.part("vpc"), metrics })
        : undefined;
    if (vpc) undo.add(() => vpc.close());

    // --- what operators see and do ---
    const report = (): Report => ({
      Ready: ready,
      Version: version,
      VersionCheck: noVersionCheck,
      Router: routerReport(mesh.status(), datapath && framesReport(datapath)),
      IPAM: ipam ? ipamReport(ipam) : null,
      DNS: dns ? dnsReport(dns.names, dns.listener, formatPeerName) : null,
      ...docker.report(),
    });
    // What cannot be saved now is in force all the same.
    const saveTargets = (targets: readonly string[]) =>
      store.save("targets", targets).catch((error: Error) => log.error(error.message));
    const ports: ControlPorts = {
      router: routerPort(mesh, saveTargets),
      host: border,
      exposures: border,
      services: border,
      attachments,
      isAlive: aliveIn(engine),
      ...(docker.proxyAddresses && { proxyAddresses: docker.proxyAddresses }),
      report,
      metrics: () => metrics.text(),
      ...(vpc && { left: () => vpc.leave() }),
      insight: createInsight({
        mesh,
        report,
        attachmentCount: () => attachments.count,
        settings: { bridge: settings["weave-bridge"], prefix: settings["db-prefix"] },
        ...(datapath && { datapath }),
        ...(vpc && { vpc }),
        ...(ipam && { ipam }),
        ...(dns && { dns }),
      }),
      ...(ipamApi && { ipam: ipamApi }),
      ...(dnsApi && { dns: dnsApi }),
    };
    for (const listening of await startListeners(settings, ports, log)) undo.add(() => listening.close());

    // --- off we go ---
    const targets = await initialTargets(settings, store);
    for (const { target, reason } of await mesh.connect(targets)) log.error(`cannot connect to ${target}: ${reason}`);
    await saveTargets(mesh.status().targets);
    markRunning(settings);
    ready = true;
    log.info("ready", { name: formatPeerName(name), nickname, encrypted: password !== undefined });
    return {
      async reload(changed) {
        log.setLevel(changed["log-level"]);
      },
      async close() {
        await undo.run();
        rmSync(sentinelPath(settings), { force: true });
      },
    };
  } catch (error) {
    await undo.run();
    throw error;
  }
}

/** Runs a task again and again; what it throws is logged. Returns how to stop it. */
function every(ms: number, task: () => Promise<void>, log: RootLogger): () => void {
  const timer = setInterval(() => {
    task().catch((error: Error) => log.error(error.message));
  }, ms).unref();
  return () => clearInterval(timer);
}

/** Remembers how to undo what was started, and does so in reverse order, once. */
function createUndo(): { add(act: () => unknown): void; run(): Promise<void> } {
  const acts: (() => unknown)[] = [];
  return {
    add: (act) => void acts.push(act),
    async run() {
      for (const act of acts.splice(0).reverse()) await act();
    },
  };
}

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { printableFields } from "../values/printable.ts";
import type { Report } from "./report.ts";

/** What libraries get to count with (ARCHITECTURE.md). */
export interface Metrics {
  count(name: string, value?: number, labels?: Readonly<Record<string, string>>): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}

/** The Prometheus side of the daemon. */
export interface MetricsRegistry extends Metrics {
  /** The exposition text: the original's gauges from the report, and whatever the libraries counted. */
  text(): Promise<string>;
}

const connectionStates = ["established", "pending", "retrying", "failed", "connecting"];

/**
 * Makes the registry. Metrics of libraries get the prefix `weaved_`; the original's names (docs/protocol/control.md#18.4) are filled
 * from the report at each scrape, so they cannot disagree with `status`.
 */
export function createMetrics(report: () => Report): MetricsRegistry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const original = originalGauges(registry);
  /** Bounded by: metric names in the libraries' sources. */
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();
  const named = (name: string) => (name.startsWith("weave") ? name : `weaved_${name}`);
  /** The original's metrics come from the report alone. */
  const fromReport = new Set(registry.getMetricsAsArray().map(({ name }) => name));
  return {
    count(name, value = 1, labels = {}) {
      if (fromReport.has(name)) return;
      const make = () =>
        new Counter({
          name: named(name),
          help: name.replaceAll("_", " "),
          labelNames: Object.keys(labels),
          registers: [registry],
        });
      entry(counters, name, make).inc(printableFields(labels), value);
    },
    gauge(name, value, labels = {}) {
      if (fromReport.has(name)) return;
      const make = () =>
        new Gauge({
          name: named(name),
          help: name.replaceAll("_", " "),
          labelNames: Object.keys(labels),
          registers: [registry],
        });
      entry(gauges, name, make).set(printableFields(labels), value);
    },
    observe(name, value, labels = {}) {
      const make = () =>
        new Histogram({
          name: named(name),
          help: name.replaceAll("_", " "),
          labelNames: Object.keys(labels),
          registers: [registry],
        });
      entry(histograms, name, make).observe(printableFields(labels), value);
    },
    text() {
      original(report());
      return registry.metrics();
    },
  };
}

function entry<T>(map: Map<string, T>, name: string, make: () => T): T {
  const known = map.get(name);
  if (known !== undefined) return known;
  const made = make();
  map.set(name, made);
  return made;
}

/** Registers the original's metrics; the result fills them from a report. */
function originalGauges(registry: Registry): (report: Report) => void {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const connections = gauge("weave_connections", "Number of peer-to-peer connections.", [
    "state",
    "type",
    "encryption",
  ]);
  const terminations = new Counter({
    name: "weave_connection_terminations_total",
    help: "Number of peer-to-peer connections terminated.",
    registers,
  });
  const ips = gauge("weave_ips", "Number of IP addresses.", ["state"]);
  const maxIps = gauge("weave_max_ips", "Size of IP address space used by allocator.");
  const names = gauge("weave_dns_entries", "Number of DNS entries.");
  const flows = gauge("weave_flows", "Number of links that the kernel forwards.");
  const unreachable = gauge("weave_ipam_unreachable_count", "Number of unreachable peers.");
  const unreachableShare = gauge(
    "weave_ipam_unreachable_percentage",
    "Percentage of IP addresses owned by unreachable peers.",
  );
  const allocates = gauge("weave_ipam_pending_allocates", "Number of pending allocates.");
  const claims = gauge("weave_ipam_pending_claims", "Number of pending claims.");
  return (report) => {
    connections.reset();
    for (const { state, type, encryption } of connectionLabels(report)) connections.inc({ state, type, encryption });
    terminations.reset();
    terminations.inc(report.Router?.TerminationCount ?? 0);
    flows.set(
      (report.Router?.Connections ?? []).filter(({ Attrs }) => Attrs?.name === "vxlan" || Attrs?.name === "fastdp")
        .length,
    );
    names.set(
      (report.DNS?.Entries ?? []).filter((name) => name.Tombstone === 0 && name.Origin === report.Router?.Name).length,
    );
    if (!report.IPAM) return;
    const gone = (report.IPAM.Entries ?? []).filter((entry) => !entry.IsKnownPeer);
    ips.set({ state: "local-used" }, report.IPAM.ActiveIPs);
    maxIps.set(report.IPAM.RangeNumIPs);
    unreachable.set(new Set(gone.map((entry) => entry.Peer)).size);
    unreachableShare.set((gone.reduce((sum, entry) => sum + entry.Size, 0) * 100) / report.IPAM.RangeNumIPs);
    allocates.set((report.IPAM.PendingAllocates ?? []).length);
    claims.set((report.IPAM.PendingClaims ?? []).length);
  };
}

function connectionLabels(report: Report): { state: string; type: string; encryption: string }[] {
  return (report.Router?.Connections ?? [])
    .filter(({ State }) => connectionStates.includes(State))
    .map(({ State, Attrs }) => ({
      state: State,
      type: String(Attrs?.name ?? "unknown"),
      encryption: Attrs?.encrypted === true ? "yes" : "",
    }));
}

import { hostname } from "node:os";
import type { PeerName } from "@weaved/gossip-mesh";
import type { Store } from "@weaved/state-store";
import { openStore } from "@weaved/state-store/node";
import type { Settings } from "../config/options.ts";
import { readPassword } from "../config/password.ts";
import { readPeerName } from "../config/peer-name.ts";
import { createMetrics, type MetricsRegistry } from "../diagnostics/metrics.ts";
import type { Report } from "../diagnostics/report.ts";
import type { RootLogger } from "../logging.ts";
import { passwordWeakness } from "../values/password-strength.ts";
import { createUndo, type Undo } from "./undo.ts";

/** What the daemon is made from. */
export interface ComposeOptions {
  readonly settings: Settings;
  readonly log: RootLogger;
  readonly version: string;
}

/** What this peer is, before anything of the machine is changed. */
export interface Identity extends ComposeOptions {
  readonly name: PeerName;
  readonly nickname: string;
  /** Undefined: the network is not encrypted. */
  readonly password: string | undefined;
  readonly store: Store;
  readonly metrics: MetricsRegistry;
  readonly undo: Undo;
  /** Set by the last stage; metrics ask for it at each scrape. */
  report: () => Report;
}

/** First stage: name, password, state, metrics. */
export async function identify(options: ComposeOptions): Promise<Identity> {
  const { settings, log } = options;
  const store = await openStore(settings["db-prefix"]);
  const password = readPassword(settings);
  const weakness = passwordWeakness(password);
  if (weakness) log.warn(weakness);
  const undo = createUndo(log);
  undo.add(() => store.close());
  const identity: Identity = {
    ...options,
    name: readPeerName(settings),
    nickname: settings.nickname || hostname(),
    password,
    store,
    undo,
    metrics: createMetrics(() => identity.report()),
    report: () => {
      throw new TypeError("the report is asked for before the daemon is composed");
    },
  };
  return identity;
}

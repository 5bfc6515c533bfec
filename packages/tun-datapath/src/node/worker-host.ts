import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { libc } from "./linux/libc.ts";
import { type EventFd, eventFd } from "./linux/poll.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./worker/protocol.ts";

/** A running worker: messages in both directions. */
export interface WorkerHost {
  send(message: ToWorker): void;
  /** Resolves when the thread has ended. Idempotent. */
  close(): Promise<void>;
}

/** Who is told what the worker says. */
export interface WorkerEvents {
  onMessage(message: FromWorker): void;
  onDied(error: Error): void;
}

/**
 * Where the worker's file is. From sources it runs through tsx, because Node 20 reads no TypeScript; `dist` needs nothing.
 */
function workerFile(): { readonly url: URL; readonly execArgv: string[] } {
  const source = new URL("./worker/main.ts", import.meta.url);
  if (!import.meta.url.endsWith(".ts")) return { url: new URL("./worker/main.js", import.meta.url), execArgv: [] };
  const built = new URL("../../dist/node/worker/main.js", import.meta.url);
  const wantsSource = process.env.WEAVED_WORKER === "source" || !existsSync(fileURLToPath(built));
  if (!wantsSource) return { url: built, execArgv: [] };
  return { url: source, execArgv: ["--import", "tsx", "--conditions=@weaved/source"] };
}

/** Starts the worker. Errors of its start come through `onDied`. */
export function startWorker(start: Omit<WorkerStart, "wakeFd">, events: WorkerEvents): WorkerHost {
  const wake: EventFd = eventFd();
  const { url, execArgv } = workerFile();
  const worker = new Worker(url, { workerData: { ...start, wakeFd: wake.fd }, execArgv, name: "datapath" });
  let closing = false;
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("message", (message: FromWorker) => events.onMessage(message));
  worker.once("error", (error) => {
    closing = true;
    events.onDied(error instanceof Error ? error : new Error(String(error)));
  });
  worker.once("exit", (code) => {
    if (!closing) events.onDied(new Error(`the worker ended with ${code}`));
    libc().close(wake.fd);
    open = false;
  });
  let open = true;
  const send = (message: ToWorker): void => {
    if (!open) return;
    worker.postMessage(message);
    wake.signal();
  };
  return {
    send,
    close() {
      if (!closing) {
        closing = true;
        send({ kind: "close" });
      }
      return ended;
    },
  };
}

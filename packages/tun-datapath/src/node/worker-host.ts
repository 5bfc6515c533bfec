import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { libc } from "./linux/libc.ts";
import { type EventFd, eventFd } from "./linux/poll.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./worker/protocol.ts";

/** A running worker: messages in both directions. */
export interface WorkerHost {
  /** Sets it to work, once. Errors come through `onDied`. */
  begin(start: Omit<WorkerStart, "wakeFd">): void;
  send(message: ToWorker): void;
  /** Resolves when the thread has ended. Idempotent. */
  close(): Promise<void>;
}

/** Receives what the worker says. */
export interface WorkerEvents {
  onMessage(message: FromWorker): void;
  onDied(error: Error): void;
}

/**
 * Makes the thread. From sources it runs `dist` where that is built; else, because Node 20 reads no TypeScript, a thread that
 * first registers tsx by its API (`--import tsx` does not reach worker threads).
 */
function makeThread(): Worker {
  const options = { name: "datapath" };
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./worker/main.js", import.meta.url), options);
  const built = new URL("../../dist/node/worker/main.js", import.meta.url);
  const wantsSource = process.env.WEAVED_WORKER === "source" || !existsSync(fileURLToPath(built));
  if (!wantsSource) return new Worker(built, { ...options, execArgv: [] });
  const tsx = createRequire(import.meta.url)
    .resolve("tsx/esm/api")
    .replace(/\.cjs$/, ".mjs");
  const source = new URL("./worker/main.ts", import.meta.url).href;
  const code = `import(${JSON.stringify(pathToFileURL(tsx).href)}).then((tsx) => { (tsx.register ?? tsx.default.register)(); return import(${JSON.stringify(source)}); })`;
  return new Worker(code, { ...options, eval: true, execArgv: ["--conditions=@weaved/source"] });
}

/** Starts the thread, which then waits for `begin`. */
export function startWorker(events: WorkerEvents): WorkerHost {
  const wake: EventFd = eventFd();
  const worker = makeThread();
  let begun = false;
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
    begin(start) {
      begun = true;
      worker.postMessage({ ...start, wakeFd: wake.fd } satisfies WorkerStart);
    },
    send,
    close() {
      if (!closing) {
        closing = true;
        if (begun) send({ kind: "close" });
        else void worker.terminate();
      }
      return ended;
    },
  };
}

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
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
 * Makes the thread. From sources it runs `dist` where that is built; else, because Node 20 reads no TypeScript, a thread that
 * first registers tsx by its API (`--import tsx` does not reach worker threads).
 */
function makeThread(workerData: WorkerStart): Worker {
  const options = { workerData, name: "datapath" };
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./worker/main.js", import.meta.url), options);
  const built = new URL("../../dist/node/worker/main.js", import.meta.url);
  const wantsSource = process.env.WEAVED_WORKER === "source" || !existsSync(fileURLToPath(built));
  if (!wantsSource) return new Worker(built, { ...options, execArgv: [] });
  const tsx = createRequire(import.meta.url).resolve("tsx/esm/api");
  const source = new URL("./worker/main.ts", import.meta.url).href;
  const code = `import(${JSON.stringify(pathToFileURL(tsx).href)}).then((tsx) => { (tsx.register ?? tsx.default.register)(); return import(${JSON.stringify(source)}); })`;
  return new Worker(code, { ...options, eval: true, execArgv: ["--conditions=@weaved/source"] });
}

/** Starts the worker. Errors of its start come through `onDied`. */
export function startWorker(start: Omit<WorkerStart, "wakeFd">, events: WorkerEvents): WorkerHost {
  const wake: EventFd = eventFd();
  const worker = makeThread({ ...start, wakeFd: wake.fd });
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

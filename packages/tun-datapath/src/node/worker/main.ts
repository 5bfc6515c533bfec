import { parentPort, workerData } from "node:worker_threads";
import { Loop } from "./loop.ts";
import type { WorkerStart } from "./protocol.ts";

if (parentPort === null) throw new Error("this file runs in a worker thread");
new Loop(workerData as WorkerStart, parentPort).run();
// The port keeps the thread alive until told otherwise.
parentPort.close();

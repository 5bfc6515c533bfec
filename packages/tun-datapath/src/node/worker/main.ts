import { parentPort } from "node:worker_threads";
import { Loop } from "./loop.ts";
import type { WorkerStart } from "./protocol.ts";

if (parentPort === null) throw new Error("this file runs in a worker thread");
const port = parentPort;
// The thread loads while the host's devices are made; what to work with comes by the first message.
port.once("message", (start: WorkerStart) => {
  new Loop(start, port).run();
  // An open port keeps the thread alive.
  port.close();
});

import type { Settings } from "../config/options.ts";
import { controlApp, metricsApp, statusApp } from "../http/app.ts";
import { type Listening, listen } from "../http/listen.ts";
import type { ControlPorts } from "../http/ports.ts";

/** Opens the listeners that were asked for: control (socket, address), status, metrics. None is on by itself. */
export async function startListeners(settings: Settings, ports: ControlPorts): Promise<Listening[]> {
  const control = controlApp(ports);
  const wanted = [
    [settings["control-socket"], control],
    [settings["http-addr"], control],
    [settings["status-addr"], statusApp(ports)],
    [settings["metrics-addr"], metricsApp(ports)],
  ] as const;
  const open: Listening[] = [];
  try {
    for (const [address, app] of wanted) if (address !== "") open.push(await listen(app, address));
    return open;
  } catch (error) {
    await Promise.all(open.map((listening) => listening.close()));
    throw error;
  }
}

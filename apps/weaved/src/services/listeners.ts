import type { Settings } from "../config/options.ts";
import { exposedControl } from "../config/validate.ts";
import { controlApp, metricsApp, statusApp } from "../http/app.ts";
import { type Listening, listen } from "../http/listen.ts";
import type { ControlPorts } from "../http/ports.ts";
import type { Logger } from "../logging.ts";

/** Opens the listeners that were asked for: control (socket, address), status, metrics. None is on by itself. */
export async function startListeners(settings: Settings, ports: ControlPorts, log: Logger): Promise<Listening[]> {
  for (const address of exposedControl(settings)) {
    log.warn(
      `the control interface listens on ${address}, beyond this host: anybody who reaches it rules the network`,
      { code: "HTTP_EXPOSED" },
    );
  }
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

import { execFile } from "node:child_process";

/**
 * Tells systemd about readiness (sd_notify(3)) through its own command, because Node has no datagram sockets on paths.
 * Does nothing outside a `Type=notify` unit; a missing command is no reason to stop.
 */
export function notifySystemd(state: string): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return Promise.resolve();
  return new Promise((resolve) => execFile("systemd-notify", [`--pid=${process.pid}`, state], () => resolve()));
}

import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../values/listen-address.ts";

/** Names under which programs of this host reach a loopback listener. */
const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

/**
 * Why a request must not be carried out, judged by the headers that a browser sets and a web page cannot change; undefined when there is
 * no reason. A page of another site may make the browsers of this host send requests to loopback, directly or by a name of its own
 * that resolves there.
 */
export function foreignSite(headers: IncomingHttpHeaders, listener: string): string | undefined {
  const { host = "", origin } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return "the request comes from a page of another site; use the weave command or curl";
  if (origin !== undefined && !sameHost(origin, host))
    return "the request comes from a page of another origin; use the weave command or curl";
  // A socket has no name, and a listener beyond loopback is reached by any name.
  if (listener.startsWith("/") || !isLoopback(listener)) return undefined;
  const name = nameOf(host);
  if (name === "" || loopbackNames.has(name) || /^127\.\d+\.\d+\.\d+$/.test(name)) return undefined;
  return `"${name.slice(0, 100)}" is not a name of this listener; use 127.0.0.1 or localhost`;
}

/** A host name without its port, in lower case. */
function nameOf(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

function sameHost(origin: string, host: string): boolean {
  try {
    return host !== "" && new URL(origin).host === new URL(`http://${host}`).host;
  } catch {
    return false;
  }
}

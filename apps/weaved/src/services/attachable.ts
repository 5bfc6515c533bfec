import type { Container, Engine } from "@weaved/docker-proxy";
import type { Attachable, FindContainer } from "../attachments/reference.ts";
import { rightsOf } from "../attachments/rights.ts";

/** A running container as something to attach. */
export function toAttachable(container: Container): Attachable {
  const { id, pid, hostsPath, extraHosts } = container;
  const hostname = fullHostname(container);
  return {
    id,
    target: { pid },
    keeper: "engine",
    ...(hostname && { hostname }),
    ...(hostsPath && { hostsFile: { path: hostsPath, extra: extraHosts } }),
  };
}

/** Old clients split `-h c1.weave.local` into host and domain name, newer ones put all into the host name. No domain, no name. */
function fullHostname({ hostname, domainname }: Container): string | undefined {
  if (domainname !== "") return `${hostname}.${domainname}`;
  return hostname.includes(".") ? hostname : undefined;
}

/** Finds running containers of an engine. */
export function findIn(engine: Engine): FindContainer {
  return async (reference) => {
    const container = await engine.container(reference);
    if (!container?.running) return undefined;
    return { ...toAttachable(container), rights: rightsOf(container.labels) };
  };
}

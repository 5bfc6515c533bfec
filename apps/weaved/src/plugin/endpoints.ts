import type { Runner } from "@weaved/host-links";
import { WeavedError } from "../values/error.ts";

/** Pairs of interfaces, one end on the bridge, the other for Docker to move into a container. */
export interface Endpoints {
  /** Makes the pair of an endpoint; the MAC of the container's end. @throws Error if it is there already */
  create(endpointId: string, mac: string | undefined): Promise<string>;
  /** Succeeds when there is nothing to remove. */
  remove(endpointId: string): Promise<void>;
  /** Name of the container's end while it is on the host. */
  innerName(endpointId: string): string;
  /** Plugs in again what fell off the bridge; for the start, when the bridge may have been made anew. */
  repair(): Promise<void>;
}

/** Characters of an endpoint's id in a name: 15 are allowed, the prefix takes 6. Host ends are named as the original's. */
const idLength = 9;
const hostPrefix = "vethwl";
const innerPrefix = "vethwg";

/** Makes endpoints on a bridge. */
export function createEndpoints(runner: Runner, bridge: string, mtu: number): Endpoints {
  const hostName = (id: string) => `${hostPrefix}${id.slice(0, idLength)}`;
  const innerName = (id: string) => `${innerPrefix}${id.slice(0, idLength)}`;

  async function ip(words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runner.run({ argv: ["ip", ...words] });
    if (code !== 0) throw new WeavedError("REQUEST_INVALID", `ip ${words.join(" ")}: ${stderr.trim()}`);
    return stdout;
  }

  const plug = (host: string) => ip(["link", "set", "dev", host, "master", bridge, "up"]);

  return {
    innerName,
    async create(id, mac) {
      const [host, inner] = [hostName(id), innerName(id)];
      const size = ["mtu", `${mtu}`];
      const peer = ["peer", "name", inner, ...size, ...(mac ? ["address", mac] : [])];
      await ip(["link", "add", host, ...size, "type", "veth", ...peer]);
      try {
        await plug(host);
        const [link] = JSON.parse(await ip(["-j", "link", "show", "dev", inner])) as { address: string }[];
        return link!.address;
      } catch (error) {
        await ip(["link", "delete", "dev", host]).catch(() => {});
        throw error;
      }
    },
    async remove(id) {
      // Usually the end of the container's namespace has taken it along.
      await ip(["link", "delete", "dev", hostName(id)]).catch(() => {});
    },
    async repair() {
      const links = JSON.parse((await ip(["-j", "link", "show", "type", "veth"])) || "[]") as {
        ifname: string;
        master?: string;
      }[];
      for (const { ifname, master } of links)
        if (ifname.startsWith(hostPrefix) && master !== bridge) await plug(ifname);
    },
  };
}

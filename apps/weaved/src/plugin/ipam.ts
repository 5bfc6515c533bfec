import * as z from "zod";
import type { IpamPort } from "../http/ports.ts";
import type { Cidr } from "../values/cidr.ts";
import { cidrText, parseAddress, parseCidr, parseSubnet } from "../values/cidr.ts";
import { WeavedError } from "../values/error.ts";
import type { Handlers } from "./server.ts";

/** The address driver of Docker's remote protocol: every address of a container comes from the shared range. */

const gatewayKey = "com.docker.network.gateway";
/** Asks for an address that is filed under its own text: Docker gives it back by naming the address alone. */
const noOwner = "_";

const requestPool = z.object({
  Pool: z.string().nullish(),
  SubPool: z.string().nullish(),
  V6: z.boolean().nullish(),
});
const requestAddress = z.object({ PoolID: z.string(), Address: z.string().nullish() });
const releaseAddress = z.object({ PoolID: z.string(), Address: z.string() });

/** Makes the driver over the allocator. */
export function createIpamDriver(ipam: IpamPort): Handlers {
  const options = () => ({ isContainer: false, noErrorOnUnknown: false, signal: new AbortController().signal });
  return {
    "IpamDriver.GetCapabilities": async () => ({ RequiresMACAddress: false, RequiresRequestReplay: false }),
    "IpamDriver.GetDefaultAddressSpaces": async () => ({
      LocalDefaultAddressSpace: "weavelocal",
      GlobalDefaultAddressSpace: "weaveglobal",
    }),
    "IpamDriver.RequestPool": async (body) => {
      const { Pool, SubPool, V6 } = requestPool.parse(body);
      if (V6) throw new WeavedError("REQUEST_INVALID", "there are no IPv6 addresses in this network");
      const subnet = Pool ? cidrText(parseSubnet(Pool)) : cidrText(ipam.defaultSubnet);
      const range = SubPool ? cidrText(parseSubnet(SubPool)) : subnet;
      // The network's own address stands for a gateway, which Docker demands and nobody uses: no real one is spent on it.
      return { PoolID: poolId(subnet, range), Pool: subnet, Data: { [gatewayKey]: subnet } };
    },
    "IpamDriver.ReleasePool": async () => ({}),
    "IpamDriver.RequestAddress": async (body) => {
      const { PoolID, Address } = requestAddress.parse(body);
      const { subnet, range } = readPoolId(PoolID);
      if (!Address) {
        const { address } = await ipam.allocate(noOwner, range, options());
        return { Address: `${address}/${subnet.prefixLength}` };
      }
      if (Address === subnet.address) return { Address: cidrText(subnet) };
      const wanted = { address: parseAddress(Address), prefixLength: subnet.prefixLength };
      await ipam.claim(noOwner, wanted, { ...options(), exclusive: true });
      return { Address: cidrText(wanted) };
    },
    "IpamDriver.ReleaseAddress": async (body) => {
      const { PoolID, Address } = releaseAddress.parse(body);
      if (Address !== readPoolId(PoolID).subnet.address) release(ipam, Address);
      return {};
    },
  };
}

function release(ipam: IpamPort, address: string): void {
  try {
    ipam.release(address);
  } catch (error) {
    // Given back before, or handed out by a driver of before: gone either way.
    if ((error as { code?: unknown }).code !== "NOT_HELD") throw error;
  }
}

/** The id says all there is to know of a pool, so nothing has to be remembered. */
function poolId(subnet: string, range: string): string {
  return `weave-${subnet}-${range}`;
}

function readPoolId(id: string): { subnet: Cidr; range: Cidr } {
  const [, subnet, range] = /^weave-([^-]+)-([^-]+)$/.exec(id) ?? [];
  if (!subnet || !range) throw new WeavedError("REQUEST_INVALID", `"${id}" is no pool of this driver`);
  return { subnet: parseCidr(subnet), range: parseCidr(range) };
}

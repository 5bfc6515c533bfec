import { LinksError } from "../errors.ts";

/** Smallest MTU that IPv4 allows (RFC 791), and the largest of a packet. */
const [leastMtu, mostMtu] = [68, 65535];

/** @throws LinksError LINKS_INVALID */
export function checkMtu(mtu: number | undefined): void {
  if (mtu === undefined || (Number.isInteger(mtu) && mtu >= leastMtu && mtu <= mostMtu)) return;
  throw new LinksError("LINKS_INVALID", `${mtu} is not a valid MTU; expected ${leastMtu} to ${mostMtu} bytes`);
}

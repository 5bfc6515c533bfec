/** Names with the clocks of this host. */
import { createNames, type Names, type NamesOptions } from "../names.ts";
import { systemClock, systemWallClock } from "./clock.ts";

/** As {@link NamesOptions}, with everything optional. */
export type HostNamesOptions = Partial<NamesOptions>;

/**
 * Makes the names of this host; `{ domain }` is enough for names that are not shared.
 * @throws DnsError `DNS_BAD_DOMAIN`
 */
export const createHostNames = (options: HostNamesOptions = {}): Names =>
  createNames({ clock: systemClock, wallClock: systemWallClock, ...options });

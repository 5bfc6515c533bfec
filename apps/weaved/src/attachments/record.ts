import { macOfAddress, type RouteSpec, type Target } from "@weaved/host-links";
import type { AttachmentRow } from "../http/ports.ts";
import type { Cidr } from "../values/cidr.ts";
import type { Keeper } from "./reference.ts";
import type { Rights } from "./rights.ts";

/** What is remembered of an attachment, also on disk. */
export interface Attachment {
  readonly id: string;
  readonly target: Target;
  readonly keeper: Keeper;
  readonly cidrs: readonly Cidr[];
  readonly multicastRoute: boolean;
  readonly hostname?: string;
  /** Its /etc/hosts is ours. */
  readonly hosts?: boolean;
  /** Its container has ended, and may come back: then it gets the same addresses, if nobody else has them by then. */
  readonly ended?: boolean;
  readonly ifname?: string;
  readonly hairpin?: boolean;
  readonly routes?: readonly RouteSpec[];
  readonly rights?: Rights;
}

/** Reads what {@link Attachment} was saved as; anything else is nothing. */
export function readSaved(value: unknown): Attachment[] {
  return Array.isArray(value) ? (value as Attachment[]) : [];
}

/** The attachment as it is listed. Its MAC is derived from the first address, so it can be said without looking (see host-links). */
export function toRow({ id, cidrs, hostname }: Attachment): AttachmentRow {
  const [first] = cidrs;
  return {
    id,
    mac: first ? macOfAddress(`${first.address}/32`) : "",
    addresses: cidrs,
    ...(hostname && { hostname }),
  };
}

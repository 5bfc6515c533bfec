/**
 * Messages of the channel `IPtakeover`, which only peers of this package speak: Weave Net forwards unknown channels unread.
 *
 * ```text
 * gob Consent { Kind, Dead, Holder, Disks, Members, Gone, Disk, Session, Ring, Claim }
 * Kind   0 hello    the members, and the incarnations that are gone
 *        1 ask      may I reclaim Dead (in these incarnations, Disks)?
 *        2 agree    yes, and this is all I know of the ring
 *        3 refuse   no: Dead is alive (Holder = Dead), Holder reclaims it, or ask again with these Members (0)
 *        4 cancel   the claim is over, with success or without, and this is the ring now
 * ```
 */
import { encodeGob, gob, type Infer } from "@weaved/gob-codec";
import { RingError } from "../errors.ts";
import type { PeerName } from "../ports.ts";
import type { SentRing } from "../ring/ring.ts";
import { decode, fromWireRing, ringSchema, toWireRing } from "./allocation-wire.ts";

/** Our channel for agreeing on reclaims. */
export const CONSENT_CHANNEL = "IPtakeover";

/** A peer with the incarnation id of its saved state. */
export type Incarnation = readonly [peer: PeerName, id: string];

const kinds = ["hello", "ask", "agree", "refuse", "cancel"] as const;

/** One message. */
export interface ConsentMessage {
  readonly kind: (typeof kinds)[number];
  /** The peer that it is about; 0 for hello. */
  readonly dead: PeerName;
  /** For `refuse`: the peer that reclaims instead; the dead peer itself when it is alive; 0 when the claimant lacks news. */
  readonly holder: PeerName;
  /** Incarnations of the dead peer that the claimant knows. */
  readonly incarnations: readonly string[];
  readonly members: readonly Incarnation[];
  readonly gone: readonly Incarnation[];
  /** Incarnation id of the sender. */
  readonly incarnation: string;
  /** Changes with every start of the sender. */
  readonly session: string;
  /** Identifies one claim of one session; answers repeat it. Empty for hello. */
  readonly claim: string;
  readonly ring?: SentRing;
}

const incarnationSchema = gob.struct("Incarnation", { Peer: gob.uint, Disk: gob.string });
const schema = gob.struct("Consent", {
  Kind: gob.uint8,
  Dead: gob.uint,
  Holder: gob.uint,
  Disks: gob.slice(gob.string),
  Members: gob.slice(incarnationSchema),
  Gone: gob.slice(incarnationSchema),
  Disk: gob.string,
  Session: gob.string,
  Ring: gob.pointer(ringSchema),
  Claim: gob.string,
});

const toWire = (list: readonly Incarnation[]): Infer<typeof incarnationSchema>[] =>
  list.map(([peer, id]) => ({ Peer: peer, Disk: id }));
const fromWire = (list: readonly Infer<typeof incarnationSchema>[]): Incarnation[] =>
  list.map(({ Peer, Disk }) => [Peer, Disk]);

/** Bytes of a message. */
export function encodeConsent(message: ConsentMessage): Uint8Array {
  return encodeGob(schema, {
    Kind: kinds.indexOf(message.kind),
    Dead: message.dead,
    Holder: message.holder,
    Disks: [...message.incarnations],
    Members: toWire(message.members),
    Gone: toWire(message.gone),
    Disk: message.incarnation,
    Session: message.session,
    Ring: message.ring && toWireRing(message.ring),
    Claim: message.claim,
  });
}

/** More members, or a longer incarnation id, than this make a message malformed. */
const MOST_MEMBERS = 16_384;
const MOST_ID_LENGTH = 64;

/** The message of some bytes; undefined for a kind of a later version. @throws RingError MALFORMED */
export function decodeConsent(bytes: Uint8Array): ConsentMessage | undefined {
  const wire = decode(schema, bytes);
  const kind = kinds[wire.Kind];
  if (kind === undefined) return undefined;
  checkSizes([wire.Disk, wire.Session, wire.Claim, ...wire.Disks], [wire.Members, wire.Gone]);
  return {
    kind,
    dead: wire.Dead,
    holder: wire.Holder,
    incarnations: wire.Disks,
    members: fromWire(wire.Members),
    gone: fromWire(wire.Gone),
    incarnation: wire.Disk,
    session: wire.Session,
    claim: wire.Claim,
    ...(wire.Ring && { ring: fromWireRing(wire.Ring) }),
  };
}

/** @throws RingError MALFORMED */
function checkSizes(texts: readonly string[], lists: readonly Infer<typeof incarnationSchema>[][]): void {
  const ids = lists.flatMap((list) => list.map(({ Disk }) => Disk));
  const tooMany = lists.some(({ length }) => length > MOST_MEMBERS) || texts.length > MOST_MEMBERS;
  if (tooMany || [...texts, ...ids].some(({ length }) => length > MOST_ID_LENGTH))
    throw new RingError("MALFORMED", "not a message of this channel: a list or an id is too long");
}

/**
 * Messages of the channel `IPtakeover`, which only peers of this package speak: the original passes unknown channels on.
 *
 * ```text
 * gob Consent { Kind, Dead, Holder, Disks, Members, Gone, Disk, Session, Ring, Claim }
 * Kind   0 hello    who is known, who is gone
 *        1 ask      may I take over Dead (with these Disks)?
 *        2 agree    yes, and this is all I know of the ring
 *        3 refuse   no: Dead is alive (Holder = Dead), Holder is doing it, or ask again with these Members (0)
 *        4 cancel   the claim is over, one way or the other, and this is the ring now
 * ```
 */
import { encodeGob, gob, type Infer } from "@weaved/gob-codec";
import type { PeerName } from "../ports.ts";
import { decode, fromWireRing, ringSchema, type SentRing, toWireRing } from "./allocation-wire.ts";

/** Our channel for agreeing on take-overs. */
export const CONSENT_CHANNEL = "IPtakeover";

/** A peer with the identity of its saved state. */
export type Incarnation = readonly [peer: PeerName, disk: string];

const kinds = ["hello", "ask", "agree", "refuse", "cancel"] as const;

/** One message. */
export interface ConsentMessage {
  readonly kind: (typeof kinds)[number];
  /** Whom it is about; 0 for hello. */
  readonly dead: PeerName;
  /** For `refuse`: who takes it over instead; the dead peer itself when it lives; 0 when the asker lacks news. */
  readonly holder: PeerName;
  /** Incarnations of the dead peer that the asker knows. */
  readonly disks: readonly string[];
  readonly members: readonly Incarnation[];
  readonly gone: readonly Incarnation[];
  readonly disk: string;
  /** Changes with every start of the sender. */
  readonly session: string;
  /** Names one claim of one session; answers repeat it. Empty for hello. */
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
  list.map(([peer, disk]) => ({ Peer: peer, Disk: disk }));
const fromWire = (list: readonly Infer<typeof incarnationSchema>[]): Incarnation[] =>
  list.map(({ Peer, Disk }) => [Peer, Disk]);

/** Bytes of a message. */
export function encodeConsent(message: ConsentMessage): Uint8Array {
  return encodeGob(schema, {
    Kind: kinds.indexOf(message.kind),
    Dead: message.dead,
    Holder: message.holder,
    Disks: [...message.disks],
    Members: toWire(message.members),
    Gone: toWire(message.gone),
    Disk: message.disk,
    Session: message.session,
    Ring: message.ring && toWireRing(message.ring),
    Claim: message.claim,
  });
}

/** The message of some bytes; undefined for a kind of a later version. @throws RingError MALFORMED */
export function decodeConsent(bytes: Uint8Array): ConsentMessage | undefined {
  const wire = decode(schema, bytes);
  const kind = kinds[wire.Kind];
  if (kind === undefined) return undefined;
  return {
    kind,
    dead: wire.Dead,
    holder: wire.Holder,
    disks: wire.Disks,
    members: fromWire(wire.Members),
    gone: fromWire(wire.Gone),
    disk: wire.Disk,
    session: wire.Session,
    claim: wire.Claim,
    ...(wire.Ring && { ring: fromWireRing(wire.Ring) }),
  };
}

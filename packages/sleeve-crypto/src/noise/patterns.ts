/** One step of a handshake message: send a key, or mix a shared secret into the session (Noise specification, section 7). */
export type NoiseToken = "e" | "s" | "ee" | "es" | "se" | "ss" | "psk";

/** A handshake pattern: the keys that each end knows beforehand, and the messages, the initiator's first. */
export interface NoisePattern {
  readonly name: NoisePatternName;
  /** The initiator's static key is known to the responder before the handshake. */
  readonly initiatorKnown: boolean;
  /** The responder's static key is known to the initiator before the handshake. */
  readonly responderKnown: boolean;
  readonly messages: readonly (readonly NoiseToken[])[];
}

/** The patterns that this package speaks. */
export type NoisePatternName = "XX" | "XXpsk3" | "IK" | "IKpsk2" | "KK" | "KKpsk2";

const known = { initiatorKnown: true, responderKnown: true };
const unknown = { initiatorKnown: false, responderKnown: false };
const ikKeys = { initiatorKnown: false, responderKnown: true };

/** The patterns by name, as in the Noise specification, sections 7.5 and 9.4. */
export const NOISE_PATTERNS: Readonly<Record<NoisePatternName, NoisePattern>> = {
  XX: { name: "XX", ...unknown, messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
  XXpsk3: { name: "XXpsk3", ...unknown, messages: [["e"], ["e", "ee", "s", "es"], ["s", "se", "psk"]] },
  IK: {
    name: "IK",
    ...ikKeys,
    messages: [
      ["e", "es", "s", "ss"],
      ["e", "ee", "se"],
    ],
  },
  IKpsk2: {
    name: "IKpsk2",
    ...ikKeys,
    messages: [
      ["e", "es", "s", "ss"],
      ["e", "ee", "se", "psk"],
    ],
  },
  KK: {
    name: "KK",
    ...known,
    messages: [
      ["e", "es", "ss"],
      ["e", "ee", "se"],
    ],
  },
  KKpsk2: {
    name: "KKpsk2",
    ...known,
    messages: [
      ["e", "es", "ss"],
      ["e", "ee", "se", "psk"],
    ],
  },
};

/**
 * From the first byte to the exchange of features, in both protocol versions:
 *
 * ```
 *            both at once, 7 bytes              version 2                         version 1
 * "weave" | min version | max version     flag 00 | frame(features)         gob(features, PublicKey if password)
 *                                         flag 01 | public key (32) | frame(encrypted(features))
 * ```
 * With a password, the side that was dialled sends nothing under it before the dialler's features have opened: a stranger who
 * dials gets nothing to test guesses of the password against. Weave Net 2.8, as dialler, sends its features at once.
 *
 * Example, header of a peer that speaks 1 to 2: `7765617665 01 02`.
 */
import { type CryptoProvider, type KeyPair, SleeveCryptoError, sessionKey, wipe } from "@weaved/sleeve-crypto";
import { MeshError } from "../errors.ts";
import { ByteQueue } from "./byte-queue.ts";
import { CLEAR, type Codec, frameCodec, gobCodec, type Sealing, sealing } from "./codecs.ts";
import { type Features, version1Features } from "./features.ts";

const MAGIC = [0x77, 0x65, 0x61, 0x76, 0x65];
const HEADER_BYTES = 7;
const KEY_BYTES = 32;
const PUBLIC_KEY_FEATURE = "PublicKey";

/** Our half of the handshake. */
export interface HandshakeOptions {
  readonly outbound: boolean;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly features: Features;
  readonly password?: Uint8Array | undefined;
  readonly crypto: CryptoProvider;
  /** @defaultValue fresh; wiped when used */
  readonly keyPair?: KeyPair;
}

/** What the handshake leads to. */
export interface Session {
  readonly version: number;
  readonly remoteFeatures: Features;
  /** 32 bytes if there is a password. */
  readonly key: Uint8Array | undefined;
  /**
   * Whether the remote has shown that it knows the password; true without one. False only in version 1, whose features are
   * plaintext: there the first message that opens is the proof.
   */
  readonly proven: boolean;
}

type Stage = "header" | "flag" | "key" | "features" | "open";

/** A protocol connection as bytes: what is written, what arrives, the messages in it. No time, no sockets. */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #write: (bytes: Uint8Array) => void;
  readonly #queue = new ByteQueue();
  #stage: Stage = "header";
  #version = 0;
  #keyPair: KeyPair | undefined;
  #key: Uint8Array | undefined;
  #sealing: Sealing = CLEAR;
  #codec: Codec | undefined;
  /** Set once the remote's features are known. */
  session: Session | undefined;

  /** @param write - takes bytes for the remote, which it owns from then on */
  constructor(options: HandshakeOptions, write: (bytes: Uint8Array) => void) {
    this.#options = options;
    this.#write = write;
    write(Uint8Array.from([...MAGIC, options.minVersion, options.maxVersion]));
  }

  /** Whether the remote's header has come. */
  get headerDone(): boolean {
    return this.#stage !== "header";
  }

  /** Takes bytes, borrowed until `settle`. */
  push(bytes: Uint8Array): void {
    if (this.#stage === "features" || this.#stage === "open") this.#codec!.push(bytes);
    else this.#queue.push(bytes);
  }

  /** Goes on as far as the bytes lead. True once the features are known. @throws MeshError */
  advance(): boolean {
    while (this.#stage !== "open") {
      if (!this.#step()) return false;
    }
    return true;
  }

  /** The next message, once the session stands; borrowed. @throws MeshError */
  next(): Uint8Array | undefined {
    return this.#codec!.next();
  }
  /** A message as it goes on the wire. @throws MeshError MESH_OVERSIZE */
  encode(message: Uint8Array): Uint8Array {
    return this.#codec!.encode(message);
  }
  /** Lets go of borrowed bytes. */
  settle(): void {
    this.#queue.settle();
    this.#codec?.settle();
  }
  /** Forgets all keys. */
  wipe(): void {
    this.#sealing.wipe();
    if (this.#key) wipe(this.#key);
    if (this.#keyPair) wipe(this.#keyPair.secretKey);
  }

  #step(): boolean {
    switch (this.#stage) {
      case "header":
        return this.#readHeader();
      case "flag":
        return this.#readFlag();
      case "key":
        return this.#readKey();
      case "features":
        return this.#readFeatures();
      case "open":
        return false;
    }
  }

  #readHeader(): boolean {
    // Garbage is refused at its first wrong byte, not after seven.
    const prefix = this.#queue.peek(Math.min(this.#queue.length, MAGIC.length))!;
    if (!prefix.every((byte, index) => byte === MAGIC[index])) {
      throw new MeshError(
        "MESH_PROTOCOL",
        `not a weave peer: it begins with ${[...prefix].map((b) => b.toString(16)).join(" ")}`,
      );
    }
    const header = this.#queue.take(HEADER_BYTES);
    if (!header) return false;
    const { minVersion, maxVersion } = this.#options;
    const [theirMin, theirMax] = [header[MAGIC.length]!, header[MAGIC.length + 1]!];
    this.#version = Math.min(maxVersion, theirMax);
    if (Math.max(minVersion, theirMin) > this.#version) {
      throw new MeshError(
        "MESH_VERSION",
        `the remote speaks versions ${theirMin} to ${theirMax}, we speak ${minVersion} to ${maxVersion}; ${versionRemedy(theirMax < minVersion)}`,
      );
    }
    if (this.#version === 1) this.#startVersion1();
    else this.#startVersion2();
    return true;
  }

  /** Made only for a remote that speaks the protocol, because it costs a scalar multiplication. */
  #makeKeyPair(): KeyPair | undefined {
    const { password, keyPair, crypto } = this.#options;
    if (password) this.#keyPair = keyPair ?? crypto.generateKeyPair();
    return this.#keyPair;
  }

  #startVersion1(): void {
    const keyPair = this.#makeKeyPair();
    const codec = gobCodec();
    this.#codec = codec;
    this.#handOver();
    const own = version1Features(this.#options.features);
    const publicKey = keyPair && { [PUBLIC_KEY_FEATURE]: toHex(keyPair.publicKey) };
    this.#write(codec.encodeFeatures({ ...own, ...publicKey }));
    this.#stage = "features";
  }

  #startVersion2(): void {
    this.#stage = "flag";
    const keyPair = this.#makeKeyPair();
    if (keyPair) this.#write(Uint8Array.from([1, ...keyPair.publicKey]));
    else {
      this.#write(Uint8Array.of(0));
      this.#codec = frameCodec(this.#sealing);
      this.#sendFeatures();
    }
  }

  #sendFeatures(): void {
    this.#write(this.#codec!.encodeFeatures(this.#options.features));
  }

  #readFlag(): boolean {
    const flag = this.#queue.take(1)?.[0];
    if (flag === undefined) return false;
    if (flag > 1) throw new MeshError("MESH_PROTOCOL", `an encryption flag of ${flag}`);
    this.#checkEncryption(flag === 1);
    if (flag === 0) this.#handOver();
    this.#stage = flag === 0 ? "features" : "key";
    return true;
  }

  #checkEncryption(theirs: boolean): void {
    if (theirs === (this.#keyPair !== undefined)) return;
    const [with_, without] = theirs ? ["the remote has", "we have none"] : ["we have", "the remote has none"];
    throw new MeshError("MESH_ENCRYPTION_MISMATCH", `${with_} a password, ${without}`);
  }

  #readKey(): boolean {
    const publicKey = this.#queue.take(KEY_BYTES);
    if (!publicKey) return false;
    this.#agree(publicKey);
    this.#codec = frameCodec(this.#sealing);
    if (this.#options.outbound) this.#sendFeatures();
    this.#handOver();
    this.#stage = "features";
    return true;
  }

  #agree(remotePublicKey: Uint8Array): void {
    const { crypto, password, outbound } = this.#options;
    const secretKey = this.#keyPair!.secretKey;
    try {
      this.#key = sessionKey(crypto, { secretKey, remotePublicKey, password: password! });
    } catch (error) {
      if (!(error instanceof SleeveCryptoError)) throw error;
      throw new MeshError("MESH_PROTOCOL", `no key can be agreed: ${error.message}`, { cause: error });
    }
    wipe(secretKey);
    this.#sealing = sealing(crypto, this.#key, outbound);
  }

  /** Bytes that came with the previous stage belong to the codec. */
  #handOver(): void {
    const rest = this.#queue.take(this.#queue.length)!;
    if (rest.length > 0) this.#codec!.push(rest);
  }

  #readFeatures(): boolean {
    const received = this.#codec!.nextFeatures();
    if (!received) return false;
    const version1 = this.#version === 1;
    if (version1) this.#agreeVersion1(received);
    else if (this.#key && !this.#options.outbound) this.#sendFeatures();
    const remoteFeatures = version1 ? version1Features(received) : received;
    const proven = this.#key === undefined || !version1;
    this.session = { version: this.#version, remoteFeatures, key: this.#key, proven };
    this.#stage = "open";
    return true;
  }

  #agreeVersion1(received: Features): void {
    const has = Object.hasOwn(received, PUBLIC_KEY_FEATURE);
    this.#checkEncryption(has);
    if (!has) return;
    const text = received[PUBLIC_KEY_FEATURE]!;
    if (!/^[0-9a-f]{64}$/i.test(text)) throw new MeshError("MESH_FEATURES", "PublicKey is not 64 hex digits");
    this.#agree(fromHex(text));
    (this.#codec as ReturnType<typeof gobCodec>).seal(this.#sealing);
  }
}

function versionRemedy(remoteIsOlder: boolean): string {
  const side = remoteIsOlder ? "this side" : "the remote";
  return `minProtocolVersion (--min-protocol-version) of ${side} decides, and is 2 by default with a password`;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16));
}

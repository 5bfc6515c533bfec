import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto";
import type { Aead, AeadKey } from "../aead.ts";
import { checkLength, SleeveCryptoError } from "../errors.ts";
import { KEY_BYTES, TAG_BYTES } from "../provider.ts";

/**
 * Binds a C function by its prototype, as koffi does: `(prototype) => koffi.load(null).func(prototype)`, where null is
 * the running process. Node carries OpenSSL within it, so its fast in-place functions are there to be called.
 */
export type BindFunction = (prototype: string) => (...args: unknown[]) => unknown;

/** OpenSSL's EVP_CTRL_AEAD_GET_TAG and _SET_TAG (openssl/evp.h). */
const GET_TAG = 0x10;
const SET_TAG = 0x11;

/** The functions of openssl/evp.h that a cipher needs; all of them give 1 for success. */
interface Evp {
  readonly make: () => unknown;
  readonly free: (context: unknown) => unknown;
  readonly cipher: () => unknown;
  readonly control: (context: unknown, what: number, length: number, tag: Uint8Array) => unknown;
  readonly seal: Direction;
  readonly open: Direction;
}
/** Encryption or decryption: the same three steps under two sets of names. */
interface Direction {
  readonly start: (
    context: unknown,
    cipher: unknown,
    engine: null,
    key: Uint8Array | null,
    nonce: Uint8Array | null,
  ) => unknown;
  readonly update: (
    context: unknown,
    out: Uint8Array,
    outLength: Int32Array,
    text: Uint8Array,
    length: number,
  ) => unknown;
  readonly finish: (context: unknown, out: Uint8Array, outLength: Int32Array) => unknown;
}

function bindEvp(bind: BindFunction): Evp {
  const direction = (name: "Encrypt" | "Decrypt"): Direction => ({
    start: bind(`int EVP_${name}Init_ex(void *context, void *cipher, void *engine, void *key, void *nonce)`),
    update: bind(`int EVP_${name}Update(void *context, void *out, void *outLength, void *text, int length)`),
    finish: bind(`int EVP_${name}Final_ex(void *context, void *out, void *outLength)`),
  });
  return {
    make: bind("void *EVP_CIPHER_CTX_new()"),
    free: bind("void EVP_CIPHER_CTX_free(void *context)"),
    cipher: bind("void *EVP_aes_256_gcm()"),
    control: bind("int EVP_CIPHER_CTX_ctrl(void *context, int what, int length, void *tag)"),
    seal: direction("Encrypt"),
    open: direction("Decrypt"),
  };
}

/**
 * AES-256-GCM by OpenSSL. With `bind` it works in place, which is more than twice as fast on super-frames as `node:crypto`
 * (no 60 kB buffer is made per call); without, or where the functions cannot be bound, it uses `node:crypto`.
 */
export function gcmAead(bind?: BindFunction): Aead {
  let evp: Evp | undefined;
  try {
    evp = bind && bindEvp(bind);
  } catch {
    // This Node hides OpenSSL's symbols: the slower way gives the same bytes.
  }
  return {
    name: "aes-256-gcm",
    withKey(key) {
      checkLength(key, KEY_BYTES, "the key");
      return evp ? evpKey(evp, key) : nodeKey(key);
    },
  };
}

/**
 * A context per direction, each with the key expanded once; a frame only brings its nonce. Input and output are the same
 * memory, which OpenSSL allows if they are exactly equal.
 */
function evpKey(evp: Evp, key: Uint8Array): AeadKey {
  const length = new Int32Array(1);
  const rest = new Uint8Array(TAG_BYTES);
  const contexts = [evp.seal, evp.open].map((direction) => {
    const context = evp.make();
    if (direction.start(context, evp.cipher(), null, key, null) !== 1) throw broken("could not take a key");
    return context;
  });
  const [sealing, opening] = contexts;
  const run = (direction: Direction, context: unknown, text: Uint8Array, nonce: Uint8Array): void => {
    if (contexts.length === 0) throw new SleeveCryptoError("CRYPTO_WIPED", "the key has been wiped");
    if (direction.start(context, null, null, null, nonce) !== 1) throw broken("could not start");
    if (direction.update(context, text, length, text, text.length) !== 1) throw broken("could not go on");
  };
  return {
    seal(text, tag, nonce) {
      run(evp.seal, sealing, text, nonce);
      if (evp.seal.finish(sealing, rest, length) !== 1) throw broken("could not finish");
      if (evp.control(sealing, GET_TAG, TAG_BYTES, tag) !== 1) throw broken("gave no authenticator");
    },
    open(text, tag, nonce) {
      run(evp.open, opening, text, nonce);
      evp.control(opening, SET_TAG, TAG_BYTES, tag);
      return evp.open.finish(opening, rest, length) === 1;
    },
    wipe() {
      // OpenSSL zeroes a context when it is freed.
      for (const context of contexts.splice(0)) evp.free(context);
    },
  };
}

function broken(what: string): SleeveCryptoError {
  return new SleeveCryptoError("CRYPTO_BAD_INPUT", `OpenSSL ${what}`);
}

/** The same bytes by way of `node:crypto`, which makes a cipher object, a buffer per call. */
function nodeKey(key: Uint8Array): AeadKey {
  let secret: ReturnType<typeof createSecretKey> | undefined = createSecretKey(key);
  const current = (): NonNullable<typeof secret> => {
    if (secret === undefined) throw new SleeveCryptoError("CRYPTO_WIPED", "the key has been wiped");
    return secret;
  };
  return {
    seal(text, tag, nonce) {
      const cipher = createCipheriv("aes-256-gcm", current(), nonce);
      text.set(cipher.update(text));
      cipher.final();
      tag.set(cipher.getAuthTag());
    },
    open(text, tag, nonce) {
      const decipher = createDecipheriv("aes-256-gcm", current(), nonce, { authTagLength: TAG_BYTES });
      decipher.setAuthTag(tag);
      const plain = decipher.update(text);
      try {
        decipher.final();
      } catch {
        return false;
      }
      text.set(plain);
      return true;
    },
    wipe() {
      secret = undefined;
    },
  };
}

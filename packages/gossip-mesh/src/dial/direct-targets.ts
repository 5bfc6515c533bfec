/** The targets that people have given, and the addresses that their names resolve to. */
import type { TargetError } from "../api.ts";
import { MeshError, toMeshError } from "../errors.ts";
import type { Clock, Transport } from "../ports.ts";
import { parseIpv4, parseTarget } from "./address.ts";

/** A name that does not resolve is looked up again after this, then after longer, up to the longest. */
const LOOKUP_MS = 2_000;
const LONGEST_LOOKUP_MS = 30_000;

/** One target. */
export interface DirectTarget {
  readonly text: string;
  readonly host: string;
  /** Absent: the mesh's own port. */
  readonly port: number | undefined;
  /** The host's address when last resolved; absent while its name does not resolve. */
  ip: string | undefined;
  /** Why its name did not resolve at the last attempt. */
  error: MeshError | undefined;
  /** When its name is looked up again. */
  lookupAt: number;
}

/** What the targets need. */
export interface DirectTargetsHost {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly port: number;
  /** A name has got an address, or another one. */
  onResolved(): void;
}

/** All of them, by their literal text. */
export class DirectTargets {
  readonly #host: DirectTargetsHost;
  /** Bounded by: the targets that people have given. */
  readonly #targets = new Map<string, DirectTarget>();
  /** Lookups to come. Bounded by: targets. */
  readonly #lookups = new Map<DirectTarget, () => void>();

  constructor(host: DirectTargetsHost) {
    this.#host = host;
  }

  all(): IterableIterator<DirectTarget> {
    return this.#targets.values();
  }

  /** Where a target is dialled; undefined while its name does not resolve. */
  addressOf({ ip, port }: DirectTarget): string | undefined {
    return ip === undefined ? undefined : `${ip}:${port ?? this.#host.port}`;
  }

  /** Reads targets and looks their names up. Those that are malformed are not among them. */
  async read(texts: readonly string[], errors: TargetError[]): Promise<DirectTarget[]> {
    const found = await Promise.all(texts.map((text) => this.#read(text, errors)));
    return found.filter((target) => target !== undefined);
  }

  async #read(text: string, errors: TargetError[]): Promise<DirectTarget | undefined> {
    try {
      const { host, port } = parseTarget(text);
      const target: DirectTarget = { text, host, port, ip: undefined, error: undefined, lookupAt: 0 };
      await this.#resolve(target);
      if (target.error) {
        const reason = `${target.error.message}; the target is kept, and its name is looked up again`;
        errors.push({ target: text, code: target.error.code, reason, kept: true });
      }
      return target;
    } catch (thrown) {
      const { code, message } = toMeshError(thrown, "MESH_ADDRESS");
      errors.push({ target: text, code, reason: message, kept: false });
      return undefined;
    }
  }

  async #resolve(target: DirectTarget): Promise<void> {
    try {
      const { host } = target;
      target.ip = parseIpv4(host) === undefined ? await this.#host.transport.resolve(host) : host;
      target.error = undefined;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      target.error = new MeshError("MESH_ADDRESS", `${target.host} does not resolve: ${reason}`, { cause });
    }
  }

  add(target: DirectTarget): void {
    const before = this.#targets.get(target.text);
    if (before) this.#stopLookup(before);
    this.#targets.set(target.text, target);
    if (target.ip === undefined) this.#lookUpLater(target, LOOKUP_MS);
  }

  /** Removes a target; returns it if it was there. */
  remove(text: string): DirectTarget | undefined {
    const target = this.#targets.get(text);
    if (!target) return undefined;
    this.#stopLookup(target);
    this.#targets.delete(text);
    return target;
  }

  /** Looks the names that lead to an address up again: they may lead elsewhere by now. */
  lookUpAgain(address: string): void {
    for (const target of this.#targets.values()) {
      if (parseIpv4(target.host) === undefined && this.addressOf(target) === address) void this.#lookUp(target);
    }
  }

  async #lookUp(target: DirectTarget): Promise<void> {
    const before = target.ip;
    await this.#resolve(target);
    if (this.#targets.get(target.text) === target && target.ip !== before) this.#host.onResolved();
  }

  #lookUpLater(target: DirectTarget, ms: number): void {
    target.lookupAt = this.#host.clock.now() + ms;
    const again = async (): Promise<void> => {
      await this.#lookUp(target);
      if (this.#lookups.get(target) !== cancel) return;
      this.#lookups.delete(target);
      if (target.ip === undefined) this.#lookUpLater(target, Math.min(2 * ms, LONGEST_LOOKUP_MS));
    };
    const cancel = this.#host.clock.after(ms, () => void again());
    this.#lookups.set(target, cancel);
  }

  #stopLookup(target: DirectTarget): void {
    this.#lookups.get(target)?.();
    this.#lookups.delete(target);
  }

  close(): void {
    for (const cancel of this.#lookups.values()) cancel();
    this.#lookups.clear();
  }
}

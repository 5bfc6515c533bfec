import { planBridge, planBridgeAddressRemoval, planBridgeRemoval } from "../links/bridge-plan.ts";
import type { Step } from "../steps.ts";
import type { BridgeSpec } from "../types.ts";
import { type Context, carryOut } from "./context.ts";
import { describeSteps, observeHost } from "./kernel.ts";

/** The bridges that were asked for. */
export class Bridges {
  readonly #context: Context;
  /** Bounded by: bridges that the program asked for, one in practice. */
  readonly #wanted = new Map<string, BridgeSpec>();

  constructor(context: Context) {
    this.#context = context;
  }

  ensure(bridge: BridgeSpec): Promise<Step[]> {
    return this.#inOrder(bridge.name, () => this.#put(bridge));
  }

  removeAddresses(name: string, addresses: readonly string[]): Promise<Step[]> {
    return this.#inOrder(name, async () => {
      const wanted = this.#wanted.get(name);
      const left = wanted?.addresses?.filter((cidr) => !addresses.includes(cidr));
      if (wanted && left) this.#wanted.set(name, { ...wanted, addresses: left });
      const { runner } = this.#context;
      const steps = planBridgeAddressRemoval(await observeHost(runner, name), name, addresses);
      await carryOut(this.#context, steps);
      return steps;
    });
  }

  remove(name: string): Promise<Step[]> {
    return this.#inOrder(name, async () => {
      const { runner, prefix } = this.#context;
      const steps = planBridgeRemoval(await observeHost(runner, name), name, prefix);
      this.#wanted.delete(name);
      await carryOut(this.#context, steps);
      return steps;
    });
  }

  /** Puts back what differs from the last request for each bridge; what was done, in words. */
  async repair(): Promise<string[]> {
    const repairs: string[] = [];
    for (const name of [...this.#wanted.keys()]) {
      const steps = await this.#inOrder(name, async () => {
        const wanted = this.#wanted.get(name);
        return wanted ? this.#put(wanted) : [];
      });
      repairs.push(...describeSteps(steps));
    }
    return repairs;
  }

  /** MTU for what is attached to a bridge, if one was asked for. */
  mtuOf(name: string): number | undefined {
    return this.#wanted.get(name)?.mtu;
  }

  async #put(bridge: BridgeSpec): Promise<Step[]> {
    const { runner, prefix } = this.#context;
    const steps = planBridge(await observeHost(runner, bridge.name), bridge, prefix);
    // A plan that was refused is not remembered: it would be refused at every repair.
    this.#wanted.set(bridge.name, bridge);
    await carryOut(this.#context, steps);
    return steps;
  }

  #inOrder<T>(name: string, act: () => Promise<T>): Promise<T> {
    return this.#context.inOrder(`bridge ${name}`, act);
  }
}

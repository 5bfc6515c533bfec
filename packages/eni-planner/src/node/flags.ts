import { InvalidArgumentError, Option } from "commander";

/** Where a command's output goes. */
export type Print = (text: string) => void;

/** Flags that most commands have. */
export interface Flags {
  readonly json?: boolean;
  readonly all?: boolean;
}

/** JSON for people and programs. */
export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Reads a whole number. */
export function toCount(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("need a whole number, 0 or more");
  return Number(text);
}

/** Reads any number. */
export function toNumber(text: string): number {
  if (text.trim() === "" || !Number.isFinite(Number(text))) throw new InvalidArgumentError("need a number");
  return Number(text);
}

/** How tasks get addresses. */
export function schemeOption(): Option {
  return new Option("--scheme <scheme>").choices(["ecs", "ecs-trunk", "eks", "eks-prefix"]).default("ecs");
}

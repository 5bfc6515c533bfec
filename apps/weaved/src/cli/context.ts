import type { Client } from "../client/client.ts";
import { printableFields, printableText } from "../values/printable.ts";

/** What every verb works with. */
export interface Context {
  readonly client: Client;
  readonly env: Readonly<Record<string, string | undefined>>;
  print(text: string): void;
  warn(text: string): void;
  /** `--json` was given. */
  readonly json: boolean;
}

/** Prints a value as JSON, or as the text made of it. */
export function show<T>(context: Context, value: T, text: (value: T) => string): void {
  context.print(
    context.json ? `${printableText(JSON.stringify(value, undefined, 2))}\n` : text(printableFields(value)),
  );
}

import { isCidr } from "./cidr.ts";
import { WeavedError } from "./error.ts";

/**
 * The address arguments of attach, expose, and `WEAVE_CIDR` (docs/protocol/control.md#17): `[ip:]a.b.c.d/n` asks for that address,
 * `net:a.b.c.d/n` for any address of that subnet, `net:default` for one of the default subnet.
 */
export type AddressArgument =
  | { readonly is: "address"; readonly cidr: string }
  | { readonly is: "subnet"; readonly cidr: string }
  | { readonly is: "default" };

/** Reads one argument; undefined when it is none (a container's name, say). */
export function parseAddressArgument(argument: string): AddressArgument | undefined {
  if (argument === "net:default") return { is: "default" };
  if (argument.startsWith("net:") && isCidr(argument.slice(4))) return { is: "subnet", cidr: argument.slice(4) };
  const address = argument.startsWith("ip:") ? argument.slice(3) : argument;
  return isCidr(address) ? { is: "address", cidr: address } : undefined;
}

/** Reads one argument. @throws WeavedError REQUEST_INVALID */
export function readAddressArgument(text: string): AddressArgument {
  const argument = parseAddressArgument(text);
  if (argument) return argument;
  throw new WeavedError(
    "REQUEST_INVALID",
    `"${text}" is not a valid address; expected [ip:]A.B.C.D/N, net:A.B.C.D/N, or net:default`,
  );
}

/** The argument's text form. */
export function addressArgumentText(argument: AddressArgument): string {
  if (argument.is === "default") return "net:default";
  return argument.is === "subnet" ? `net:${argument.cidr}` : `ip:${argument.cidr}`;
}

/** Splits leading or interspersed address arguments from the rest. Without any, the default subnet is meant. */
export function splitAddressArguments(words: readonly string[]): { addresses: AddressArgument[]; rest: string[] } {
  const addresses: AddressArgument[] = [];
  const rest: string[] = [];
  for (const word of words) {
    const parsed = parseAddressArgument(word);
    if (parsed) addresses.push(parsed);
    else rest.push(word);
  }
  return { addresses, rest };
}

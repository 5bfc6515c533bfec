import type { DnsPort, IpamPort } from "../http/ports.ts";
import { type AddressArgument, addressArgumentText, readAddressArgument } from "../values/address-argument.ts";
import { type Cidr, cidrText, contains, networkOf, parseCidr, parseSubnet } from "../values/cidr.ts";
import { WeavedError } from "../values/error.ts";
import type { Attachment } from "./record.ts";
import type { Attachable } from "./reference.ts";

/** Gets addresses for attachments, and gives them back. */
export interface Addresses {
  /** One address for each argument, as `[ip:]A.B.C.D/N`, `net:...`; one of the default subnet when there is none. */
  obtain(what: Attachable, arguments_: readonly string[], signal: AbortSignal): Promise<Cidr[]>;
  /** Those of before where nobody else has them, and others of the same subnets in their place. */
  regain(attachment: Attachment, signal: AbortSignal): Promise<Cidr[]>;
  /** Withdraws the names and frees the addresses. */
  giveBack(id: string, cidrs: readonly Cidr[]): void;
  /** Is the address what the argument names, or of the subnet it names? */
  matches(argument: string, cidr: Cidr): boolean;
}

/** Makes it from the parts that are switched on. */
export function createAddresses({
  ipam,
  dns,
}: {
  readonly ipam: IpamPort | undefined;
  readonly dns: DnsPort | undefined;
}): Addresses {
  type Options = { readonly isContainer: boolean; readonly signal: AbortSignal; readonly workload?: string };

  async function claim(id: string, cidr: Cidr, options: Options): Promise<Cidr> {
    await ipam?.claim(id, cidr, { ...options, noErrorOnUnknown: false });
    return cidr;
  }

  async function allocate(id: string, argument: AddressArgument, options: Options): Promise<Cidr> {
    if (!ipam)
      throw new WeavedError(
        "REQUEST_INVALID",
        `${addressArgumentText(argument)} needs automatic allocation: launch with --ipalloc-range, or name an address`,
      );
    const subnet = argument.is === "subnet" ? parseSubnet(argument.cidr) : ipam.defaultSubnet;
    return ipam.allocate(id, subnet, options);
  }

  const giveBack: Addresses["giveBack"] = (id, cidrs) => {
    for (const { address } of cidrs) {
      dns?.remove({ containerId: id, address });
      try {
        ipam?.release(id, address);
      } catch {
        // Never allocated by us: an address outside the range, say.
      }
    }
  };

  return {
    giveBack,
    async obtain({ id, keeper, hostname }, texts, signal) {
      const options = { isContainer: keeper === "engine", signal, ...(hostname && { workload: bareName(hostname) }) };
      const wanted = texts.length > 0 ? texts.map(readAddressArgument) : [{ is: "default" } as const];
      const got: Cidr[] = [];
      for (const argument of wanted)
        got.push(
          argument.is === "address"
            ? await claim(id, parseCidr(argument.cidr), options)
            : await allocate(id, argument, options),
        );
      return got;
    },
    async regain({ id, keeper, cidrs }, signal) {
      const options = { isContainer: keeper === "engine", signal };
      const got: Cidr[] = [];
      for (const cidr of cidrs)
        got.push(await claim(id, cidr, options).catch(() => allocate(id, subnetOf(cidr), options)));
      return got;
    },
    matches(text, { address }) {
      const argument = readAddressArgument(text);
      if (argument.is === "address") return argument.cidr.split("/")[0] === address;
      const subnet = argument.is === "subnet" ? parseCidr(argument.cidr) : ipam?.defaultSubnet;
      // Without allocation there is no default subnet, so everything is meant.
      return subnet === undefined || contains(subnet, address);
    },
  };
}

/** `db.weave.local` of the same with a trailing dot. */
function bareName(hostname: string): string {
  return hostname.replace(/\.$/, "");
}

function subnetOf(cidr: Cidr): AddressArgument {
  return { is: "subnet", cidr: cidrText(networkOf(cidr)) };
}

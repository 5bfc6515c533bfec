import { VpcRoutesError } from "../errors.ts";

/** Where this host is, from its own metadata: no EC2 call. */
export interface HostIdentity {
  readonly instance: string;
  readonly region: string;
  readonly account: string;
  readonly instanceType: string;
  /** The primary interface, or the one of the given MAC. */
  readonly eni: string;
  readonly mac: string;
  readonly subnet: string;
  readonly vpc: string;
  readonly subnetCidr: string;
  readonly vpcCidrs: readonly string[];
}

/** How to reach the instance metadata service. */
export interface MetadataOptions {
  /** @defaultValue `AWS_EC2_METADATA_SERVICE_ENDPOINT`, as in AWS's own SDKs, else "http://169.254.169.254" */
  readonly endpoint?: string;
  /** MAC of the interface that routes should lead to. @defaultValue the primary interface's */
  readonly mac?: string;
  readonly signal?: AbortSignal;
}

/** IMDSv2 allows 1 to 21600 seconds. */
const TOKEN_TTL_SECONDS = 21_600;

/**
 * Reads the host's identity with IMDSv2: a token by PUT, then GETs that carry it. A refused token is renewed once.
 * @throws VpcRoutesError `METADATA_UNAVAILABLE`, saying what to change: 403 is a disabled service, no answer often a hop
 * limit of 1 seen from a bridged container.
 */
export async function readHostIdentity(options: MetadataOptions = {}): Promise<HostIdentity> {
  const get = createMetadataClient(options);
  const document = JSON.parse(await get("dynamic/instance-identity/document")) as Record<string, string>;
  const mac = options.mac ?? (await get("meta-data/mac"));
  const ofMac = (key: string) => get(`meta-data/network/interfaces/macs/${mac}/${key}`);
  const [instance, eni, subnet, vpc, subnetCidr, vpcCidrs] = await Promise.all([
    get("meta-data/instance-id"),
    ofMac("interface-id"),
    ofMac("subnet-id"),
    ofMac("vpc-id"),
    ofMac("subnet-ipv4-cidr-block"),
    ofMac("vpc-ipv4-cidr-blocks"),
  ]);
  const { region = "", accountId: account = "", instanceType = "" } = document;
  return { instance, region, account, instanceType, eni, mac, subnet, vpc, subnetCidr, vpcCidrs: vpcCidrs.split("\n") };
}

/** A getter of metadata paths below `/latest/`; keeps its token. */
export function createMetadataClient(options: MetadataOptions = {}): (path: string) => Promise<string> {
  const { endpoint = usualEndpoint(), signal } = options;
  let token: Promise<string> | undefined;
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    try {
      const timeout = AbortSignal.timeout(5_000);
      const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
      return await fetch(`${endpoint}/latest/${path}`, { ...init, signal: either });
    } catch (cause) {
      const hint = "not on EC2, or the hop limit is 1 and this is a container: set HttpPutResponseHopLimit to 2";
      throw new VpcRoutesError("METADATA_UNAVAILABLE", `no answer from instance metadata (${hint})`, { cause });
    }
  };
  const newToken = async () => {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": String(TOKEN_TTL_SECONDS) };
    return read("api/token", await ask("api/token", { method: "PUT", headers }));
  };
  return async (path) => {
    for (let renewed = false; ; renewed = true) {
      token ??= newToken();
      const used = await token.catch((error: unknown) => {
        token = undefined;
        throw error;
      });
      const answer = await ask(path, { headers: { "x-aws-ec2-metadata-token": used } });
      if (answer.status !== 401 || renewed) return read(path, answer);
      token = undefined;
    }
  };
}

function usualEndpoint(): string {
  return (process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? "http://169.254.169.254").replace(/\/$/, "");
}

async function read(path: string, answer: Response): Promise<string> {
  if (answer.ok) return (await answer.text()).trim();
  const why: Readonly<Record<number, string>> = {
    401: "the token is refused",
    403: "the service is disabled or blocked",
    404: "no such key",
  };
  const text = why[answer.status] ?? "unexpected";
  throw new VpcRoutesError("METADATA_UNAVAILABLE", `instance metadata ${path}: ${answer.status}, ${text}`);
}

/**
 * Why an operation of this package failed.
 *
 * - `DNS_GOSSIP_MALFORMED`: a gossip payload is not what the channel carries
 * - `DNS_CLOCK_SKEW`: a payload's timestamp is more than 900 s from our clock
 * - `DNS_BAD_ADDRESS`: an address or a network is not valid, or is not of the required family
 * - `DNS_BAD_DOMAIN`: the local domain is not a usable DNS name
 * - `DNS_BAD_OPTION`: an option of the server is out of its range
 * - `DNS_BAD_RECORD`: a service, weight, or address record is not valid
 * - `DNS_BAD_SNAPSHOT`: a stored document does not hold names
 * - `DNS_LISTEN_FAILED`: an address could not be bound
 */
export type DnsErrorCode =
  | "DNS_GOSSIP_MALFORMED"
  | "DNS_CLOCK_SKEW"
  | "DNS_BAD_ADDRESS"
  | "DNS_BAD_DOMAIN"
  | "DNS_BAD_OPTION"
  | "DNS_BAD_RECORD"
  | "DNS_BAD_SNAPSHOT"
  | "DNS_LISTEN_FAILED";

/** Every failure of this package. Branch on `code`; the message is for people and may change. */
export class DnsError extends Error {
  override readonly name = "DnsError";
  readonly code: DnsErrorCode;
  constructor(code: DnsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Domain names as text: always fully qualified with a trailing dot, compared in lower case. */
import { DnsError } from "./errors.ts";

/** The name with a trailing dot. */
export const fqdn = (name: string): string => (name.endsWith(".") ? name : `${name}.`);

/**
 * A local domain in the form used everywhere inside: lower case, trailing dot.
 *
 * The original keeps capitals and then never matches a query; lower-casing is safe, because names compare so.
 * @throws DnsError `DNS_BAD_DOMAIN` when empty, the root, or with a label that is empty or longer than 63 bytes
 */
export function parseDomain(domain: string): string {
  const full = fqdn(domain).toLowerCase();
  const labels = full.slice(0, -1).split(".");
  if (full.length > 254 || labels.some((label) => label.length === 0 || label.length > 63)) {
    throw new DnsError("DNS_BAD_DOMAIN", `"${domain}" is no domain name: labels of 1 to 63 bytes were expected`);
  }
  return full;
}

/** Whether `name` is the domain or below it. Both fully qualified; case does not matter in `name`. */
export function isInDomain(name: string, domain: string): boolean {
  const lower = name.toLowerCase();
  return lower === domain || lower.endsWith(`.${domain}`);
}

/** Number of labels of a fully qualified name; the root has none. */
export function countLabels(name: string): number {
  if (name === ".") return 0;
  let labels = 0;
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) === 0x2e) labels++;
  return labels;
}

/** The name without its first label: `a.b.` gives `b.`; the root stays. */
export function parentOf(name: string): string {
  const dot = name.indexOf(".");
  return dot < 0 || dot === name.length - 1 ? "." : name.slice(dot + 1);
}

/** Domain names as text: always fully qualified with a trailing dot, compared in lower case. */
import { DnsError } from "./errors.ts";

/** The name with a trailing dot. */
export const fqdn = (name: string): string => (name.endsWith(".") ? name : `${name}.`);

/**
 * A local domain in the form used everywhere inside: lower case, trailing dot.
 *
 * Weave Net 2.8 keeps capitals and then never matches a query; lower-casing is safe, because names compare so.
 * @throws DnsError `DNS_BAD_DOMAIN` when empty, the root, or with a label that is empty or longer than 63 bytes
 */
export function parseDomain(domain: string): string {
  const full = fqdn(domain).toLowerCase();
  const labels = full.slice(0, -1).split(".");
  if (full.length > 254 || labels.some((label) => label.length === 0 || label.length > 63)) {
    throw new DnsError("DNS_BAD_DOMAIN", `"${domain}" is not a valid domain name; expected labels of 1 to 63 bytes`);
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

/**
 * A name from a query as zone files write it (RFC 4343 section 2.1): bytes other than printable ASCII are `\DDD`, so that
 * neither a terminal nor a log can be written to by a query. A dot inside a label arrives as U+FF0E.
 */
export const presentationOf = (name: string): string =>
  name.replace(/[^!-~]|\\/g, (char) => {
    if (char === "\\") return "\\\\";
    return char === "\uff0e" ? "\\." : `\\${String(char.charCodeAt(0)).padStart(3, "0")}`;
  });

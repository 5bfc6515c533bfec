import { PolicyError, quote } from "../errors.ts";
import type { NetworkSet, Policy, Tier } from "../model.ts";
import { readCalico } from "./calico.ts";
import { Fields, invalid } from "./fields.ts";
import { readKubernetes } from "./kubernetes.ts";
import { readOwn } from "./own.ts";

/** What a document describes. */
export type PolicyDocument =
  | { readonly kind: "policy"; readonly policy: Policy }
  | { readonly kind: "tier"; readonly tier: Tier }
  /** `namespace` is absent for a set of no namespace. */
  | { readonly kind: "networkSet"; readonly set: NetworkSet; readonly namespace: string | undefined };

/**
 * Reads one document, as parsed from YAML or JSON. Its language shows in `apiVersion`; without one it is the plain form.
 * A field that is unknown or not enforced is refused by name.
 * @throws PolicyError `DOCUMENT_INVALID`, `UNSUPPORTED`, `SELECTOR_INVALID`; `path` names the field
 */
export function readDocument(value: unknown): PolicyDocument {
  const fields = new Fields(value, []);
  const version = fields.text("apiVersion");
  const kind = fields.text("kind");
  if (version === undefined && kind === undefined) return { kind: "policy", policy: readOwn(fields) };
  if (version === undefined) throw invalid(["apiVersion"], "the field is missing");
  if (kind === undefined) throw invalid(["kind"], "the field is missing");
  const read =
    version === "networking.k8s.io/v1" && kind === "NetworkPolicy"
      ? { kind: "policy" as const, policy: readKubernetes(fields) }
      : version === "projectcalico.org/v3"
        ? readCalico(fields, kind)
        : undefined;
  if (read) return read;
  const text = `kind: ${quote(kind)} of ${quote(version)} is not supported; remove the document`;
  throw new PolicyError("UNSUPPORTED", text, { path: ["kind"] });
}

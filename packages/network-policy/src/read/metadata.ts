import { NAMESPACE_LABEL, NAMESPACE_PREFIX } from "../model.ts";
import type { SelectorNode } from "../selector/node.ts";
import { Selector } from "../selector/selector.ts";
import { Fields, invalid } from "./fields.ts";

/** What every Kubernetes-like document begins with. */
export interface Metadata {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Fields that an API server adds; they say nothing about the policy. */
const BY_SERVER = [
  ...["annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers"],
  ...["generation", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid"],
];
const NAME = /^[a-zA-Z0-9]([-._a-zA-Z0-9]*[a-zA-Z0-9])?$/;

/** Reads `metadata`. A document of a namespace that names none is in `default`. */
export function readMetadata(fields: Fields, scope: "namespaced" | "global"): Metadata {
  const metadata = fields.object("metadata");
  if (!metadata) throw invalid(fields.at("metadata"), "the field is missing");
  const name = checkName(metadata, "name", metadata.needText("name"));
  const given = metadata.text("namespace");
  if (scope === "global" && given) throw invalid(metadata.at("namespace"), "this kind does not belong to a namespace");
  const namespace = given ? checkName(metadata, "namespace", given) : "default";
  const labels = metadata.texts("labels");
  metadata.ignore(...BY_SERVER);
  metadata.end({ generateName: "give the policy a name" });
  return { name, namespace: scope === "namespaced" ? namespace : undefined, labels };
}

function checkName(fields: Fields, field: string, name: string): string {
  if (NAME.test(name) && name.length <= 253) return name;
  throw invalid(fields.at(field), `${JSON.stringify(name.slice(0, 60))} is not a valid name`);
}

/** Reads `spec`, which may be absent when it has no required field. */
export function readSpec(fields: Fields): Fields {
  return fields.object("spec") ?? new Fields({}, fields.at("spec"));
}

/** Endpoints of one namespace. */
export function inNamespace(namespace: string): Selector {
  return Selector.of({ kind: "text", key: NAMESPACE_LABEL, operator: "==", value: namespace });
}

/**
 * A selector of namespaces as a selector of endpoints: labels get the prefix that endpoints inherit them with, `all()` means
 * any namespace, `global()` means none.
 */
export function ofNamespaces(selector: Selector): Selector {
  return Selector.of(prefixed(selector.node));
}

function prefixed(node: SelectorNode): SelectorNode {
  const inAny: SelectorNode = { kind: "has", key: NAMESPACE_LABEL };
  switch (node.kind) {
    case "all":
      return inAny;
    case "global":
      return { kind: "not", inner: inAny };
    case "not":
      return { kind: "not", inner: prefixed(node.inner) };
    case "and":
    case "or":
      return { kind: node.kind, terms: node.terms.map(prefixed) };
    default:
      return { ...node, key: NAMESPACE_PREFIX + node.key };
  }
}

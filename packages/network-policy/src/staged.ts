import type { Policy } from "./model.ts";

/**
 * The policies as they would be if the staged ones were enforced: `set` adds a policy or replaces the enforced one of its name,
 * `delete` removes it, `learn` and `ignore` change nothing. Evaluate both worlds to see what would change.
 */
export function withStaged(policies: readonly Policy[]): Policy[] {
  const staged = policies.filter((policy) => policy.staged === "set" || policy.staged === "delete");
  const replaced = new Set(staged.map((policy) => keyOf(policy)));
  const kept = policies.filter((policy) => policy.staged === undefined && !replaced.has(keyOf(policy)));
  return [
    ...kept,
    ...staged.filter((policy) => policy.staged === "set").map((policy) => ({ ...policy, staged: undefined })),
  ];
}

/** `StagedNetworkPolicy` previews `NetworkPolicy`. A plain policy previews the plain one of its name. */
function keyOf({ id }: Policy): string {
  return `${id.kind.replace(/^Staged/, "")} ${id.namespace ?? ""}/${id.name}`;
}

import type { Context } from "./context.ts";
import { VpcRoutesError } from "./errors.ts";
import { readRegistry, removeFromRegistry } from "./registry.ts";
import { planTable } from "./steps.ts";
import { chooseTables } from "./tables.ts";

/** Deletes this host's routes from every table, then its entry in their registries; the last one to leave takes the tags. */
export async function leave({ options, within, pacer }: Context): Promise<void> {
  const { ec2, self, cluster = "default" } = options;
  const tables = await pacer.read(() => ec2.describeRouteTables(self.vpc));
  for (const table of chooseTables(tables, options.tables ?? "all", self.subnet)) {
    const members = readRegistry(cluster, table.tags);
    const { steps } = planTable({ table, self: self.eni, wanted: [], members, within });
    for (const step of steps) {
      await pacer.write(() => ec2.deleteRoute(step.table, step.destination)).catch(ignoreMissing);
    }
    const change = removeFromRegistry(cluster, table.tags, new Set([self.eni]));
    if (Object.keys(change.set).length > 0) await pacer.write(() => ec2.setTags(table.id, change.set));
    if (change.delete.length > 0) await pacer.write(() => ec2.deleteTags(table.id, change.delete));
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof VpcRoutesError && error.code === "ROUTE_NOT_FOUND")) throw error;
}

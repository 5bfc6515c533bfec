/**
 * A vitest reporter that ends with every skip's reason and the one line CI reads.
 * With WEAVED_SUMMARY=FILE the counts are appended there as JSON, so that several runs can be added up.
 */
import { appendFileSync } from "node:fs";

export default class PlainSummary {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const reasons = new Map();
    for (const module of modules) {
      if (module.state() === "failed" && [...module.children.allTests()].length === 0) counts.failed++;
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (!(result.state in counts)) continue;
        counts[result.state]++;
        if (result.state !== "skipped") continue;
        const reason = result.note ?? "no reason given";
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`);
    const file = process.env.WEAVED_SUMMARY;
    if (file) appendFileSync(file, `${JSON.stringify(counts)}\n`);
    else console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}

/**
 * A vitest reporter that ends with every skip's reason, every failure's name and cause, and the one line CI reads.
 * With WEAVED_SUMMARY=FILE the counts are appended there as JSON, so that several runs can be added up.
 */
import { appendFileSync } from "node:fs";
import { relative } from "node:path";

export default class PlainSummary {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const failures = unhandledErrors.map((error) => failure("outside of any test", [error]));
    const reasons = new Map();
    for (const module of modules) {
      const file = relative(process.cwd(), module.moduleId);
      // A file that cannot be read, a hook of a file or suite that failed: its tests are only skipped, or pass all the same.
      for (const suite of [module, ...module.children.allSuites()]) {
        const errors = suite.errors();
        if (errors.length === 0) continue;
        counts.failed++;
        failures.push(failure(suite === module ? file : `${file}: ${suite.fullName}`, errors));
      }
      for (const test of module.children.allTests()) {
        const result = test.result();
        if (result.state === "pending") {
          counts.failed++;
          failures.push(failure(`${file}: ${test.fullName}`, ["it never ended"]));
          continue;
        }
        counts[result.state]++;
        if (result.state === "failed") failures.push(failure(`${file}: ${test.fullName}`, result.errors));
        if (result.state !== "skipped") continue;
        const reason = result.note ?? "no reason given";
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of reasons) console.log(`skipped ${count}: ${reason}`);
    const file = process.env.WEAVED_SUMMARY;
    if (file) appendFileSync(file, `${JSON.stringify({ ...counts, failures })}\n`);
    else console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  }
}

/** What a reader of the log's end needs: which test, and the first lines of why. */
function failure(where, errors) {
  const cause = errors.map((error) => String(error.message ?? error).slice(0, 600)).join("; ");
  return `FAILED ${where}\n  ${cause.replaceAll("\n", "\n  ")}`;
}

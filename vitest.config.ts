import { defineConfig } from "vitest/config";

/** Siblings are read from their sources, so tests need no build. */
const resolve = { conditions: ["@weaved/source", "node", "import", "default"] };
const shared = { resolve, ssr: { resolve } };

export default defineConfig({
  test: {
    reporters: ["default", "./scripts/plain-summary.mjs"],
    projects: [
      {
        ...shared,
        test: {
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/test/host/**"],
          testTimeout: 30_000,
        },
      },
      {
        ...shared,
        test: {
          // Needs root, namespaces, and a built checkout; one file at a time, because labs share the kernel.
          name: "host",
          include: ["packages/*/test/host/**/*.test.ts", "apps/*/test/host/**/*.test.ts", "test/host/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

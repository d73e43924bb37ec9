import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts"],
    // Sockets and processes on a shared machine: generous, and never what a test waits for.
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})

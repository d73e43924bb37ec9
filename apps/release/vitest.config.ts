import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    // Apart from the other tests: these need what `pnpm build` makes, and some need the registry.
    include: ["test/**/*.packed.ts"],
    // They run pnpm, npm and the compiler on a machine that may be busy.
    testTimeout: 300_000,
    hookTimeout: 120_000
  }
})

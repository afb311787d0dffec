import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['packages/*/{src,test,rigs}/**/*.test.ts', 'examples/**/*.test.ts', 'docs/check/*.test.ts'],
    globalSetup: ['packages/server/test/global-setup.ts'],
    // bounds for what hangs; a busy machine is no reason to fail
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    maxWorkers: 2,
  },
})

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { BREAKS } from './options.ts'

const run = promisify(execFile)
const PRELOAD = new URL('./preload.ts', import.meta.url).href
const POLICY = new URL('../../src/adapters/outgoing/address-policy.ts', import.meta.url).href
const OUTGOING = new URL('../../src/adapters/outgoing/outgoing.ts', import.meta.url).href

/** What a process with the bug planted says. */
async function say(bug: string, script: string): Promise<string> {
  const args = ['--import', PRELOAD, '--input-type=module', '--eval', script]
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, HOSTILE_BREAK: bug } })
  return stdout.trim()
}

test.each(BREAKS)('%s finds the text that it changes, and what it makes of it can be loaded', async (bug) => {
  expect(await say(bug, `await import('${OUTGOING}'); console.log('loaded')`)).toBe('loaded')
})

test('guard-off lets through what the policy refuses; without it, it refuses', async () => {
  const script = `const { isAddressAllowed } = await import('${POLICY}'); console.log(isAddressAllowed(Uint8Array.of(10, 0, 0, 1)))`
  expect(await say('guard-off', script)).toBe('true')
  expect(await say('', script)).toBe('false')
})

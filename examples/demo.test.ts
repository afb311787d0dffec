import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TAKEOVER_MS_MAX } from './demo/reckoning.ts'

const PROGRAM = fileURLToPath(new URL('./demo.ts', import.meta.url))
/** It waits for leases to end, and its service starts three times; other tests run beside it. */
const TEST_MS_MAX = 180_000

let folder = ''
let child: ChildProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-test-'))
  chmodSync(folder, 0o755) // as the system's own: the user of the database may enter
})

afterEach(() => {
  child?.kill('SIGINT')
  rmSync(folder, { recursive: true, force: true })
})

function start(...args: string[]) {
  const { PSAPI_SERVER_DATA_DIR: _, ...inherited } = process.env
  // settings of the service that are not the demo's: it has its own
  const env = { ...inherited, TMPDIR: folder, DATABASE_URL: 'postgresql://nowhere.invalid/none', ROLES: 'api' }
  const demo = spawn(process.execPath, [PROGRAM, ...args], { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  child = demo
  const stdout = collect(demo.stdout)
  const stderr = collect(demo.stderr)
  const result = once(demo, 'close').then(([code]) => ({
    code,
    stdout: stdout.text,
    stderr: stderr.text,
    figures: lastLineOf(stdout.text),
  }))
  return { demo, pid: demo.pid ?? 0, stderr, result }
}

/** What comes is kept in `text`; `until` waits for words in it. */
function collect(stream: Readable) {
  const collected = { text: '', until }
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    collected.text += chunk
  })
  async function until(words: string): Promise<void> {
    while (!collected.text.includes(words)) await once(stream, 'data')
  }
  return collected
}

function lastLineOf(stdout: string): Record<string, unknown> {
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  return last.startsWith('{') ? JSON.parse(last) : {}
}

/** Neither a file nor a process, of its group or on its folder. */
function expectNothingLeft(pid: number): void {
  expect(readdirSync(folder)).toEqual([])
  expect(() => process.kill(-pid, 0)).toThrow('ESRCH')
  const commands = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(commandOf)
  expect(commands.filter((command) => command.includes(folder))).toEqual([])
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // has ended meanwhile
  }
}

test('nothing accepted is lost or repeated beyond the bound when receiver and service fail in the middle', {
  timeout: TEST_MS_MAX,
}, async () => {
  const { pid, result } = start('--npns', '500', '--json')
  const { code, stdout, stderr, figures } = await result
  expect(figures, stderr).toEqual({
    accepted: 550,
    delivered: 550,
    verified: 550,
    retried: expect.any(Number),
    duplicates: expect.any(Number),
    duplicatesBound: expect.any(Number),
    lost: 0,
    takeoverMs: expect.any(Number),
    seconds: expect.any(Number),
  })
  expect(figures.retried).toBeGreaterThan(0)
  expect(figures.duplicates).toBeLessThanOrEqual(Number(figures.duplicatesBound))
  // that limit is for a machine with nothing else to do
  const isLate = stderr.includes('FAULT  The takeover took')
  expect(isLate && Number(figures.takeoverMs) <= TAKEOVER_MS_MAX).toBe(false)
  expect(code, stderr).toBe(isLate ? 1 : 0)
  expect(stdout.split('\n')).toHaveLength(2)
  expect(stderr).not.toContain('\r')
  expectNothingLeft(pid)
})

test('a receiver with a wrong secret makes it fail, and say why', { timeout: TEST_MS_MAX }, async () => {
  const { pid, result } = start('--npns', '100', '--json', '--break', 'secret')
  const { code, stderr, figures } = await result
  expect(code).toBe(1)
  expect(stderr).toContain('FAULT  The receiver could not verify a webhook: no_matching_signature')
  expect(figures).toMatchObject({ delivered: 0, verified: 0, duplicatesBound: null, takeoverMs: null })
  expectNothingLeft(pid)
})

test('stopped in the middle, it leaves nothing behind', { timeout: TEST_MS_MAX }, async () => {
  const { demo, pid, stderr, result } = start('--npns', '500')
  await stderr.until('the receiver answers 503')
  demo.kill('SIGTERM')
  const { code, stdout } = await result
  expect(code).toBe(1)
  expect(stdout).toContain('takeoverMs             -')
  expectNothingLeft(pid)
})

test.each([
  [['--npns', '99']],
  [['--npns', '10001']],
  [['--npns', 'many']],
  [['--break', 'bones']],
  [['--jsn']],
  [['more']],
])('%j is wrong usage', async (args) => {
  const { result } = start(...args)
  expect(await result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^demo: .*\n$/) })
})

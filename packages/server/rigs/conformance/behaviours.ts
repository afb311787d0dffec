import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OwnCheck } from './own-checks.ts'

/** How the numbered behaviours of webhook-api 17 stand: one holds when a check bears its number and none of those fails. */
export type Behaviours = {
  passed: number
  failed: number
  checks: number
  /** Without any check. */
  missing: readonly number[]
  faults: readonly string[]
}

type Checked = { title: string; numbers: readonly number[]; passed: boolean; details?: readonly string[] }
type TestReport = {
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { ancestorTitles: string[]; title: string; status: string; failureMessages: string[] }[]
  }[]
}

const NUMBERS = Array.from({ length: 58 }, (_, index) => index + 1)
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')
/** Where titles bear numbers of this list; elsewhere they are those of other documents. */
const FOLDERS = [
  'packages/server/src/accounts/',
  'packages/server/src/adapters/http/',
  'packages/server/src/attempts/',
  'packages/server/src/endpoints/',
  'packages/server/src/events/',
  'packages/server/src/erasure/',
  'packages/server/src/interchange/',
  'packages/server/src/operate/',
  'packages/server/src/portal/',
  'packages/server/src/replays/',
  'packages/server/src/statistics/',
  'packages/server/src/tally/',
  'packages/server/src/tasks/',
  'packages/server/test/',
]
const NUMBERED = /^(\d+(?:\.\d+)?(?:, \d+(?:\.\d+)?)*): /
const TESTS_MS_MAX = 600_000

/**
 * Adds up the rig's own checks and the tests whose titles (or those of their groups) bear a number.
 * @param report  text of vitest's JSON report; null: those tests are run now
 */
export async function runBehaviours(own: readonly OwnCheck[], report: string | null): Promise<Behaviours> {
  const tests = readReport(report ?? (await runTests()))
  const checked = [
    ...own.map(({ number, name, faults }) => ({
      title: name,
      numbers: [number],
      passed: faults.length === 0,
      details: faults,
    })),
    ...(tests?.testResults ?? []).flatMap(checkedIn),
  ]
  const of = (number: number) => checked.filter(({ numbers }) => numbers.includes(number))
  const missing = NUMBERS.filter((number) => of(number).length === 0)
  const passed = NUMBERS.filter((number) => of(number).length > 0 && of(number).every((check) => check.passed))
  const failures = checked.filter((check) => !check.passed)
  return {
    passed: passed.length,
    failed: NUMBERS.length - passed.length,
    checks: checked.length,
    missing,
    faults: [
      ...(tests
        ? []
        : [`the tests of the behaviours did not end within ${TESTS_MS_MAX / 1_000} s, or wrote no report`]),
      ...failures.map(
        ({ title, numbers, details = [] }) =>
          `behaviour ${numbers.join(', ')}: ${title} ${details.slice(0, 3).join('; ')}`,
      ),
      ...missing.map((number) => `behaviour ${number}: nothing checks it`),
    ],
  }
}

function checkedIn({ name, assertionResults }: TestReport['testResults'][number]): Checked[] {
  if (!FOLDERS.some((folder) => name.startsWith(join(ROOT, folder)) || name.includes(`/${folder}`))) return []
  return assertionResults.flatMap(({ ancestorTitles, title, status }) => {
    const numbers = [...ancestorTitles, title].flatMap(numbersOf)
    const isRun = status === 'passed' || status === 'failed'
    return numbers.length > 0 && isRun ? [{ title, numbers, passed: status === 'passed' }] : []
  })
}

/** `19, 20: what is foreign …` → 19, 20; numbers of sections, `8.1`, are none. */
function numbersOf(title: string): number[] {
  const numbers = NUMBERED.exec(title)?.[1]?.split(', ') ?? []
  return numbers.map(Number).filter(Number.isInteger)
}

/** @returns undefined when there is no whole report */
function readReport(text: string): TestReport | undefined {
  try {
    return JSON.parse(text) as TestReport
  } catch {
    return undefined
  }
}

/** @returns the report's text; nothing when the tests wrote none in their time */
async function runTests(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'producersync-conformance-tests-'))
  const file = join(folder, 'report.json')
  const numbered = '(^| )\\d+(\\.\\d+)?(, \\d+(\\.\\d+)?)*: '
  const args = [VITEST, 'run', ...FOLDERS, '-t', numbered, '--reporter=json', `--outputFile=${file}`]
  try {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: TESTS_MS_MAX,
    })
    await once(child, 'close')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

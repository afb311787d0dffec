import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { confirm, note, printJson, printTable, type Terminal } from './terminal.ts'

type Options = { isTTY?: boolean; columns?: number; typed?: string; env?: NodeJS.ProcessEnv }

/** A terminal, or pipes. Its streams have what the commands look at. */
function terminal({ isTTY = true, columns = 30, typed = '', env = { NO_COLOR: '1' } }: Options = {}) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream, { isTTY, columns }),
  )
  stdin?.end(typed)
  const made = { stdin, stdout, stderr, env, cwd: '/' } as unknown as Terminal
  const written = async () => {
    made.stdout.end()
    made.stderr.end()
    return { stdout: await text(stdout as PassThrough), stderr: await text(stderr as PassThrough) }
  }
  return { made, written }
}

const rows = [
  ['ep_1', 'https://example.com/webhooks/producersync'],
  ['ep_22', 'two\nlines'],
]

test('on a terminal a table has a head, is aligned, and fits', async () => {
  const { made, written } = terminal()
  printTable(made, ['id', 'url'], rows)
  expect((await written()).stdout).toBe('ID     URL\nep_1   https://example.com/web\nep_22  two lines\n')
})

test.each<[boolean, NodeJS.ProcessEnv, Terminal['color'], boolean]>([
  [true, {}, 'auto', true],
  [false, {}, 'auto', false],
  [true, { NO_COLOR: '1' }, 'auto', false],
  [true, { TERM: 'dumb' }, 'auto', false],
  [false, { FORCE_COLOR: '1' }, 'auto', true],
  [true, { FORCE_COLOR: '1' }, 'never', false],
  [false, { NO_COLOR: '1' }, 'always', true],
])('terminal %s, %j, --color %s: colours %s', async (isTTY, env, color, isColored) => {
  const { made, written } = terminal({ isTTY, env })
  printTable({ ...made, color }, ['state'], [['failed'], ['failed twice']])
  const { stdout } = await written()
  expect(stdout.includes('\u001b[31mfailed')).toBe(isColored)
  expect(stdout).toContain('\nfailed twice\n') // it is no word of ours
})

test('in a pipe it is tab-separated, in full, without a head', async () => {
  const { made, written } = terminal({ isTTY: false })
  printTable(made, ['id', 'url'], rows)
  expect((await written()).stdout).toBe('ep_1\thttps://example.com/webhooks/producersync\nep_22\ttwo lines\n')
})

test('JSON is one value: indented for people, a line for programs', async () => {
  for (const [isTTY, expected] of [
    [true, '{\n  "a": 1\n}\n'],
    [false, '{"a":1}\n'],
  ] as const) {
    const { made, written } = terminal({ isTTY })
    printJson(made, { a: 1 })
    expect((await written()).stdout).toBe(expected)
  }
})

test('notices and questions go to stderr', async () => {
  const { made, written } = terminal({ typed: 'y\n' })
  note(made, 'SANDBOX app_1')
  await confirm(made, 'Delete it?', false)
  const { stdout, stderr } = await written()
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^SANDBOX app_1\n.*Delete it\? \[y\/N\] /)
})

test.each(['n\n', '\n', 'yesterday\n'])('%j is no yes', async (typed) => {
  await expect(confirm(terminal({ typed }).made, 'Delete it?', false)).rejects.toMatchObject({ details: { exit: 2 } })
})

test.each([
  ['Ctrl-C', '\u0003'],
  ['Ctrl-D', ''],
])('%s in place of an answer ends with 130', async (_, typed) => {
  await expect(confirm(terminal({ typed }).made, 'Delete it?', false)).rejects.toMatchObject({ details: { exit: 130 } })
})

test('with --yes nobody is asked, and without a terminal nobody can be', async () => {
  const { made, written } = terminal({ isTTY: false })
  await confirm(made, 'Delete it?', true)
  await expect(confirm(made, 'Delete it?', false)).rejects.toMatchObject({ details: { exit: 2, hint: 'Say --yes.' } })
  expect(await written()).toEqual({ stdout: '', stderr: '' })
})

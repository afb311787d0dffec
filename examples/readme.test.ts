import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const LISTENER_PORT = 3000
const TEST_MS_MAX = 300_000
const FIND_MS_MAX = 120_000
const END_MARK = 'end of line'
/** The tests need Node and nothing else; the README's lines are for people, who have it. */
const hasCurl = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'curl')))

const groups: ChildProcess[] = []
const folders: string[] = []

afterEach(async () => {
  for (const child of groups.splice(0).reverse()) {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await ended
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** Text that grows; `find` waits for a match in what has come since `forget`. */
class Output {
  #text = ''
  #from = 0
  readonly #grown = new EventEmitter()

  constructor(...streams: Readable[]) {
    for (const stream of streams) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.#text += chunk
        this.#grown.emit('more')
      })
    }
  }

  async find(pattern: RegExp): Promise<string> {
    const signal = AbortSignal.timeout(FIND_MS_MAX)
    for (;;) {
      const text = this.#text.slice(this.#from)
      const [found] = pattern.exec(text) ?? []
      if (found !== undefined) return found
      await once(this.#grown, 'more', { signal }).catch(() => expect.fail(`${pattern} is not in:\n${text}`))
    }
  }

  /** What came before is of no matter any more. */
  forget(): void {
    this.#from = this.#text.length
  }
}

function start(command: string, args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(command, args, { cwd: ROOT, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  groups.push(child)
  return { input: child.stdin, output: new Output(child.stdout, child.stderr) }
}

/** Shell lines of a section, as printed. */
function shellLines(title: string): string[] {
  const [, section = ''] = README.split(`## ${title}\n`)
  const [untilNext = ''] = section.split('\n## ')
  return [...untilNext.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.trimEnd().split('\n'))
}

/** The listener's port where it is free, else another one in its place. */
async function listenerPort(): Promise<number> {
  for (const port of [LISTENER_PORT, 0]) {
    const probe = createServer()
    try {
      probe.listen(port, '127.0.0.1')
      await once(probe, 'listening')
      return (probe.address() as AddressInfo).port
    } catch {
      // taken
    } finally {
      probe.close()
    }
  }
  throw new Error('no port is free')
}

/** What each line leads to; a line that nothing is said about has no place in the section. */
const EFFECTS: { line: RegExp; shows: RegExp[] }[] = [
  { line: /^export PSAPI_WEBHOOK_SECRETS=/, shows: [] },
  { line: /^npm run -s listen .*&$/, shows: [/^Listening on /m] },
  { line: /^PSAPI_TOKEN=/, shows: [] },
  { line: /^AUTH=/, shows: [] },
  { line: /"uid":"laptop"/, shows: [/"id":"ep_\w{27}"/, / webhook\.ping .* attempt 1 {2}answered 200 {2}verified$/m] },
  {
    line: /-X PUT .*912484758/,
    shows: [/"success":true/, /npn\.activated .* npn 912484758 {2}attempt 1 {2}answered 200 {2}verified$/m],
  },
  { line: /^kill \$!; wait$/, shows: [] },
  {
    line: /-X PUT .*912484759/,
    shows: [
      /"success":true/,
      ...[1, 2, 3].map((attempt) => new RegExp(`npn 912484759  attempt ${attempt}  answered 500  verified$`, 'm')),
      /npn 912484759 {2}attempt 4 {2}answered 200 {2}verified$/m,
    ],
  },
  // the fourth may not be recorded yet: nobody types as fast as this
  { line: /attempt\/endpoint\/laptop/, shows: [/"responseStatusCode":500/, /"attemptNumber":3/] },
  { line: /^MESSAGE=/, shows: [] },
  { line: /\/resend"/, shows: [/^\{\}/m, /npn 912484759 {2}attempt 5 {2}answered 200 {2}verified$/m] },
  { line: /\/sandbox\/runs/, shows: [/"success":true/, /updates_available .* answered 200 {2}verified$/m] },
  { line: /\/v2\/licenses/, shows: [/"npn":"15645555"/] },
]

test.runIf(hasCurl)(
  'the lines of "A first webhook" work as printed, on a service that has just been started for the first time',
  {
    timeout: TEST_MS_MAX,
  },
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'readme-test-'))
    chmodSync(dataDir, 0o711)
    folders.push(dataDir)
    const port = await listenerPort()
    const settings = { PORT: '0', ADMIN_PORT: '0', PSAPI_SERVER_DATA_DIR: dataDir }
    const loopback = port === LISTENER_PORT ? {} : { LOOPBACK_RECEIVERS: `127.0.0.1:${port}` }
    const service = start(process.execPath, ['packages/server/src/main.ts'], {
      ...process.env,
      ...settings,
      ...loopback,
    })
    await service.output.find(/Ctrl-C stops it/)
    const exports = await service.output.find(/(^ +export PSAPI_\w+=\S+\n){5}/m)

    const shell = start('sh', [], process.env)
    const type = async (line: string) => {
      shell.output.forget()
      shell.input.write(`${line}\nprintf '\\n${END_MARK} %s\\n' $?\n`) // what curl prints has no line end
      expect(await shell.output.find(new RegExp(`^${END_MARK} \\d+$`, 'm')), line).toBe(`${END_MARK} 0`)
    }
    for (const line of exports.trim().split('\n')) await type(line)
    for (const printed of shellLines('A first webhook')) {
      const effect = EFFECTS.find(({ line }) => line.test(printed))
      expect(effect, `nothing is said about: ${printed}`).toBeDefined()
      await type(printed.replaceAll(String(LISTENER_PORT), String(port)))
      for (const shown of effect?.shows ?? []) await shell.output.find(shown)
    }
    await type('kill $!; wait')
  },
)

test('the README is short, and what it links to is there', () => {
  expect(README.trimEnd().split('\n').length).toBeLessThanOrEqual(120)
  const targets = [...README.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target = '']) => target)
  expect(targets.length).toBeGreaterThan(0)
  expect(targets.filter((target) => !existsSync(join(ROOT, target)))).toEqual([])
})

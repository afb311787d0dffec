import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { patternOf, type Step, stepsOf } from './page.ts'
import { Shell } from './shell.ts'

const HELP = `Follows docs/guides/quick-start.md as it is printed, block by block, in an empty home directory, with the packed command and the
packed receiver package, and ends with a verified event.

Usage: npm run -s quickstart -- [--json]

  --json   the last line, one JSON object, alone

The dependencies of the command come from the npm registry; "npm ci" has to be done here before, and is not done again. Where port
3000 is taken, another one stands in its place. Exit codes: 0 verified, 1 the page does not lead there, 2 wrong usage.
`
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const PAGE = join(ROOT, 'docs', 'guides', 'quick-start.md')
const RECEIVER_PORT = '3000'
/** Each block, and each line that is to be seen. */
const STEP_MS_MAX = 90_000
/** What does not come back to its prompt. */
const GOES_ON = /\bnpm start$|\bpsapi listen\b/
const INSTALLS = /\bnpm install\b/
const VERIFIED = /^verified producersync\.\S+/m

type Report = { verified: boolean; seconds: number; installSeconds: number; blocks: number; error: string | null }

/** What somebody has who has just got a computer: no settings of ours, a home of their own. */
function environmentOf(home: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(PSAPI_|npm_|XDG_|PORT$|ADMIN_PORT$|DATABASE_URL)/.test(name),
  )
  return { ...Object.fromEntries(own), HOME: home, NO_COLOR: '1', npm_config_cache: join(home, '.npm') }
}

/** Somebody with several terminals. */
class Desk {
  readonly #home: string
  readonly #env: NodeJS.ProcessEnv
  readonly #shells = new Map<number, Shell>()
  /** How much each terminal had shown when something was typed last. */
  #before = new Map<Shell, number>()

  constructor(home: string) {
    const dataDir = join(home, 'data') // the repository may have been started before: its own data is not touched
    mkdirSync(dataDir)
    chmodSync(dataDir, 0o711) // as root, the database runs as somebody else
    this.#home = home
    this.#env = { ...environmentOf(home), PSAPI_SERVER_DATA_DIR: dataDir }
  }

  get shown(): string {
    return [...this.#shells.values()].map((shell) => shell.shown).join('\n')
  }

  async type(number: number, lines: readonly string[]): Promise<void> {
    this.#before = new Map([...this.#shells.values()].map((shell) => [shell, shell.shown.length]))
    const shell = this.#shells.get(number) ?? (await this.#open(number))
    for (const line of lines) {
      if (GOES_ON.test(line)) shell.type(line)
      else await shell.run(line, STEP_MS_MAX)
    }
  }

  /** Each of the lines, in any of the terminals, since something was typed last. */
  async see(lines: readonly string[]): Promise<void> {
    const late = AbortSignal.timeout(STEP_MS_MAX)
    for (const line of lines) await this.#find(patternOf(line), late)
  }

  async close(): Promise<void> {
    for (const shell of [...this.#shells.values()].reverse()) await shell.close()
  }

  async #open(number: number): Promise<Shell> {
    const shell = new Shell(number <= 2 ? ROOT : this.#home, this.#env)
    this.#shells.set(number, shell)
    const exports = this.shown.match(/^ +export PSAPI_\w+=\S+$/gm) ?? []
    if (number === 2) for (const line of exports) await shell.run(line.trim(), STEP_MS_MAX)
    return shell
  }

  async #find(pattern: RegExp, late: AbortSignal): Promise<void> {
    for (;;) {
      const shells = [...this.#shells.values()]
      const grown = shells.map((shell) => shell.grown(late))
      const shown = shells.map((shell) => shell.shown.slice(this.#before.get(shell) ?? 0))
      if (shown.some((text) => pattern.test(text))) return
      if (late.aborted) throw new Error(`${String(pattern)} is not in:\n${shown.join('\n')}`)
      await Promise.race(grown)
    }
  }
}

async function follow(steps: readonly Step[], home: string): Promise<Report> {
  const report: Report = { verified: false, seconds: 0, installSeconds: 0, blocks: 0, error: null }
  const desk = new Desk(home)
  const startedAt = performance.now()
  let installMs = 0
  try {
    for (const step of steps) {
      if (step.kind === 'see') await desk.see(step.lines)
      else {
        report.blocks += 1
        for (const line of step.lines) {
          const at = performance.now()
          await desk.type(step.terminal, [line])
          if (INSTALLS.test(line)) installMs += performance.now() - at
        }
      }
    }
    report.verified = VERIFIED.test(desk.shown)
    if (!report.verified) report.error = 'no event was verified'
  } catch (error) {
    const shown = desk.shown.replaceAll(/\b(cs|sk|lk|whsec)_\S+/g, '$1_…')
    report.error = `${error instanceof Error ? error.message : String(error)}\n\n${shown}`
  } finally {
    report.installSeconds = seconds(installMs)
    report.seconds = seconds(performance.now() - startedAt - installMs)
    await desk.close()
  }
  return report
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}

/** The page for this machine: what is installed here already is not installed again, and a taken port is another one. */
function pageFor(port: string): string {
  return readFileSync(PAGE, 'utf8').replace('npm ci && npm start', 'npm start').replaceAll(RECEIVER_PORT, port)
}

async function freePort(): Promise<string> {
  for (const port of [Number(RECEIVER_PORT), 0]) {
    const probe = createServer().listen(port, '127.0.0.1')
    try {
      await once(probe, 'listening')
      return String((probe.address() as AddressInfo).port)
    } catch {
      // taken
    } finally {
      probe.close()
    }
  }
  throw new Error('no port is free')
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false }, help: { type: 'boolean' } } })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const home = mkdtempSync(join(tmpdir(), 'quickstart-'))
  chmodSync(home, 0o711)
  try {
    const port = await freePort()
    const page = pageFor(port)
    const withPort = port === RECEIVER_PORT ? page : page.replace('node --env-file', `PORT=${port} node --env-file`)
    const report = await follow(stepsOf(withPort), home)
    if (report.error !== null) process.stderr.write(`${report.error}\n`)
    if (!values.json)
      process.stdout.write(`${report.verified ? 'verified' : 'NOT VERIFIED'} after ${report.seconds} s\n`)
    process.stdout.write(`${JSON.stringify({ ...report, error: report.error?.split('\n')[0] ?? null })}\n`)
    return report.verified && report.error === null ? 0 : 1
  } finally {
    rmSync(home, { recursive: true, force: true, maxRetries: 10 }) // the database may be writing its last
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${HELP}`)
  process.exitCode = 2
}

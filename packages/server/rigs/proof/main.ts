import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { commitOf } from '../chaos/commit.ts'
import { table } from '../chaos/report.ts'
import { runParts } from './parts.ts'

/**
 * `npm run -s proof`: short forms of all rigs, one after the other, within 15 minutes; one report with their seeds and figures
 * as the last line. Exit codes: 0 all promises held · 1 one is broken · 2 wrong usage, or a rig could not run or was void.
 */

const USAGE = 'Usage: npm run -s proof -- [--json] [--seed N]\n'
const SEEDS = 2 ** 32

async function main(): Promise<void> {
  const options = read(process.argv.slice(2))
  if (!options) {
    process.stderr.write(USAGE)
    process.stdout.write(`${JSON.stringify({ command: 'proof', ok: false, error: 'wrong usage' })}\n`)
    process.exitCode = 2
    return
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
  const startedAtMs = performance.now()
  const parts = await runParts(options.seed, interrupted.signal, (text) => process.stderr.write(`${text}\n`))
  const worst = Math.max(...parts.map(({ exitCode }) => (exitCode === 1 ? 3 : exitCode === 0 ? 0 : 2)))
  const report = {
    command: 'proof',
    ok: worst === 0,
    seed: options.seed,
    commit: commitOf(),
    node: process.version,
    tookS: Math.round((performance.now() - startedAtMs) / 1_000),
    exitCodes: Object.fromEntries(parts.map(({ name, exitCode }) => [name, exitCode])),
    broken: parts.flatMap(({ name: rig, report: { broken } }) =>
      Array.isArray(broken) ? broken.map((one: unknown) => ({ rig, one })) : [],
    ),
    skipped: parts.flatMap(({ name: rig, report: { skipped } }) =>
      Array.isArray(skipped) ? skipped.map((one: unknown) => ({ rig, one })) : [],
    ),
    rigs: Object.fromEntries(parts.map(({ name, command, report: own }) => [name, { run: command, ...own }])),
  }
  if (!options.json) for (const part of parts) process.stdout.write(`${part.command}\n${table(part.report)}\n`)
  process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exitCode = worst === 3 ? 1 : worst
}

function read(args: readonly string[]): { json: boolean; seed: number } | undefined {
  try {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' }, seed: { type: 'string' } } })
    const seed = values.seed === undefined ? randomInt(SEEDS) : Number(values.seed)
    if (!Number.isInteger(seed) || seed < 0 || seed >= SEEDS) return undefined
    return { json: values.json ?? false, seed }
  } catch {
    return undefined
  }
}

await main()

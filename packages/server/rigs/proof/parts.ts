import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A rig as it was run, and its report: its last line. */
export type Part = { name: string; command: string; exitCode: number; report: Record<string, unknown> }

type Plan = { name: string; rig: string; folder: string; args: readonly string[]; secondsMax: number }

/** Of all parts together. */
const SECONDS_MAX = 880
/** With less than this left a part is not begun. */
const SECONDS_MIN = 30

const PLANS: readonly Plan[] = [
  { name: 'simulate', rig: 'simulate', folder: 'simulator', args: ['--duration', '90'], secondsMax: 140 },
  { name: 'hostile', rig: 'hostile', folder: 'hostile', args: ['--duration', '45'], secondsMax: 300 },
  { name: 'chaos', rig: 'chaos', folder: 'chaos', args: ['--duration', '60'], secondsMax: 220 },
  benchOf('batch', ['--endpoints', '100']),
  benchOf('single', ['--endpoints', '100']),
  benchOf('noisy'),
  benchOf('workers2'),
  benchOf('aged', ['--age', '15']),
]

function benchOf(mode: string, more: readonly string[] = []): Plan {
  const args = ['--mode', mode, '--duration', '5', ...more]
  return { name: `bench ${mode}`, rig: 'bench', folder: 'bench', args, secondsMax: 120 }
}

/** Runs the rigs one after the other: two of them at once would each be the other's load. */
export async function runParts(seed: number, signal: AbortSignal, tell: (text: string) => void): Promise<Part[]> {
  const parts: Part[] = []
  const endsAtMs = performance.now() + SECONDS_MAX * 1_000
  for (const plan of PLANS) {
    if (signal.aborted) break
    const secondsLeft = (endsAtMs - performance.now()) / 1_000
    tell(`proof: ${plan.name}`)
    parts.push(
      secondsLeft < SECONDS_MIN
        ? { name: plan.name, command: commandOf(plan, seed), exitCode: 2, report: { skipped: ['no time was left'] } }
        : await runPart({ ...plan, secondsMax: Math.min(plan.secondsMax, secondsLeft) }, seed, signal),
    )
    tell(`proof: ${plan.name} ended with exit code ${parts.at(-1)?.exitCode}`)
  }
  return parts
}

function argsOf({ args }: Plan, seed: number): string[] {
  return ['--json', '--seed', String(seed), ...args]
}

function commandOf(plan: Plan, seed: number): string {
  return `npm run -s ${plan.rig} -- ${argsOf(plan, seed).join(' ')}`
}

async function runPart(plan: Plan, seed: number, signal: AbortSignal): Promise<Part> {
  const file = fileURLToPath(new URL(`../${plan.folder}/main.ts`, import.meta.url))
  const child = spawn(process.execPath, [file, ...argsOf(plan, seed)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const end = () => child.kill('SIGTERM') // each lets go of all it has started
  const late = setTimeout(end, plan.secondsMax * 1_000)
  signal.addEventListener('abort', end, { once: true })
  let last = '{}'
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = line
  })
  await once(child, 'close')
  clearTimeout(late)
  signal.removeEventListener('abort', end)
  return { name: plan.name, command: commandOf(plan, seed), exitCode: child.exitCode ?? 2, report: reportOf(last) }
}

function reportOf(line: string): Record<string, unknown> {
  try {
    const report: unknown = JSON.parse(line)
    return typeof report === 'object' && report !== null ? { ...report } : {}
  } catch {
    return { error: 'it printed no report' }
  }
}

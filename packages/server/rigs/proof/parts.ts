import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A rig as it was run, and its report: its last line. */
export type Part = { rig: string; command: string; exitCode: number; report: Record<string, unknown> }

type Plan = { rig: string; folder: string; args: readonly string[]; secondsMax: number }

/** Together within 15 minutes, the longest that each may take included. */
const PLANS: readonly Plan[] = [
  { rig: 'simulate', folder: 'simulator', args: ['--duration', '90'], secondsMax: 140 },
  { rig: 'hostile', folder: 'hostile', args: ['--duration', '45'], secondsMax: 300 },
  { rig: 'chaos', folder: 'chaos', args: ['--duration', '60'], secondsMax: 220 },
  { rig: 'bench', folder: 'bench', args: ['--duration', '8'], secondsMax: 220 },
]

/** Runs the rigs one after the other: two of them at once would each be the other's load. */
export async function runParts(seed: number, signal: AbortSignal, tell: (text: string) => void): Promise<Part[]> {
  const parts: Part[] = []
  for (const plan of PLANS) {
    if (signal.aborted) break
    tell(`proof: ${plan.rig}`)
    parts.push(await runPart(plan, seed, signal))
    tell(`proof: ${plan.rig} ended with exit code ${parts.at(-1)?.exitCode}`)
  }
  return parts
}

async function runPart({ rig, folder, args, secondsMax }: Plan, seed: number, signal: AbortSignal): Promise<Part> {
  const file = fileURLToPath(new URL(`../${folder}/main.ts`, import.meta.url))
  const given = ['--json', '--seed', String(seed), ...args]
  const child = spawn(process.execPath, [file, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
  const end = () => child.kill('SIGTERM') // each lets go of all it has started
  const late = setTimeout(end, secondsMax * 1_000)
  signal.addEventListener('abort', end, { once: true })
  let last = '{}'
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = line
  })
  await once(child, 'close')
  clearTimeout(late)
  signal.removeEventListener('abort', end)
  return {
    rig,
    command: `npm run -s ${rig} -- ${given.join(' ')}`,
    exitCode: child.exitCode ?? 2,
    report: reportOf(last),
  }
}

function reportOf(line: string): Record<string, unknown> {
  try {
    const report: unknown = JSON.parse(line)
    return typeof report === 'object' && report !== null ? { ...report } : {}
  } catch {
    return { error: 'it printed no report' }
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, globSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NotHere } from './not-here.ts'
import { HERE, type Setting, type Tree } from './site.ts'

const INSTALL_MS_MAX = 180_000

/**
 * Installs the release as the image does: the steps of the Dockerfile's first stage, done by hand in a folder.
 * @throws NotHere: the registry does not answer
 */
export async function installAsImage(folder: string, { signal }: Setting): Promise<{ tree: Tree; seconds: number }> {
  const startedAtMs = performance.now()
  const tree = join(folder, 'installed')
  for (const step of stepsOf(readFileSync(join(HERE, 'Dockerfile'), 'utf8'))) {
    if (step.kind === 'copy') copy(step.sources, tree, step.target)
    else await runStep(step.command, tree, signal)
  }
  return { tree, seconds: (performance.now() - startedAtMs) / 1000 }
}

type Step = { kind: 'copy'; sources: string[]; target: string } | { kind: 'run'; command: string }

/** COPY and RUN of the stage `build`. */
function stepsOf(dockerfile: string): Step[] {
  const lines = dockerfile.replaceAll(/\\\n\s*/g, ' ').split('\n')
  const from = lines.findIndex((line) => /^FROM .* AS build$/.test(line))
  const end = lines.findIndex((line, index) => index > from && line.startsWith('FROM '))
  return lines.slice(from + 1, end).flatMap((line): Step[] => {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'COPY') return [{ kind: 'copy', sources: rest.slice(0, -1), target: rest.at(-1) ?? '' }]
    return word === 'RUN' ? [{ kind: 'run', command: rest.join(' ') }] : []
  })
}

function copy(sources: readonly string[], tree: string, target: string): void {
  const place = join(tree, target)
  for (const source of sources) {
    const isFolder = globSync(`${source}/*`, { cwd: HERE }).length > 0
    const to = target.endsWith('/') && !isFolder ? join(place, source.split('/').at(-1) ?? '') : place
    mkdirSync(join(to, '..'), { recursive: true })
    cpSync(join(HERE, source), to, { recursive: true, filter: (path) => !/\/(node_modules|dist)$/.test(path) })
  }
}

async function runStep(command: string, tree: string, signal: AbortSignal): Promise<void> {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: tree,
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(INSTALL_MS_MAX)]),
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000)
  })
  const [code] = await once(child, 'close')
  if (code === 0) return
  if (/ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN/.test(said))
    throw new NotHere(`the registry does not answer: ${said.slice(-200)}`)
  throw new Error(`${command} ended with ${String(code)}: ${said}`)
}

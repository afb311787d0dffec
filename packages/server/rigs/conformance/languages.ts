import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** How the official SDK of another language fared. What is not here is not run, which is never said to have passed. */
export type LanguageResult = { name: string; result: 'passed' | 'failed' | 'not run'; detail: string }

export const LANGUAGE_NAMES = ['python', 'go', 'java', 'rust'] as const
export type LanguageName = (typeof LANGUAGE_NAMES)[number]

export type LanguageParts = {
  wanted: readonly LanguageName[]
  /** A proxy that judges what the SDKs get. */
  url: string
  key: string
  receiverUrl: string
  say: (words: string) => void
}

type Language = {
  name: string
  /** Says whether the language is here. */
  probe: readonly [string, ...string[]]
  /** Brings the SDK from the language's own registry. */
  install: readonly (readonly [string, ...string[]])[]
  /** Compiles what has to be compiled, and runs it. */
  run: readonly [string, ...string[]]
}

const SCRIPTS = fileURLToPath(new URL('./languages/', import.meta.url))
const PROBE_MS_MAX = 30_000
const INSTALL_MS_MAX = 120_000
/** Compiling takes a minute, and ten times that where others compile too. */
const RUN_MS_MAX = 900_000

const LANGUAGES: Readonly<Record<LanguageName, Language>> = {
  python: {
    name: 'Python: svix 1.99.1',
    probe: ['python3', '-m', 'venv', '--help'],
    install: [
      ['python3', '-m', 'venv', 'venv'],
      ['venv/bin/pip', 'install', '--quiet', '--disable-pip-version-check', 'svix==1.99.1'],
    ],
    run: ['venv/bin/python', 'flow.py'],
  },
  go: {
    name: 'Go: svix-webhooks/go 1.99.1',
    probe: ['go', 'version'],
    install: [['go', 'mod', 'tidy']],
    run: ['go', 'run', '.'],
  },
  java: {
    name: 'Java: com.svix:svix 1.99.1',
    probe: ['javac', '--version'],
    install: [['mvn', '--quiet', '--batch-mode', 'dependency:build-classpath', '-Dmdep.outputFile=classpath']],
    run: ['sh', '-c', 'javac -cp "$(cat classpath)" -d . Flow.java && exec java -cp ".:$(cat classpath)" Flow'],
  },
  rust: {
    name: 'Rust: svix 1.99.1',
    probe: ['cargo', '--version'],
    install: [['cargo', 'fetch', '--quiet']],
    run: ['cargo', 'run', '--quiet', '--offline'],
  },
}

const NOT_ASKED = { result: 'not run', detail: 'ask for it with --languages' } as const

const run = promisify(execFile)

/** Runs a small flow through each SDK whose language is here. */
export async function runLanguages(parts: LanguageParts): Promise<LanguageResult[]> {
  const results: LanguageResult[] = []
  for (const name of LANGUAGE_NAMES) {
    const language = LANGUAGES[name]
    const isWanted = parts.wanted.includes(name)
    if (isWanted) parts.say(language.name)
    const result = isWanted ? await tryOne(language, parts) : NOT_ASKED
    results.push({ name: language.name, ...result })
  }
  return results
}

async function tryOne(
  { probe, install, run: command }: Language,
  { url, key, receiverUrl }: LanguageParts,
): Promise<Omit<LanguageResult, 'name'>> {
  const folder = mkdtempSync(join(tmpdir(), 'producersync-conformance-language-'))
  const env = { ...process.env, SERVER_URL: url, TOKEN: key, RECEIVER_URL: receiverUrl }
  const step = async ([program, ...args]: readonly [string, ...string[]], timeout: number) =>
    await run(program.includes('/') ? join(folder, program) : program, args, { cwd: folder, env, timeout })
  try {
    cpSync(SCRIPTS, folder, { recursive: true })
    for (const part of [probe, ...install]) {
      try {
        await step(part, part === probe ? PROBE_MS_MAX : INSTALL_MS_MAX)
      } catch (error) {
        return { result: 'not run', detail: `${part.join(' ')}: ${firstLine(error)}` }
      }
    }
    await step(command, RUN_MS_MAX)
    return { result: 'passed', detail: '' }
  } catch (error) {
    const isStopped = error instanceof Error && 'killed' in error && error.killed === true
    const detail = String(error instanceof Error ? error.message : error)
    return { result: 'failed', detail: isStopped ? `${detail.trim()}: stopped after ${RUN_MS_MAX / 1_000} s` : detail }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
}

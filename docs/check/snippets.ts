import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../snippets/verify/', import.meta.url))
const VECTORS = new URL('../../packages/receiver/vectors.json', import.meta.url)
const RUN_MS_MAX = 150_000
/** More than this the package does not look at, and the service does not send. */
const SIGNATURES_MAX = 32

/** A way to run the snippet of a language; `probe` finds out whether the language is there. Written in `folder` is what a compiler makes. */
type Language = {
  name: string
  isRequired: boolean
  probe: readonly string[]
  run: (folder: string) => readonly string[]
}

const LANGUAGES: readonly Language[] = [
  { name: 'Node', isRequired: true, probe: ['node', '--version'], run: () => ['node', 'node.mjs'] },
  { name: 'TypeScript', isRequired: true, probe: ['node', '--version'], run: () => ['node', 'package.ts'] },
  { name: 'shell', isRequired: true, probe: ['openssl', 'version'], run: () => ['sh', 'verify.sh'] },
  { name: 'Python', isRequired: true, probe: ['python3', '--version'], run: () => ['python3', 'verify.py'] },
  {
    name: 'Java',
    isRequired: true,
    probe: ['javac', '--version'],
    run: (folder) => ['sh', '-c', `javac -encoding UTF-8 -d ${folder} *.java && exec java -cp ${folder} Verify`],
  },
  { name: 'Go', isRequired: false, probe: ['go', 'version'], run: () => ['go', 'run', 'main.go', 'verify.go'] },
  { name: 'Ruby', isRequired: false, probe: ['ruby', '--version'], run: () => ['ruby', 'verify.rb'] },
  { name: 'PHP', isRequired: false, probe: ['php', '--version'], run: () => ['php', 'verify.php'] },
  { name: 'C#', isRequired: false, probe: ['dotnet', '--version'], run: () => ['dotnet', 'run', 'Verify.cs'] },
]

type Vector = {
  name: string
  secrets: string[]
  headers: [string, string][]
  body?: string
  bodyBase64?: string
  now: number
  toleranceSeconds?: number
  maxBytes?: number
  expect: string
}

export type SnippetReport = { run: string[]; failed: string[]; notRun: string[] }

/** Runs the snippet of each language over the vectors that it can be asked: good ones, and bad ones that it has to refuse. */
export async function checkSnippets(): Promise<SnippetReport> {
  const cases = askable()
  const report: SnippetReport = { run: [], failed: [], notRun: [] }
  for (const language of LANGUAGES) {
    const [command = '', ...flags] = language.probe
    if (spawnSync(command, flags, { stdio: 'ignore', timeout: RUN_MS_MAX }).status !== 0) {
      report.notRun.push(language.name)
      if (language.isRequired) report.failed.push(`${language.name}: ${command} is needed and not there`)
      continue
    }
    report.run.push(language.name)
    report.failed.push(...(await failuresOf(language, cases)))
  }
  return report
}

async function failuresOf(language: Language, cases: readonly Case[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'snippet-'))
  try {
    const [command = '', ...args] = language.run(folder)
    const child = spawn(command, args, {
      cwd: FOLDER,
      env: { ...process.env, HOME: folder, GOCACHE: join(folder, 'go'), GO111MODULE: 'off', GOFLAGS: '' },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: RUN_MS_MAX,
    })
    child.stdin.on('error', () => undefined) // it has ended without reading everything: its output says so
    child.stdin.end(cases.map(({ line }) => `${line}\n`).join(''))
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    const verdicts = output.trimEnd().split('\n')
    if (verdicts.length !== cases.length) {
      const last = errors.trimEnd().split('\n').at(-1) ?? ''
      return [`${language.name}: ${verdicts.length} verdicts on ${cases.length} cases. ${last}`]
    }
    return cases.flatMap(({ name, expect }, index) =>
      verdicts[index] === expect ? [] : [`${language.name}: ${verdicts[index]} instead of ${expect}: ${name}`],
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Case = { name: string; line: string; expect: 'ok' | 'refused' }

/**
 * What a snippet of one page can be asked: HMAC signatures in `webhook-*` headers, with right secrets and the usual tolerance. The
 * receiver package answers all vectors, by its own tests.
 */
function askable(): Case[] {
  const { cases }: { cases: Vector[] } = JSON.parse(readFileSync(VECTORS, 'utf8'))
  return cases.flatMap((vector): Case[] => {
    const { name, secrets, headers, body, bodyBase64, now, toleranceSeconds, maxBytes, expect } = vector
    const isPlain =
      toleranceSeconds === undefined &&
      maxBytes === undefined &&
      ['ok', 'no_matching_signature', 'timestamp_out_of_range', 'missing_header'].includes(expect) &&
      secrets.every((secret) => /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret)) &&
      headers.every(([header, value]) => /^webhook-[a-z]+$/.test(header) && /^[\x21-\x7e ]*$/.test(value)) &&
      headers.every(([, value]) => value.split(' ').length <= SIGNATURES_MAX) &&
      new Set(headers.map(([header]) => header)).size === headers.length
    if (!isPlain) return []
    const given = (header: string) => headers.find(([known]) => known === header)?.[1] || '-'
    const bytes = body === undefined ? (bodyBase64 ?? '') : Buffer.from(body).toString('base64')
    const fields = [
      given('webhook-id'),
      given('webhook-timestamp'),
      given('webhook-signature'),
      secrets.join(' '),
      now,
      bytes || '-',
    ]
    return [{ name, line: fields.join('\t'), expect: expect === 'ok' ? 'ok' : 'refused' }]
  })
}

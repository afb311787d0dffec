import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { examples, signedRequest } from '../../src/testing.ts'
import { nextRoutes, writeNextProject } from './next-project.ts'

/**
 * Tries the packed package where it is used but the tests do not reach: Node 20 and 22, workerd, Chromium, a built Next project, and
 * are-the-types-wrong. Installs some 900 MB into a temporary folder; needs Linux on x64, and the registry.
 *
 * npm run -s runtimes -- [--json]   one line each, exit code 0 when all hold
 */

const HERE = fileURLToPath(new URL('.', import.meta.url))
const PACKAGE = join(HERE, '..', '..')
const NAME = '@producersync/webhooks'
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const otherSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const START_MS_MAX = 60_000

/** Runs anywhere: judges all vectors, then receives a good webhook, its repeat, and a bad one. Resolves to `ok` or what is wrong. */
const check = `
async function check({ verify, createReceiver, signedRequest, examples }, { cases }) {
  for (const { name, body, bodyBase64 = '', headers, now, secrets, expect, ...options } of cases) {
    const bytes = body ?? Uint8Array.from(atob(bodyBase64), (char) => char.charCodeAt(0))
    const verdict = await verify(bytes, headers, { ...options, secrets, now: new Date(now * 1000) }).then(() => 'ok', (error) => error.code)
    if (verdict !== expect) return name + ': ' + verdict
  }
  const event = examples['producersync.npn.activated']
  const handled = []
  const receive = createReceiver({ secrets: '${secret}', on: { [event.type]: ({ data }) => handled.push(data.npn) } })
  const statuses = []
  for (const secret of ['${secret}', '${secret}', '${otherSecret}']) {
    statuses.push((await receive(await signedRequest(event, secret))).status)
  }
  return statuses.join() === '200,200,401' && handled.join() === event.data.npn ? 'ok' : statuses.join() + ' ' + handled.join()
}`

const work = mkdtempSync(join(tmpdir(), 'receiver-runtimes-'))
const children: ChildProcess[] = []
const verdicts: { name: string; verdict: string }[] = []

/** What is used of the packages that are installed over there. */
type Miniflare = {
  Miniflare: new (
    options: object,
  ) => { dispatchFetch: (url: string) => Promise<Response>; dispose: () => Promise<void> }
}
type Chromium = { default: { executablePath: () => Promise<string> } }
type TypesCheck = {
  createPackageFromTarballData: (tarball: Uint8Array) => object
  checkPackage: (
    tarball: object,
  ) => Promise<{ types: unknown; problems: { kind: string; resolutionKind?: string; entrypoint?: string }[] }>
}

async function load<Module>(name: string): Promise<Module> {
  return (await import(createRequire(join(work, 'package.json')).resolve(name))) as Module
}

async function attempt(name: string, run: () => Promise<string> | string): Promise<void> {
  const verdict = await Promise.resolve()
    .then(run)
    .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
  verdicts.push({ name, verdict })
  process.stderr.write(`${name}: ${verdict}\n`)
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv = process.env): string {
  return execFileSync(command, args, { cwd: work, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function install(): void {
  run(process.execPath, [join(PACKAGE, 'build.ts'), join(work, 'built')])
  run('npm', ['pack', join(work, 'built'), '--silent'])
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(HERE, file), join(work, file))
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'])
  run('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--silent', tarball()])
}

function tarball(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(work, 'built', 'package.json'), 'utf8'))
  return join(work, `producersync-webhooks-${version}.tgz`)
}

function inNode(program: string, extension: 'mjs' | 'cjs'): string {
  const load = extension === 'mjs' ? 'import' : 'require'
  const script = join(work, `check.${extension}`)
  const vectors = `JSON.parse(require('node:fs').readFileSync('node_modules/${NAME}/vectors.json', 'utf8'))`
  const head =
    extension === 'mjs'
      ? `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n`
      : ''
  writeFileSync(
    script,
    `${head}${check}
async function main() {
  const modules = { ...(await ${load}('${NAME}')), ...(await ${load}('${NAME}/testing')) }
  return await check(modules, ${vectors})
}
main().then(console.log)`,
  )
  return run(program, [script]).trim()
}

/** One file with the package and the check in it, for where there are no modules to load. */
async function bundle(entry: string): Promise<string> {
  const path = join(work, 'bundled.mjs')
  writeFileSync(
    path,
    `import { createReceiver, verify } from '${NAME}'
import { examples, signedRequest } from '${NAME}/testing'
import vectors from '${NAME}/vectors.json'
${check}
const run = () => check({ createReceiver, verify, examples, signedRequest }, vectors)
${entry}`,
  )
  const bundled = await rolldown({ input: path, logLevel: 'silent' })
  const { output } = await bundled.generate({ format: 'esm' })
  await bundled.close()
  return output[0].code
}

async function inWorkerd(): Promise<string> {
  const { Miniflare } = await load<Miniflare>('miniflare')
  const script = await bundle('export default { fetch: async () => new Response(await run()) }')
  const worker = new Miniflare({ modules: true, script, compatibilityDate: '2026-01-01' })
  try {
    const response = await worker.dispatchFetch('http://localhost/')
    return await response.text()
  } finally {
    await worker.dispose()
  }
}

async function inChromium(): Promise<string> {
  const code = await bundle(
    "run().catch(String).then((verdict) => fetch('/verdict', { method: 'POST', body: verdict }))",
  )
  const verdict = Promise.withResolvers<string>()
  const server = createServer((request, response) => {
    if (request.method === 'POST') return void buffer(request).then((body) => verdict.resolve(body.toString()))
    response.setHeader('content-type', request.url === '/' ? 'text/html' : 'text/javascript')
    response.end(request.url === '/' ? '<script type="module" src="/code.js"></script>' : code)
  })
  server.listen(0, '127.0.0.1') // loopback: a secure context, which Web Crypto needs
  await once(server, 'listening')
  const timer = setTimeout(() => verdict.resolve('no verdict in time'), START_MS_MAX)
  try {
    const { program, env } = await chromium()
    const page = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--single-process',
      '--no-zygote',
      `--user-data-dir=${join(work, 'profile')}`,
    ]
    start(program, [...flags, page], env)
    return await verdict.promise
  } finally {
    clearTimeout(timer)
    server.closeAllConnections()
    server.close()
  }
}

/** The machine's Chromium, or that of npm with the libraries it brings. */
async function chromium(): Promise<{ program: string; env: NodeJS.ProcessEnv }> {
  const program = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))
  if (program) return { program, env: process.env }
  const folder = join(work, 'node_modules', '@sparticuz', 'chromium')
  const libraries = join(work, 'libraries')
  mkdirSync(libraries)
  const archive = join(libraries, 'libraries.tar')
  writeFileSync(archive, brotliDecompressSync(readFileSync(join(folder, 'bin', 'al2023.tar.br'))))
  run('tar', ['-xf', archive, '-C', libraries])
  process.env.TMPDIR = work
  const { default: packaged } = await load<Chromium>('@sparticuz/chromium')
  return { program: await packaged.executablePath(), env: { ...process.env, LD_LIBRARY_PATH: join(libraries, 'lib') } }
}

function start(program: string, args: string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(program, args, { cwd: work, env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  return child
}

async function inNext(): Promise<string> {
  writeNextProject(work)
  const next = join(work, 'node_modules', 'next', 'dist', 'bin', 'next')
  const env = {
    ...process.env,
    PSAPI_WEBHOOK_SECRETS: secret,
    NEXT_TELEMETRY_DISABLED: '1',
    NODE_ENV: 'production' as const,
  }
  run(process.execPath, [next, 'build'], env)
  const server = start(process.execPath, [next, 'start', '--port', '0', '--hostname', '127.0.0.1'], env)
  const origin = await originOf(server)
  const wrong: string[] = []
  for (const [route, outcome] of Object.entries(nextRoutes)) {
    const good = await sendTo(`${origin}/api/${route}`, secret)
    const bad = await sendTo(`${origin}/api/${route}`, otherSecret)
    const badOutcome = outcome === 'handled' ? 'no_matching_signature' : outcome
    if (!good.includes(outcome) || !bad.includes(badOutcome)) wrong.push(`${route}: ${good}, ${bad}`)
  }
  return wrong.join('; ') || 'ok'
}

async function originOf(server: ChildProcess): Promise<string> {
  if (!server.stdout) throw new Error('Started without a pipe.')
  const lines = createInterface({ input: server.stdout })
  for await (const line of lines) {
    const [origin] = /http:\/\/127[.]0[.]0[.]1:\d+/.exec(line) ?? []
    if (origin) return origin
  }
  throw new Error('Next ended without saying where it listens.')
}

async function sendTo(url: string, signedWith: string): Promise<string> {
  const request = await signedRequest(examples['producersync.npn.activated'], signedWith)
  const body = await request.arrayBuffer()
  const response = await fetch(url, {
    method: 'POST',
    headers: request.headers,
    body,
    signal: AbortSignal.timeout(START_MS_MAX),
  })
  return `${response.status} ${await response.text()}`
}

async function types(): Promise<string> {
  const core = await load<TypesCheck>('@arethetypeswrong/core')
  const analysis = await core.checkPackage(core.createPackageFromTarballData(new Uint8Array(readFileSync(tarball()))))
  // Node 10 and TypeScript's model of it know no "exports"; both are older than what the package runs on.
  if (!analysis.types) return 'no types found'
  const wrong = analysis.problems.filter(({ resolutionKind }) => resolutionKind !== 'node10')
  return (
    wrong.map(({ kind, entrypoint, resolutionKind }) => [kind, entrypoint, resolutionKind].join(' ')).join('; ') || 'ok'
  )
}

try {
  install()
  for (const extension of ['mjs', 'cjs'] as const) {
    for (const major of ['20', '22']) {
      const program = join(work, 'node_modules', `node${major}`, 'bin', 'node')
      await attempt(`Node ${major}, ${extension}`, () => inNode(program, extension))
    }
    await attempt(`Node ${process.versions.node}, ${extension}`, () => inNode(process.execPath, extension))
  }
  await attempt('workerd', inWorkerd)
  await attempt('Chromium', inChromium)
  await attempt('Next', inNext)
  await attempt('types', types)
} finally {
  for (const { pid } of children) if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  rmSync(work, { recursive: true, force: true, maxRetries: 5 })
}
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(verdicts)}\n`)
process.exitCode = verdicts.every(({ verdict }) => verdict === 'ok') ? 0 : 1

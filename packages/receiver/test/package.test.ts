import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { EdgeVM } from '@edge-runtime/vm'
import { publint } from 'publint'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { examples, signedRequest } from '../src/testing.ts'

/** What is published, as customers get it: built, packed, installed into an empty project. */

const HERE = fileURLToPath(new URL('..', import.meta.url))
const ROOT = join(HERE, '..', '..')
const NAME = '@producersync/webhooks'
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const sources: Record<string, string> = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8')).exports
const entries = Object.keys(sources).map((entry) => NAME + entry.slice(1))
const vectors = readFileSync(join(HERE, 'vectors.json'), 'utf8')

let work: string
let project: string
let built: string
let packed: { filename: string; size: number; files: { path: string }[] }

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'receiver-package-'))
  built = join(work, 'built')
  project = join(work, 'project')
  run(process.execPath, [join(HERE, 'build.ts'), built])
  const [pack] = JSON.parse(npm(work, 'pack', built, '--json'))
  packed = pack
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{"private":true}')
  npm(project, 'install', join(work, packed.filename), '--offline', '--no-audit', '--no-fund')
})
afterAll(() => rmSync(work, { recursive: true, force: true }))

function run(command: string, args: string[], cwd = work): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
}

function npm(cwd: string, ...args: string[]): string {
  return run('npm', [...args, '--cache', join(work, 'npm-cache'), '--loglevel', 'error'], cwd)
}

/** Runs a script in the project, as an ES module or as CommonJS. */
function runThere(extension: 'mjs' | 'cjs', script: string): unknown {
  const path = join(project, `script.${extension}`)
  writeFileSync(path, script)
  return JSON.parse(run(process.execPath, [path], project))
}

test('it holds code, types, README, licence and vectors, and is under 60 kB', () => {
  const paths = packed.files.map(({ path }) => path)
  const others = paths.filter((path) => !/^(esm|cjs)\/[a-z/0-9-]+[.](js|d[.]ts)$/.test(path))
  expect(others.sort()).toEqual([
    'LICENSE',
    'README.md',
    'cjs/package.json',
    'esm/package.json',
    'package.json',
    'vectors.json',
  ])
  expect(paths.filter((path) => path.includes('test.'))).toEqual([])
  expect(packed.size).toBeLessThan(60_000)
})

test('installed, it brings nothing else and runs no script', () => {
  const manifest = JSON.parse(readFileSync(join(project, 'node_modules', NAME, 'package.json'), 'utf8'))
  for (const member of ['dependencies', 'peerDependencies', 'devDependencies', 'scripts', 'private']) {
    expect(manifest).not.toHaveProperty(member)
  }
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'))
  expect(Object.keys(lock.packages)).toEqual(['', `node_modules/${NAME}`])
})

test('publint finds nothing', async () => {
  const { messages } = await publint({ pkgDir: join(project, 'node_modules', NAME), strict: true, pack: false })
  expect(messages).toEqual([])
})

describe('every entry', () => {
  const namesOf = (load: string) => `
    const load = ${load}
    const names = async (entry) => [entry, Object.keys(await load(entry)).filter((name) => name !== '__esModule').sort()]
    Promise.all(${JSON.stringify(entries)}.map(names)).then((all) => console.log(JSON.stringify(all)))`

  test('gives the same by import and by require as here in the repository', async () => {
    const here = await Promise.all(
      Object.values(sources).map(async (source, i) => [
        entries[i],
        Object.keys(await import(join(HERE, source))).sort(),
      ]),
    )
    expect(runThere('mjs', namesOf('(entry) => import(entry)'))).toEqual(here)
    expect(runThere('cjs', namesOf('require'))).toEqual(here)
  })

  test.each([
    ['ES modules and CommonJS', ['mts', 'cts'], ['--module', 'nodenext', '--skipLibCheck', 'false']],
    ['a bundler', ['ts'], ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ])('has types that are right, for %s', (_, extensions, options) => {
    const imports = entries.map(
      (entry, i) => `import * as entry${i} from '${entry}'\nexport const used${i} = entry${i}`,
    )
    const use = `
import { createReceiver, isKnown, unwrap, VerificationError } from '${NAME}'
export const receive: (request: Request) => Promise<Response> = createReceiver({
  secrets: '',
  on: { 'producersync.npn.activated': (event) => event.data.npn.trim() },
})
export async function npnOf(body: Uint8Array, headers: Headers): Promise<string | undefined> {
  const event = await unwrap(body, headers, { secrets: () => [] })
  if (!isKnown(event)) return undefined
  // @ts-expect-error: not every event has one
  event.data.npn
  return event.type === 'producersync.npn.activated' ? event.data.npn : undefined
}
// @ts-expect-error: secrets are needed
createReceiver({})
export const code: 'missing_header' | undefined = new VerificationError('missing_header', '').code as 'missing_header'
`
    const files = extensions.map((extension) => join(project, `consumer.${extension}`))
    for (const file of files) writeFileSync(file, `${imports.join('\n')}\n${use}`)
    const strict = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable']
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types')]
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    run(process.execPath, [tsc, ...strict, ...types, ...options, ...files], project)
  })
})

const judgeAll = `
async function judgeAll(verify, { cases }) {
  const wrong = []
  for (const { name, body, bodyBase64 = '', headers, now, secrets, expect, ...options } of cases) {
    const bytes = body ?? Uint8Array.from(atob(bodyBase64), (char) => char.charCodeAt(0))
    let verdict = 'ok'
    try {
      await verify(bytes, headers, { ...options, secrets, now: new Date(now * 1000) })
    } catch (error) {
      verdict = error.code
    }
    if (verdict !== expect) wrong.push({ name, expect, verdict })
  }
  return wrong
}`

test.each([
  ['mjs', `import { verify } from '${NAME}'\nimport vectors from '${NAME}/vectors.json' with { type: 'json' }`],
  ['cjs', `const { verify } = require('${NAME}')\nconst vectors = require('${NAME}/vectors.json')`],
  ['mjs', `import { verify } from '${NAME}/node'\nimport vectors from '${NAME}/vectors.json' with { type: 'json' }`],
] as const)('the installed package judges all vectors as written: %s, %s', (extension, imports) => {
  const script = `${imports}\n${judgeAll}\njudgeAll(verify, vectors).then((wrong) => console.log(JSON.stringify(wrong)))`
  expect(runThere(extension, script)).toEqual([])
})

/** What a bundler makes of the installed package; without `external` as one script that sets `webhooks`. */
async function bundle(code: string, external?: (id: string) => boolean): Promise<string> {
  const path = join(project, 'bundled.mjs')
  writeFileSync(path, code)
  const bundled = await rolldown({ input: path, external, logLevel: 'silent' })
  const format = external ? 'esm' : 'iife'
  const { output } = await bundled.generate({ format, name: 'webhooks', minify: true })
  await bundled.close()
  return output[0].code
}

test('in an edge runtime, with nothing but web APIs, it judges all vectors and receives', async () => {
  const code = await bundle(`export { createReceiver, verify } from '${NAME}'`)
  const runtime = new EdgeVM()
  expect(runtime.evaluate('[typeof Buffer, typeof process, typeof require].join()')).toBe(
    'undefined,undefined,undefined',
  )
  runtime.evaluate(`${code}; globalThis.webhooks = webhooks; ${judgeAll}`)
  expect(await runtime.evaluate(`judgeAll(webhooks.verify, ${vectors})`)).toEqual([])

  const request = await signedRequest(examples['producersync.npn.activated'], secret)
  const sent = { body: await request.text(), headers: Object.fromEntries(request.headers) }
  const answers = await runtime.evaluate(`
    const handled = []
    const receive = webhooks.createReceiver({
      secrets: '${secret}',
      on: { 'producersync.npn.activated': (event) => handled.push(event.data.npn) },
    })
    const send = async (change = '') => {
      const { headers, body } = ${JSON.stringify(sent)}
      const response = await receive(new Request('https://example.com/', { method: 'POST', headers, body: body + change }))
      return [response.status, await response.text()].join(' ')
    }
    Promise.all([send(), send(' ')]).then(async (answers) => [...answers, await send(), ...handled].join('\\n'))`)
  expect(String(answers).split('\n')).toEqual([
    '200 {"result":"handled"}',
    '401 {"code":"no_matching_signature"}',
    '200 {"result":"repeated"}',
    '912484758',
  ])
})

describe('bundled, minified and compressed', () => {
  const gzipBytes = (code: string) => gzipSync(code, { level: 9 }).length

  test('the core is at most 4 kB, with createReceiver 6 kB', async () => {
    const core = await bundle(`export { check, isKnown, parseEvent, sign, unwrap, verify } from '${NAME}'`)
    expect(gzipBytes(core)).toBeLessThanOrEqual(4_096)
    expect(gzipBytes(await bundle(`export * from '${NAME}'`))).toBeLessThanOrEqual(6_144)
  })

  test.each(entries.filter((_, i) => Object.values(sources)[i]?.includes('adapters')))(
    'the adapter %s adds at most 1 kB to the core',
    async (entry) => {
      const isCore = (id: string) => /^[.][.]?\/(?!node-http)/.test(id)
      expect(gzipBytes(await bundle(`export * from '${entry}'`, isCore))).toBeLessThanOrEqual(1_024)
    },
  )
})

test('all of it, unpacked, is under 400 kB', () => {
  const bytes = packed.files.reduce((sum, { path }) => sum + statSync(join(built, path)).size, 0)
  expect(bytes).toBeLessThan(400_000)
})

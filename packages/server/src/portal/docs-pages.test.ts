import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TestService } from '../../test/service.ts'
import { type Docs, readDocs } from './built-docs.ts'

const PAGE = '<!doctype html><title>A page</title>'

let service: TestService
let folder: string
let built: Docs
let docs: Docs
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'docs-'))
  for (const name of ['index.html', 'troubleshooting.html', 'troubleshooting.md'])
    writeFileSync(join(folder, name), PAGE)
  writeFileSync(join(folder, 'troubleshooting.html.gz'), gzipSync(PAGE))
  built = await readDocs(folder)
  service = await TestService.start({ overrides: { docs: () => docs } })
})
beforeEach(() => {
  docs = built
})
afterAll(async () => {
  await service.close()
  rmSync(folder, { recursive: true })
})

async function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${service.url}${path}`, { headers, redirect: 'manual' })
}

describe('the documentation', () => {
  test('is answered to all, each page at its path without .html and as Markdown', async () => {
    for (const [path, type] of [
      ['/docs/', 'text/html; charset=utf-8'],
      ['/docs/troubleshooting', 'text/html; charset=utf-8'],
      ['/docs/troubleshooting.html', 'text/html; charset=utf-8'],
      ['/docs/troubleshooting.md', 'text/markdown; charset=utf-8'],
    ] as const) {
      const answer = await get(path)
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([path, 200, type])
      expect(await answer.text()).toBe(PAGE)
    }
  })

  test('may load nothing from elsewhere, run nothing inline, and be shown in no frame', async () => {
    const { headers } = await get('/docs/troubleshooting')
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    )
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('is led to by relative redirects, which hold under any path', async () => {
    for (const [path, location] of [
      ['/docs', 'docs/'],
      ['/docs/troubleshooting/', '../troubleshooting'],
    ] as const) {
      const answer = await get(path)
      expect([answer.status, answer.headers.get('location')]).toEqual([302, location])
    }
  })

  test('is sent compressed to who takes that, and not again to who has it', async () => {
    const small = await get('/docs/troubleshooting', { 'accept-encoding': 'gzip' })
    expect([small.headers.get('content-encoding'), await small.text()]).toEqual(['gzip', PAGE])
    const plain = await get('/docs/troubleshooting', { 'accept-encoding': 'identity' })
    expect([plain.headers.get('content-encoding'), await plain.text()]).toEqual([null, PAGE])
    const again = await get('/docs/troubleshooting', { 'if-none-match': small.headers.get('etag') ?? '' })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  test('leads to no file but its own', async () => {
    for (const path of [
      '/docs/..%2f..%2fpackage.json',
      '/docs/%5c..%5cpackage.json',
      '/docs/none',
      '/docs/troubleshooting.html.gz',
    ]) {
      expect([path, (await get(path)).status]).toEqual([path, 404])
    }
  })

  test('says that it is being built, with when to ask again, and why it is not there', async () => {
    docs = { state: 'building' }
    const early = await get('/docs/troubleshooting')
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '2'])
    expect(await early.text()).toContain('is being built')
    docs = { state: 'missing', reason: 'there is <nothing>' }
    const missing = await get('/docs/')
    expect([missing.status, missing.headers.get('retry-after')]).toEqual([503, null])
    expect(await missing.text()).toContain('there is &lt;nothing>')
  })
})

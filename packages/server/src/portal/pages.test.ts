import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { sendRaw } from '../../test/http-kernel.ts'
import { TestService } from '../../test/service.ts'
import { PagesNotBuilt } from './built-folder.ts'
import { readPages, withoutPages } from './built-pages.ts'

let service: TestService
let http: FastifyInstance
let alone: TestService
beforeAll(async () => {
  const pages = await readPages(fileURLToPath(new URL('../../test/pages', import.meta.url)))
  service = await TestService.start({
    overrides: {
      pages,
      watch: (made) => {
        http = made
      },
    },
  })
  alone = await TestService.start({
    beside: service,
    environment: {
      ROLES: 'portal',
      PSAPI_SERVER_FRAME_ANCESTORS: 'https://a.example,https://b.example:8443',
      PSAPI_SERVER_SOURCE_ADDRESSES: '198.51.100.7, 2001:db8::/64',
    },
    overrides: { pages: withoutPages(new PagesNotBuilt('there is <nothing>')) },
  })
})
afterAll(async () => {
  await alone.close()
  await service.close()
})

async function get(path: string, headers: Record<string, string> = {}, at = service): Promise<Response> {
  return await fetch(`${at.url}${path}`, { headers, redirect: 'manual' })
}

function policyWith(nonce: string, frameAncestors: string): string {
  return `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors ${frameAncestors}; require-trusted-types-for 'script'; trusted-types 'none'`
}

describe('the page', () => {
  test('has a nonce of its own each time, in its policy and in its head, and is kept nowhere', async () => {
    const nonces = new Set<string>()
    for (const path of [
      '/portal',
      '/portal/',
      '/portal/a/app_1/events/msg_1?attempt=2',
      '/portal/o/msg_1',
      '/portal/%00',
      '/portal/a.b',
    ]) {
      const answer = await get(path)
      const text = await answer.text()
      const nonce =
        /^<!doctype html>\n<html lang="en"><head><meta property="csp-nonce" nonce="([^"]{24})">/.exec(text)?.[1] ?? ''
      assert.equal(answer.headers.get('content-security-policy'), policyWith(nonce, "'none'"), path)
      assert.equal(answer.headers.get('cache-control'), 'no-store')
      assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
      assert.equal(answer.headers.get('referrer-policy'), 'no-referrer')
      assert.equal(answer.headers.get('x-frame-options'), 'DENY')
      nonces.add(nonce)
    }
    assert.equal(nonces.size, 6)
  })

  test('may be framed by the configured origins and no others', async () => {
    const { headers } = await get('/portal/', {}, alone)
    assert.match(
      headers.get('content-security-policy') ?? '',
      /frame-ancestors https:\/\/a[.]example https:\/\/b[.]example:8443;/,
    )
    assert.equal(headers.get('x-frame-options'), null)
  })
})

describe('files', () => {
  test('with a hash in their name are kept for ever, others for a day; what is text is sent compressed to who takes that', async () => {
    const script = await get('/portal/assets/page-c0ffee01.js', { 'accept-encoding': 'identity' })
    assert.equal(script.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8')
    assert.equal(script.headers.get('vary'), 'accept-encoding')
    assert.equal(script.headers.get('content-encoding'), null)
    const other = await get('/portal/robots.txt')
    assert.equal(other.headers.get('cache-control'), 'public, max-age=86400')

    const compressed = await get('/portal/assets/page-c0ffee01.js', { 'accept-encoding': 'gzip' })
    assert.equal(compressed.headers.get('content-encoding'), 'gzip')
    assert.equal(await compressed.text(), await script.text())
  })

  test.each([
    ['an old hash', '/portal/assets/page-00000000.js'],
    ['the page itself, as a file', '/portal/assets/../assets/index.html'],
    ['a way out', '/portal/assets/..%2f..%2f..%2fpackage.json'],
    ['an absolute path', '/portal/assets//etc/passwd'],
    ['what belongs to sessions', '/portal/session/unknown'],
  ])('%s: 404, and no HTML', async (_, path) => {
    const answer = await get(path)
    assert.equal(answer.status, 404)
    assert.equal(answer.headers.get('content-type'), 'application/json')
  })

  test('no path leads out of the folder', async () => {
    for (const path of [
      '/portal/../../package.json',
      '/portal/..%2f..%2fpackage.json',
      '/portal/%2e%2e/%2e%2e/package.json',
      '/portal/....//package.json',
    ]) {
      const answer = await sendRaw(http, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      assert.ok(!answer.includes('workspaces'), path)
    }
  })
})

test('source addresses are there for all, as they are set; where they are not, that is said', async () => {
  const [set, unset] = await Promise.all([get('/source-addresses.json', {}, alone), get('/source-addresses.json')])
  assert.deepEqual(await set.json(), { addresses: ['198.51.100.7', '2001:db8::/64'] })
  assert.equal(set.headers.get('access-control-allow-origin'), '*')
  assert.equal(set.headers.get('cache-control'), 'public, max-age=300')
  assert.deepEqual(await unset.json(), { addresses: null })
})

describe('a process with the role portal alone', () => {
  test('has the pages and sessions, and no API', async () => {
    assert.equal((await get('/openapi.json', {}, alone)).status, 404)
    assert.equal((await get('/portal/session', { 'sec-fetch-site': 'same-origin' }, alone)).status, 401)
  })

  test('says on the page that there are none, where they could not be built', async () => {
    const answer = await get('/portal/', {}, alone)
    assert.equal(answer.status, 503)
    assert.match(await answer.text(), /cannot be built: there is &lt;nothing>/)
  })
})

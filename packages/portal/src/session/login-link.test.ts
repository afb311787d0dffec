import { expect, test } from 'vitest'
import { safeNext, takeKey } from './login-link.ts'

test('the key of a link is taken out of the address and the history', () => {
  const addresses: string[] = []
  const history = {
    state: null,
    replaceState: (_: unknown, __: string, url?: string | URL | null) => void addresses.push(String(url)),
  }
  const link = takeKey({ pathname: '/portal/login', search: '?next=%2Fa%2Fapp_1%2Flog', hash: '#key=abc-DEF' }, history)
  expect(link).toEqual({ key: 'abc-DEF', next: '/a/app_1/log', embed: false })
  expect(addresses).toEqual(['/portal/login?next=%2Fa%2Fapp_1%2Flog'])
})

test.each([
  ['/a/app_1/log?state=failed&from=-24h', '/a/app_1/log?state=failed&from=-24h'],
  ['/portal/a/app_1/', '/a/app_1/'],
  ['/o/msg_1', '/o/msg_1'],
  ['/cli-login?code=BCDF-GHJK', '/cli-login?code=BCDF-GHJK'],
  ['https://evil.example/a/', null],
  ['//evil.example/a/', null],
  ['/\\evil.example', null],
  ['/a/\\evil.example', null],
  ['javascript:alert(1)', null],
  ['/portal/session', null],
  ['/a/../../oauth2/token', null],
  ['', null],
  [null, null],
])('after signing in %j leads to %j', (next, path) => {
  expect(safeNext(next)).toBe(path)
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestAccount, TestService } from '../service.ts'

/** What a browser asks before a page of another origin may call the API (webhook-api 1, CORS). */

const ORIGIN = { origin: 'https://portal.customer.example' }
const EXPOSED = ['x-request-id', 'x-ignored-fields', 'x-idempotent-replay', 'retry-after']

let service: TestService
let account: TestAccount
let token: string

beforeAll(async () => {
  service = await TestService.start()
  account = await service.account()
  token = await service.token(account)
})
afterAll(() => service.close())

function list(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
}

test('57: a page of another origin may call every method with a token of its own', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    const { status, headers } = await fetch(`${service.url}/api/v1/app/${account.id}/endpoint`, {
      method: 'OPTIONS',
      headers: {
        ...ORIGIN,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type,idempotency-key,x-anything',
      },
    })
    expect([method, status]).toEqual([method, 204])
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(list(headers, 'access-control-allow-methods')).toEqual(
      expect.arrayContaining(['get', 'post', 'put', 'patch', 'delete']),
    )
    expect(list(headers, 'access-control-allow-headers')).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'idempotency-key', 'x-anything']),
    )
    expect(headers.get('access-control-max-age')).toBe('600')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
  }
})

test('57: it may read every answer, refusals too, and the headers that matter', async () => {
  const at = `/api/v1/app/${account.id}`
  const answers = [
    await service.call('GET', `${at}/endpoint`, undefined, { token, headers: ORIGIN }),
    await service.call('GET', `${at}/endpoint`, undefined, { token: 'wrong', headers: ORIGIN }),
    await service.call('POST', `${at}/msg`, { eventType: 'a', payload: {} }, { token, headers: ORIGIN }),
    await service.call('GET', `${at}/endpoint/ep_unknown`, undefined, { token, headers: ORIGIN }),
    await service.call('POST', `${at}/endpoint`, { url: 'x' }, { token, headers: ORIGIN }),
    await service.call('POST', `${at}/endpoint`, undefined, {
      token,
      headers: ORIGIN,
      rawBody: ' '.repeat(70_000),
    }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 403, 404, 422, 413])
  for (const { headers } of answers) {
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    expect(list(headers, 'access-control-expose-headers')).toEqual(expect.arrayContaining(EXPOSED))
  }
})

test('57: a cookie has no effect', async () => {
  const answer = await fetch(`${service.url}/api/v1/app/${account.id}/endpoint`, {
    headers: { ...ORIGIN, cookie: `__Host-session=${token}; authorization=${token}` },
  })
  expect(answer.status).toBe(401)
  expect(answer.headers.get('set-cookie')).toBeNull()
})

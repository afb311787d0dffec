import assert from 'node:assert/strict'
import type { InjectOptions } from 'fastify'
import Type from 'typebox'
import { afterAll, beforeAll, beforeEach, describe, test } from 'vitest'
import { DatabaseBusy, DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import { DomainError, type ErrorCode } from '#src/domain-error.ts'
import { bearer, testAccess, testHttp } from '../../../test/http-kernel.ts'
import { ManualClock } from '../../../test/manual-clock.ts'
import { bodyOf, jsonOf } from './body.ts'
import { oauthRoutes } from './oauth.ts'
import { type Caller, producersyncRoutes } from './producersync.ts'
import { queryList, queryOf } from './query.ts'
import { BODY_BYTES_MAX } from './server.ts'

const { http } = testHttp()
const access = testAccess()
const clock = new ManualClock('2026-03-06T16:41:07.120Z')
let thrown: unknown
let callers: Caller[] = []
let remaining = 300

beforeAll(async () => {
  const limiter = async (caller: Caller) => {
    callers.push(caller)
    const allowed = remaining > 0
    if (allowed) remaining -= 1
    return { allowed, limit: 300, remaining, resetSeconds: 53 }
  }
  producersyncRoutes(http, { access, limiter, clock }, (routes) => {
    routes.get('/v1/accounts/subscriptions', { config: { access: 'producersync.read' } }, async (request) => {
      const { npns = [] } = queryOf(
        request,
        Type.Object({
          npns: Type.Optional(queryList(Type.String(), 3)),
          updatedSince: Type.Optional(Type.String({ format: 'date' })),
        }),
      )
      return { account: request.account.id, npns }
    })
    routes.put('/v1/accounts/subscriptions', { config: { access: 'producersync.write' } }, async () => ({}))
    routes.post(
      '/v1/read',
      { config: { access: 'producersync.read' }, bodyLimit: BODY_BYTES_MAX.population },
      async (request, reply) => reply.code(202).send({ received: jsonOf(request) }),
    )
    routes.patch('/v1/settings', { config: { access: 'producersync.read' } }, async (request) =>
      bodyOf(request, Type.Object({ autoSubscribe: Type.Boolean() })),
    )
    routes.get('/v2/entities/:npn', { config: { access: 'producersync.read' } }, async () => ({}))
    routes.get('/v2/operate', { config: { access: 'producersync.operate' } }, async () => ({}))
    routes.get('/v2/throw', { config: { access: 'any' } }, async () => {
      throw thrown
    })
  })
  oauthRoutes(http, (routes) => {
    routes.post('/token', async () => {
      throw thrown
    })
  })
  await http.ready()
})
afterAll(async () => await http.close())
beforeEach(() => {
  callers = []
  remaining = 300
})

async function call(url: string, token: string | undefined = 'client', more: InjectOptions = {}) {
  return await http.inject({ ...more, url, headers: { ...(token === '' ? {} : bearer(token)), ...more.headers } })
}

test('an error has the one body', async () => {
  const answer = await call('/v1/nowhere?x=1')
  assert.equal(answer.statusCode, 404)
  assert.deepEqual(answer.json(), {
    timestamp: '2026-03-06T16:41:07.120Z',
    status: 404,
    error: 'Not Found',
    message: 'Entity not found',
    path: '/v1/nowhere',
  })
  assert.equal(answer.headers['content-type'], 'application/json')
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.match(String(answer.headers['x-request-id']), /^req_/)
})

describe('who may call', () => {
  test.each([
    ['/v1/accounts/subscriptions', '', 401],
    ['/v1/nowhere', '', 401],
    ['/v2', '', 401],
    ['/v1/nowhere', 'client', 404],
    ['/v2', 'client', 404],
    ['/v1/accounts/subscriptions', 'client', 200],
    ['/v1/accounts/subscriptions/', 'client', 200],
    ['/v1/accounts/subscriptions', 'app', 403],
    ['/v1/accounts/subscriptions', 'key', 403],
    ['/v2/operate', 'key', 200],
    ['/v2/operate', 'client', 403],
  ])('GET %s with token %j: %i', async (url, token, status) => {
    assert.equal((await call(url, token)).statusCode, status)
  })

  test('401 says how to come in', async () => {
    assert.equal(
      (await call('/v1/accounts/subscriptions', '')).headers['www-authenticate'],
      'Bearer error="invalid_token"',
    )
  })

  test('another method is 405 and names those there are', async () => {
    const answer = await call('/v1/accounts/subscriptions', 'client', { method: 'DELETE' })
    assert.equal(answer.statusCode, 405)
    assert.equal(answer.headers.allow, 'GET, HEAD, PUT')
  })

  test('a scope that lacks is 403 before the body is judged', async () => {
    const answer = await call('/v1/accounts/subscriptions', 'client', {
      method: 'PUT',
      payload: '{',
      headers: { 'content-type': 'text/plain' },
    })
    assert.equal(answer.statusCode, 403)
  })

  test('an answer to a known caller names the environment', async () => {
    assert.equal((await call('/v1/nowhere')).headers['producersync-environment'], 'sandbox')
    assert.equal((await call('/v1/nowhere', '')).headers['producersync-environment'], undefined)
  })

  test('no page of another origin is let in', async () => {
    const answer = await call('/v1/nowhere', 'client', { headers: { origin: 'https://elsewhere.example' } })
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
    assert.equal((await call('/v1/accounts/subscriptions', '', { method: 'OPTIONS' })).statusCode, 401)
  })
})

describe('rate limit', () => {
  test('every answer says where the caller stands, errors too', async () => {
    for (const [url, token] of [
      ['/v1/accounts/subscriptions', 'client'],
      ['/v1/nowhere', 'client'],
      ['/v1/nowhere', ''],
    ] as const) {
      const { headers } = await call(url, token)
      assert.equal(headers['ratelimit-limit'], '300')
      assert.match(String(headers['ratelimit-remaining']), /^29\d$/)
      assert.equal(headers['ratelimit-reset'], '53')
    }
    assert.deepEqual(
      callers.map((caller) => ('address' in caller ? caller.address : caller.principal.tokenId)),
      ['access', 'access', '127.0.0.1'],
    )
  })

  test('beyond it: 429 with the wait, whatever was asked', async () => {
    remaining = 0
    for (const [url, token] of [
      ['/v1/accounts/subscriptions', 'client'],
      ['/v1/nowhere', 'client'],
      ['/v1/accounts/subscriptions', ''],
    ] as const) {
      const answer = await call(url, token)
      assert.equal(answer.statusCode, 429)
      assert.equal(answer.headers['retry-after'], '53')
      assert.equal(answer.headers['ratelimit-reset'], '53')
      assert.equal(answer.json().error, 'Too Many Requests')
    }
  })
})

describe('media types', () => {
  test.each([
    [undefined, 200],
    ['*/*', 200],
    ['application/json', 200],
    ['application/hal+json', 200],
    ['Application/HAL+JSON;q=0.5, text/html', 200],
    ['application/*', 200],
    ['text/html', 406],
    ['application/xml', 406],
    ['application/json;q=0', 406],
    ['text/html, */*;q=0.0', 406],
  ])('accept %j: %i', async (accept, status) => {
    assert.equal(
      (await call('/v1/accounts/subscriptions', 'client', { headers: accept === undefined ? {} : { accept } }))
        .statusCode,
      status,
    )
  })

  test('reads are HAL, other answers and errors JSON', async () => {
    assert.equal((await call('/v1/accounts/subscriptions')).headers['content-type'], 'application/hal+json')
    assert.equal((await call('/v1/accounts/subscriptions?x=1')).headers['content-type'], 'application/json')
    const json = { 'content-type': 'application/json' }
    const posted = await call('/v1/read', 'client', { method: 'POST', payload: '[]', headers: json })
    assert.equal(posted.headers['content-type'], 'application/json')
  })
})

describe('parameters and bodies: 400, naming the place', () => {
  test.each([
    ['nobody=1', 'nobody: is not a parameter of this operation'],
    ['updatedSince=2026-13-01', 'updatedSince: must be a date (YYYY-MM-DD)'],
    ['updatedSince=2026-01-01&updatedSince=2026-01-02', 'updatedSince: must not be given more than once'],
    ['npns=1,2,3,4', 'npns: must be a list of at most 3 items'],
    ['npns=%ff', 'The query holds broken percent-encoding.'],
  ])('%s', async (query, message) => {
    const answer = await call(`/v1/accounts/subscriptions?${query}`)
    assert.equal(answer.statusCode, 400)
    assert.equal(answer.json().message, message)
  })

  test('lists come by comma, with blanks, and repeated', async () => {
    assert.deepEqual((await call('/v1/accounts/subscriptions?npns=1,%202&npns=3')).json().npns, ['1', '2', '3'])
  })

  test.each([
    ['{', 'body: is not valid JSON: it ends too early'],
    ['{"autoSubscribe":1}', 'autoSubscribe: must be true or false'],
    ['{"autoSubscribe":true,"id":"1"}', 'id: cannot be set'],
    ['[]', 'body: must be a JSON object'],
  ])('%s', async (payload, message) => {
    const answer = await call('/v1/settings', 'client', {
      method: 'PATCH',
      payload,
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(answer.statusCode, 400)
    assert.equal(answer.json().message, message)
  })

  test('a body of 1 MiB is taken, one byte more is 413; another type is 415', async () => {
    const json = { 'content-type': 'application/json' }
    const ofSize = (bytes: number) => `[${' '.repeat(bytes - 2)}]`
    const post = async (payload: string, headers: Record<string, string>) =>
      (await call('/v1/read', 'client', { method: 'POST', payload, headers })).statusCode
    assert.equal(await post(ofSize(1_048_576), json), 202)
    assert.equal(await post(ofSize(1_048_577), json), 413)
    assert.equal(await post('[]', { 'content-type': 'text/csv' }), 415)
  })

  test('a list of 50,000 strings is taken', async () => {
    const npns = Array.from({ length: 50_000 }, (_, index) => String(10_000_000 + index))
    const answer = await call('/v1/read', 'client', {
      method: 'POST',
      payload: JSON.stringify(npns),
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(answer.json().received.length, 50_000)
  })

  test.each(['x'.repeat(257), '%00', 'a%00b'])('a path value that nothing is named with is 400', async (value) => {
    assert.equal((await call('/v2/entities/1')).statusCode, 200)
    const answer = await call(`/v2/entities/${value}`)
    assert.equal(answer.statusCode, 400)
    assert.equal(answer.json().message, 'A value of the path is malformed.')
  })
})

describe('what went wrong', () => {
  const STATUSES: [ErrorCode, number][] = [
    ['invalid_input', 400],
    ['forbidden', 403],
    ['not_found', 404],
    ['not_acceptable', 406],
    ['conflict', 409],
    ['task_running', 409],
    ['unavailable', 503],
    ['storage_full', 503],
  ]
  test.each(STATUSES)('%s is %i', async (code, status) => {
    thrown = new DomainError(code, 'What happened')
    const answer = await call('/v2/throw')
    assert.equal(answer.statusCode, status)
    assert.equal(answer.json().message, 'What happened')
    assert.equal(answer.headers['retry-after'], status === 503 ? '1' : undefined)
  })

  test.each([[new DatabaseUnavailable('lost')], [new DatabaseBusy('pool')], [new DatabaseUnavailable('storage_full')]])(
    '%s: 503, come again',
    async (error) => {
      thrown = error
      const answer = await call('/v2/throw')
      assert.equal(answer.statusCode, 503)
      assert.equal(answer.headers['retry-after'], '1')
    },
  )

  test('a database out of reach while the token is judged: 503', async () => {
    access.fail = new DatabaseUnavailable('unreachable')
    try {
      assert.equal((await call('/v2/throw')).statusCode, 503)
    } finally {
      access.fail = null
    }
  })

  test('a defect is 500 with a reference and nothing else', async () => {
    thrown = new TypeError('canary')
    const answer = await call('/v2/throw')
    assert.equal(answer.statusCode, 500)
    assert.equal(answer.json().message, `Internal error. Reference: ${String(answer.headers['x-request-id'])}`)
    assert.ok(!answer.body.includes('canary'))
  })
})

describe('token endpoint', () => {
  test.each([
    [new DomainError('unauthenticated', 'No such client'), 401, 'invalid_client'],
    [new DomainError('rate_limited', 'Too many'), 429, 'temporarily_unavailable'],
    [new DomainError('payload_too_large', 'Too large'), 413, 'invalid_request'],
    [new DatabaseUnavailable('unreachable'), 503, 'temporarily_unavailable'],
    [new TypeError('canary'), 500, 'server_error'],
  ])('%s is %i %s, in the shape of RFC 6749', async (error, status, word) => {
    thrown = error
    const answer = await call('/oauth2/token', '', { method: 'POST' })
    assert.equal(answer.statusCode, status)
    assert.equal(answer.json().error, word)
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.deepEqual(Object.keys(answer.json()), ['error', 'error_description'])
  })

  test('another method or path has that shape too', async () => {
    const wrong = await call('/oauth2/token', '')
    assert.equal(wrong.statusCode, 405)
    assert.equal(wrong.headers.allow, 'POST')
    assert.equal(wrong.json().error, 'invalid_request')
    assert.equal((await call('/oauth2/authorize', '')).statusCode, 404)
  })
})

import assert from 'node:assert/strict'
import type { InjectOptions } from 'fastify'
import Type from 'typebox'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { DatabaseBusy, DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import { DomainError, type ErrorCode } from '#src/domain-error.ts'
import { bearer, type TestAccess, testAccess, testHttp } from '../../../test/http-kernel.ts'
import { bodyOf } from './body.ts'
import { managementRoutes } from './management.ts'
import { queryOf } from './query.ts'
import { bytesOf, memberOf } from './scan.ts'

const { http, lines } = testHttp()
const access: TestAccess = testAccess()
let thrown: unknown
let handled = 0

beforeAll(async () => {
  managementRoutes(
    http,
    access,
    (routes) => {
      routes.addHook('preHandler', async () => {
        handled += 1
      })
      routes.get('/free', { config: { access: 'none' } }, async () => ({ free: true }))
      routes.get('/any', { config: { access: 'any' } }, async () => ({}))
      routes.get('/throw', { config: { access: 'any' } }, async () => {
        throw thrown
      })
      routes.post('/app', { config: { access: 'environment_key' } }, async (request, reply) =>
        reply.code(201).send(bodyOf(request, Type.Object({ name: Type.Optional(Type.String()) }))),
      )
      routes.delete('/app/:app_id', { config: { access: 'environment_key' } }, async (_, reply) =>
        reply.code(204).send(),
      )
      routes.put('/app/:app_id', { config: { access: 'environment_key', accountMayBeMissing: true } }, async () => ({}))
      routes.get('/app/:app_id', { config: { access: 'ViewBase' } }, async (request) => ({ id: request.account.id }))
      routes.get('/app/:app_id/list', { config: { access: 'ViewBase' } }, async (request) =>
        queryOf(request, Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 250 })) })),
      )
      routes.post('/app/:app_id/endpoint', { config: { access: 'ManageEndpoint' } }, async () => ({ created: true }))
      routes.post(
        '/app/:app_id/msg',
        { config: { access: 'environment_key', bodyBytesMax: () => 1_000 }, bodyLimit: 2_000 },
        async (request, reply) => {
          const payload = memberOf(request.scanned, 'payload')
          return reply.type('application/json').send(payload ? bytesOf(request.scanned, payload) : '{}')
        },
      )
    },
    {
      notImplemented: [
        { method: 'GET', path: '/app/{app_id}/integration' },
        { method: 'GET', path: '/app/{app_id}' },
      ],
    },
  )
  await http.ready()
})
afterAll(async () => await http.close())

async function call(
  method: InjectOptions['method'],
  path: string,
  token?: string,
  body?: string | Buffer,
  type = 'application/json',
) {
  const headers = {
    ...(token === undefined ? {} : bearer(token)),
    ...(body === undefined ? {} : { 'content-type': type }),
  }
  return await http.inject({ method, url: `/api/v1${path}`, headers, payload: body })
}

describe('who may call, in order', () => {
  test.each([
    ['GET', '/app/app_1', undefined, 401, 'authentication_failed'],
    ['GET', '/app/app_1', 'wrong', 401, 'authentication_failed'],
    ['GET', '/nowhere', undefined, 401, 'authentication_failed'],
    ['PATCH', '/app', undefined, 401, 'authentication_failed'],
    ['GET', '/app/app_1/integration', undefined, 401, 'authentication_failed'],
    ['GET', '/nowhere', 'app', 404, 'not_found'],
    ['GET', '/nowhere', 'narrow', 404, 'not_found'],
    ['PATCH', '/app', 'app', 405, 'method_not_allowed'],
    ['TRACE', '/app', 'key', 405, 'method_not_allowed'],
    ['GET', '/app/app_1/integration', 'app', 501, 'not_implemented'],
    ['GET', '/app/app_2/integration', 'app', 501, 'not_implemented'],
    ['GET', '/app/app_1/integration', 'narrow', 501, 'not_implemented'],
    ['POST', '/app', 'app', 403, 'insufficient access'],
    ['DELETE', '/app/app_2', 'app', 403, 'insufficient access'],
    ['GET', '/app/app_1', 'narrow', 403, 'insufficient access'],
    ['GET', '/app/app_2', 'reader', 404, 'not_found'],
    ['POST', '/app/app_2/endpoint', 'reader', 404, 'not_found'],
    ['POST', '/app/app_1/endpoint', 'reader', 403, 'insufficient access'],
    ['POST', '/app/app_1/endpoint', 'client', 403, 'insufficient access'],
    ['POST', '/app/app_1/endpoint', 'app', 200, undefined],
    ['POST', '/app/acme/endpoint', 'key', 200, undefined],
    ['GET', '/app/acme', 'client', 200, undefined],
    ['PUT', '/app/anything', 'key', 200, undefined],
    ['GET', '/free', undefined, 200, undefined],
  ] as const)('%s %s with token %s: %i', async (method, path, token, status, code) => {
    const answer = await call(method, path, token)
    assert.equal(answer.statusCode, status)
    assert.equal(answer.json().code, code)
  })

  test('an operation closed to a token is refused before anything is looked up', async () => {
    access.accountLookUps = []
    await call('DELETE', '/app/app_2', 'app')
    assert.deepEqual(access.accountLookUps, [])
  })

  test('a refused request is not read: its size, body and query are judged last', async () => {
    handled = 0
    const large = 'x'.repeat(100_000)
    for (const [path, token, status] of [
      ['/app', undefined, 401],
      ['/nowhere', 'key', 404],
      ['/app', 'app', 403],
      ['/app/app_2/endpoint?limit=%', 'app', 404],
      ['/app/app_1/endpoint', 'reader', 403],
      ['/app/app_1/endpoint', 'app', 413],
    ] as const) {
      assert.equal((await call('POST', path, token, large, 'text/plain')).statusCode, status, path)
    }
    assert.equal(handled, 0)
  })

  test('a route that does not say who may call it is refused when it is added', async () => {
    const { http } = testHttp()
    managementRoutes(http, access, (routes) => {
      routes.get('/open', async () => ({}))
    })
    await assert.rejects(async () => await http.ready(), /GET \/api\/v1\/open does not say who may call it/)
  })

  test.each(['key', 'Basic key', 'Bearer', 'Bearer ', 'Bearer a b', 'Bearer key,key', 'Bearerkey'])(
    'authorization: %j is no token',
    async (authorization) => {
      const answer = await http.inject({ url: '/api/v1/any', headers: { authorization } })
      assert.equal(answer.statusCode, 401)
      assert.equal(answer.headers['www-authenticate'], 'Bearer')
    },
  )

  test('401 looks the same whatever is wrong with the token', async () => {
    const bodies = await Promise.all(
      [undefined, 'wrong', ''].map(async (token) => (await call('GET', '/any', token)).body),
    )
    assert.equal(new Set(bodies).size, 1)
  })
})

describe('paths', () => {
  test('a trailing slash is the same path, without a redirect', async () => {
    for (const path of ['/app/app_1/', '/any/']) {
      assert.equal((await call('GET', path, 'app')).statusCode, 200)
    }
    assert.equal(
      (await http.inject({ method: 'POST', url: '/api/v1/app/?x=1', headers: bearer('key') })).statusCode,
      201,
    )
    assert.equal((await call('GET', '', 'app')).statusCode, 404)
    assert.equal((await call('GET', '/', 'app')).statusCode, 404)
  })

  test.each([
    '%zz',
    '%',
    '%c3%28',
    '%ff',
    'a%',
    '%00',
    `${'a'.repeat(256)}`,
    `${'a'.repeat(257)}`,
    'a'.repeat(8_000),
    '..',
    '%2e%2e%2f',
    '%25',
  ])('a path value nobody has is one and the same 404: %s', async (value) => {
    const answer = await call('GET', `/app/${value}/list`, 'app')
    assert.equal(answer.statusCode, 404)
    assert.deepEqual(answer.json(), { code: 'not_found', detail: 'Entity not found' })
  })

  test('a value of 257 characters is not looked up, one of 256 is', async () => {
    access.accountLookUps = []
    await call('GET', `/app/${'b'.repeat(257)}`, 'app')
    await call('GET', `/app/${'c'.repeat(256)}`, 'app')
    assert.deepEqual(access.accountLookUps, ['c'.repeat(256)])
  })

  test('a broken path value is as unknown to strangers as any', async () => {
    assert.equal((await call('GET', '/app/%zz')).statusCode, 401)
  })

  test('405 names the methods', async () => {
    assert.equal((await call('PATCH', '/app/app_1', 'key')).headers.allow, 'GET, HEAD, PUT, DELETE, OPTIONS')
    assert.equal((await call('GET', '/app', 'key')).headers.allow, 'POST, OPTIONS')
  })

  test('method overrides are ignored', async () => {
    const answer = await http.inject({
      method: 'POST',
      url: '/api/v1/app?_method=DELETE',
      headers: { ...bearer('key'), 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' },
    })
    assert.equal(answer.statusCode, 201)
  })

  test('HEAD answers as GET, without the body', async () => {
    const answer = await call('HEAD', '/app/app_1', 'app')
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.body, '')
    assert.equal(answer.headers['content-length'], '14')
  })
})

describe('bodies', () => {
  const post = async (body: string | Buffer | undefined, headers: Record<string, string> = {}) =>
    await http.inject({ method: 'POST', url: '/api/v1/app', headers: { ...bearer('key'), ...headers }, payload: body })

  test('the size limit is taken, one byte more is 413', async () => {
    const ofSize = (bytes: number) => `{"n":"${' '.repeat(bytes - 8)}"}`
    assert.equal((await call('POST', '/app', 'key', ofSize(65_536))).statusCode, 201)
    assert.equal((await call('POST', '/app', 'key', ofSize(65_537))).json().code, 'payload_too_large')
  })

  test('a limit known only once the caller is holds too', async () => {
    const ofSize = (bytes: number) => `{"n":"${' '.repeat(bytes - 8)}"}`
    assert.equal((await call('POST', '/app/app_1/msg', 'key', ofSize(1_000))).statusCode, 200)
    assert.equal((await call('POST', '/app/app_1/msg', 'key', ofSize(1_001))).statusCode, 413)
    assert.equal((await call('POST', '/app/app_1/msg', 'key', ofSize(2_001))).statusCode, 413)
  })

  test.each([
    ['application/json', 201],
    ['application/json; charset=utf-8', 201],
    ['application/json;charset=UTF-8', 201],
    ['Application/JSON; charset="utf-8"', 201],
    ['application/json; charset=latin1', 415],
    ['application/json; charset=utf-8; boundary=x', 415],
    ['application/json; version=1', 415],
    ['application/jsonp', 415],
    ['application/x-www-form-urlencoded', 415],
    ['text/plain', 415],
    ['multipart/form-data; boundary=x', 415],
    ['json', 415],
    ['', 415],
  ])('content-type %j: %i', async (type, status) => {
    assert.equal((await post('{}', { 'content-type': type })).statusCode, status)
  })

  test('a body without a content type is 415', async () => {
    assert.equal((await post(Buffer.from('{}'))).statusCode, 415)
  })

  test.each([
    ['identity', 201],
    ['gzip', 415],
    ['identity, gzip', 415],
  ])('content-encoding %s: %i', async (encoding, status) => {
    assert.equal(
      (await post('{}', { 'content-type': 'application/json', 'content-encoding': encoding })).statusCode,
      status,
    )
  })

  test('no body, an empty one with a type, and {} are alike', async () => {
    for (const [body, headers] of [
      [undefined, {}],
      [undefined, { 'content-type': 'application/json' }],
      ['', { 'content-type': 'application/json' }],
      ['', { 'content-type': 'text/plain' }],
      ['{}', { 'content-type': 'application/json' }],
    ] as const) {
      const answer = await post(body, headers)
      assert.equal(answer.statusCode, 201)
      assert.deepEqual(answer.json(), {})
    }
  })

  test.each([
    '{',
    'null',
    '[]',
    '"x"',
    '{"name":1}',
    '{"name":"a","name":"b"}',
    '{"name":"\\ud800"}',
    '{"name":"\\u0000"}',
    `${'['.repeat(100)}`,
  ])('%j is 422 with the place of the fault', async (body) => {
    const answer = await call('POST', '/app', 'key', body)
    assert.equal(answer.statusCode, 422)
    assert.equal(answer.json().detail[0].loc[0], 'body')
    assert.deepEqual(Object.keys(answer.json()), ['detail'])
  })

  test('a payload is cut out byte for byte', async () => {
    const payload = '{ "n":1.0,"big":12345678901234567890,"z":-0,"z":1e400 , "__proto__":{"x":"\\u0000\\ud800"} }'
    const answer = await call('POST', '/app/app_1/msg', 'key', `{"eventType":"a" ,"payload": ${payload}\n}`)
    assert.equal(answer.body, payload)
  })

  test('unknown fields are named, those that a header cannot hold apart', async () => {
    const answer = await call(
      'POST',
      '/app',
      'key',
      '{"name":"a","timeoutMS":1,"updatedAt":"x","\\r\\nx-evil: 1":1,"é":1,"a,b":1}',
    )
    assert.equal(answer.statusCode, 201)
    assert.equal(answer.headers['x-ignored-fields'], 'timeoutMS,updatedAt')
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`field${index}`, 1])))
    assert.equal(String((await call('POST', '/app', 'key', many)).headers['x-ignored-fields']).split(',').length, 20)
  })

  test('a broken query is 400 and is not echoed', async () => {
    for (const query of ['limit=%zz', '%ff=1', 'limit=%c3%28', 'limit=%00']) {
      const answer = await http.inject({ url: `/api/v1/app/app_1/list?${query}`, headers: bearer('app') })
      assert.equal(answer.statusCode, 400)
      assert.deepEqual(answer.json(), { code: 'generic_error', detail: 'The query holds broken percent-encoding.' })
    }
  })
})

describe('every answer', () => {
  async function answers() {
    thrown = new TypeError('it broke')
    return await Promise.all([
      call('GET', '/any', 'app'),
      call('DELETE', '/app/app_1', 'key'),
      call('GET', '/any'),
      call('GET', '/nowhere', 'app'),
      call('POST', '/app', 'key', '{'),
      call('GET', '/throw', 'app'),
      call('GET', '/app/%zz', 'app'),
      http.inject({ method: 'OPTIONS', url: '/api/v1/app' }),
    ])
  }

  test('has the standard headers, and an id of its own', async () => {
    const ids = new Set<unknown>()
    for (const { headers } of await answers()) {
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['referrer-policy'], 'no-referrer')
      assert.equal(headers['strict-transport-security'], 'max-age=31536000')
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
      assert.equal(headers['access-control-allow-origin'], '*')
      assert.equal(
        headers['access-control-expose-headers'],
        'x-request-id, x-ignored-fields, x-idempotent-replay, retry-after',
      )
      assert.equal(headers['access-control-allow-credentials'], undefined)
      assert.match(String(headers['x-request-id']), /^req_[0-9a-f-]{36}$/)
      ids.add(headers['x-request-id'])
    }
    assert.equal(ids.size, 8)
  })

  test('is JSON, except a 204, which is empty', async () => {
    for (const answer of await answers()) {
      if (answer.statusCode === 204) {
        assert.equal(answer.body, '')
        assert.equal(answer.headers['content-type'], undefined)
      } else {
        assert.equal(answer.headers['content-type'], 'application/json')
        assert.equal(typeof answer.json(), 'object')
      }
    }
  })

  test("does not take the client's request id", async () => {
    const answer = await http.inject({
      url: '/api/v1/any',
      headers: { ...bearer('app'), 'x-request-id': 'mine', 'request-id': 'mine' },
    })
    assert.notEqual(answer.headers['x-request-id'], 'mine')
  })

  test('is logged by a fixed set of fields', async () => {
    lines.length = 0
    await http.inject({
      method: 'POST',
      url: '/api/v1/app/app_1/msg?secret=1',
      headers: { ...bearer('key'), 'x-secret': 'secret', 'content-type': 'application/json' },
      payload: '{"payload":{"secret":1}}',
    })
    await call('GET', '/secret', 'app')
    assert.equal(lines.length, 2)
    assert.ok(!JSON.stringify(lines).includes('secret'))
    const [first, second] = lines
    assert.deepEqual(Object.keys(first ?? {}).sort(), [
      'durationMs',
      'environment',
      'hostname',
      'level',
      'method',
      'msg',
      'pid',
      'requestId',
      'route',
      'status',
      'time',
    ])
    assert.equal(first?.route, '/api/v1/app/:app_id/msg')
    assert.equal(first?.environment, 'sandbox')
    assert.equal(second?.route, null)
  })

  test('to a preflight allows what the browser asks for', async () => {
    const answer = await http.inject({
      method: 'OPTIONS',
      url: '/api/v1/app/app_1',
      headers: {
        origin: 'https://elsewhere.example',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,x-any',
      },
    })
    assert.equal(answer.statusCode, 204)
    assert.equal(answer.headers['access-control-allow-headers'], 'authorization,x-any')
    assert.equal(answer.headers['access-control-allow-methods'], 'GET, POST, PUT, PATCH, DELETE')
    assert.equal(answer.headers['access-control-max-age'], '600')
  })

  test('cookies count for nothing', async () => {
    assert.equal((await http.inject({ url: '/api/v1/any', headers: { cookie: '__Host-session=key' } })).statusCode, 401)
  })
})

describe('what went wrong', () => {
  const STATUSES: [ErrorCode, number, string][] = [
    ['unreadable_query', 400, 'generic_error'],
    ['invalid_range', 400, 'invalid_range'],
    ['too_many_old_keys', 400, 'limit_reached'],
    ['missing_payload', 400, 'missing_payload'],
    ['no_example', 400, 'invalid_scheme'],
    ['forbidden', 403, 'insufficient access'],
    ['not_found', 404, 'not_found'],
    ['conflict', 409, 'conflict'],
    ['limit_reached', 409, 'limit_reached'],
    ['event_type_exists', 409, 'event_type_exists'],
    ['endpoint_disabled', 409, 'endpoint_disabled'],
    ['task_running', 409, 'task_running'],
    ['idempotency_key_reuse', 409, 'idempotency_key_reuse'],
    ['idempotency_in_progress', 409, 'idempotency_in_progress'],
    ['payload_too_large', 413, 'payload_too_large'],
    ['unsupported_media_type', 415, 'unsupported_media_type'],
    ['rate_limited', 429, 'rate_limited'],
    ['headers_too_large', 431, 'headers_too_large'],
    ['not_implemented', 501, 'not_implemented'],
    ['unavailable', 503, 'unavailable'],
    ['storage_full', 503, 'storage_full'],
  ]
  test.each(STATUSES)('%s is %i %s', async (code, status, word) => {
    thrown = new DomainError(code, 'What happened', { fields: { msgId: 'msg_1' } })
    const answer = await call('GET', '/throw', 'app')
    assert.equal(answer.statusCode, status)
    assert.deepEqual(answer.json(), { code: word, detail: 'What happened', msgId: 'msg_1' })
  })

  test.each([
    ['a database out of reach', new DatabaseUnavailable('unreachable'), 503, 'unavailable', /cannot reach/],
    ['what takes too long', new DatabaseUnavailable('timed_out'), 503, 'unavailable', /took too long/],
    ['a full volume', new DatabaseUnavailable('storage_full'), 503, 'storage_full', /cannot store/],
    ['a busy database', new DatabaseBusy('pool'), 429, 'rate_limited', /busy/],
  ])('%s: come again in a second, with what is true', async (_, error, status, code, detail) => {
    thrown = error
    const answer = await call('GET', '/throw', 'app')
    assert.equal(answer.statusCode, status)
    assert.equal(answer.json().code, code)
    assert.match(answer.json().detail, detail)
    assert.equal(answer.headers['retry-after'], '1')
  })

  test('a database out of reach while the token is judged: 503, not 401', async () => {
    access.fail = new DatabaseUnavailable('unreachable')
    try {
      assert.equal((await call('GET', '/any', 'app')).statusCode, 503)
    } finally {
      access.fail = null
    }
  })

  test('a stated wait is passed on', async () => {
    thrown = new DomainError('rate_limited', 'Slow down', { retryAfterSeconds: 17 })
    assert.equal((await call('GET', '/throw', 'app')).headers['retry-after'], '17')
  })

  test.each([
    ['an error', new Error('canary', { cause: new SyntaxError('canary') })],
    ['an error with a status', Object.assign(new Error('canary'), { statusCode: 404, code: 'X' })],
    ['text', 'canary'],
    ['nothing', undefined],
  ])('a defect is 500 with a reference that the log explains, without a word of it: %s', async (_, defect) => {
    lines.length = 0
    thrown = defect
    const answer = await call('GET', '/throw', 'app')
    assert.equal(answer.statusCode, 500)
    const id = answer.headers['x-request-id']
    assert.deepEqual(answer.json(), { code: 'server_error', detail: `Internal error. Reference: ${String(id)}` })
    const line = lines.find(({ msg }) => msg === 'http.failed')
    assert.equal(line?.requestId, id)
    assert.ok(!JSON.stringify(lines).includes('canary'))
  })
})

describe('outside the families', () => {
  test.each(['/', '/nowhere', '/api', '/api/v2/app', '/api/v1x', '/%zz'])('GET %s is 404 as JSON', async (url) => {
    const answer = await http.inject({ url })
    assert.equal(answer.statusCode, 404)
    assert.deepEqual(answer.json(), { code: 'not_found', detail: 'Entity not found' })
    assert.equal(answer.headers['cache-control'], 'no-store')
  })
})

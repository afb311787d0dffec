import assert from 'node:assert/strict'
import Type, { type TObject } from 'typebox'
import { test } from 'vitest'
import { AnswerJudge, type Described } from '../../../test/answer-judge.ts'
import { bearer, testAccess, testHttp } from '../../../test/http-kernel.ts'
import { bodyOf } from './body.ts'
import { managementRoutes } from './management.ts'
import { collectRoutes, openApiOf } from './openapi.ts'
import { described, type Operation } from './operation.ts'
import { queryOf } from './query.ts'

const ThingIn = Type.Object({ name: Type.String() }, { title: 'ThingIn' })
const ThingOut = Type.Object({ id: Type.String(), note: Type.Optional(Type.String()) }, { title: 'ThingOut' })
const operation: Operation = {
  id: 'v1.thing.create',
  summary: 'Make a thing',
  query: Type.Object({ dry: Type.Optional(Type.Boolean()) }),
  body: ThingIn,
  answers: { 201: ThingOut, 204: null },
  refusals: ['limit_reached'],
}
const operator = { config: { access: 'environment_key' } } as const

/** A server with `POST /api/v1/app/:app_id/thing`, which reads by these schemas, and with what `add` adds. */
async function serverOf(
  schemas: { query?: TObject; body?: TObject } = {},
  add: Parameters<typeof managementRoutes>[2] = () => {},
) {
  const { http } = testHttp()
  const added = collectRoutes(http)
  managementRoutes(
    http,
    testAccess(),
    (routes) => {
      routes.post('/app/:app_id/thing', described(operator, operation), async (request, reply) => {
        queryOf(request, schemas.query ?? operation.query ?? Type.Object({}))
        bodyOf(request, schemas.body ?? ThingIn)
        return await reply.code(201).send({ id: '1' })
      })
      add(routes)
    },
    { notImplemented: [{ method: 'GET', path: '/elsewhere' }] },
  )
  await http.ready()
  const make = async () =>
    await http.inject({ method: 'POST', url: '/api/v1/app/acme/thing', headers: bearer('key'), payload: { name: 'x' } })
  return { make, describe: () => openApiOf(added, { version: '1', events: [] }) }
}

test('a route reads by the schemas that it describes, or fails', async () => {
  const same = await serverOf()
  assert.equal((await same.make()).statusCode, 201)
  const otherQuery = await serverOf({ query: Type.Object({ dry: Type.Optional(Type.Boolean()) }) })
  assert.equal((await otherQuery.make()).statusCode, 500)
  const otherBody = await serverOf({ body: Type.Object({ name: Type.String() }) })
  assert.equal((await otherBody.make()).statusCode, 500)
})

test('an operation has what its route says and what holds for its family', async () => {
  const { describe } = await serverOf()
  const document = describe()
  assert.deepEqual(Object.keys(document.paths), ['/api/v1/app/{app_id}/thing'])
  const { post = {} } = document.paths['/api/v1/app/{app_id}/thing'] ?? {}
  assert.partialDeepStrictEqual(post, {
    operationId: 'v1.thing.create',
    tags: ['thing'],
    security: [{ bearer: [] }],
    parameters: [
      { in: 'path', name: 'app_id' },
      { in: 'query', name: 'dry', required: false },
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/ThingIn' } } },
    },
  })
  const { responses }: { responses?: object } = post
  assert.deepEqual(Object.keys(responses ?? {}), [
    '201',
    '204',
    '400',
    '401',
    '403',
    '404',
    '409',
    '413',
    '415',
    '422',
    '429',
    '500',
    '503',
  ])
  const conflict = Object.keys(document.components.responses ?? {}).find((name) => name.startsWith('management.409'))
  assert.equal(conflict, 'management.409.idempotency_in_progress.idempotency_key_reuse.limit_reached')
})

test('a route without a description, an id or a title given twice are named', async () => {
  const silent = await serverOf({}, (routes) => routes.get('/silent', operator, () => ({})))
  assert.throws(silent.describe, /GET \/api\/v1\/silent/)
  const twice = await serverOf({}, (routes) => routes.get('/again', described(operator, operation), () => ({})))
  assert.throws(twice.describe, /v1\.thing\.create/)
  const ThingAgain = Type.Object({ id: Type.Integer() }, { title: 'ThingOut' })
  const other = { id: 'v1.thing.get', summary: 'Read a thing', answers: { 200: ThingAgain } }
  const titled = await serverOf({}, (routes) => routes.get('/thing', described(operator, other), () => ({})))
  assert.throws(titled.describe, /ThingOut/)
})

test.each([
  [201, 'application/json', '{"id":"1"}', undefined],
  [204, null, '', undefined],
  [404, 'application/json', '{"code":"not_found","detail":"…"}', undefined],
  [200, 'application/json', '{"id":"1"}', /200 is not described/],
  [201, 'text/html', '{"id":"1"}', /text\/html/],
  [201, 'application/json', '{"id":1}', /\/id must be string/],
  [201, 'application/json', '{"id":"1","more":1}', /more/],
  [204, null, '{}', /has a body/],
  [422, 'application/json', '{"code":"x","detail":"…"}', /detail/],
])('an answer %i %s %s is judged by the description', async (status, contentType, text, fault) => {
  const { describe } = await serverOf()
  const document: Described = JSON.parse(JSON.stringify(describe()))
  const judge = new AnswerJudge(document, { closed: true })
  const faults = judge.faultsOf({ method: 'POST', url: '/api/v1/app/a%20b/thing/?dry=true', status, contentType, text })
  if (fault) assert.match(faults.join('\n'), fault)
  else assert.deepEqual(faults, [])
})

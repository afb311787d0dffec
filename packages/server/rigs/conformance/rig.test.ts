import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'
import type { Described } from '../../test/answer-judge.ts'
import { randomOf } from '../chaos/chance.ts'
import { Comparison } from './comparison.ts'
import { type Schema, Schemas } from './fuzz/schema.ts'
import { Values } from './fuzz/values.ts'
import { OracleJudge } from './oracle.ts'
import { loadSdks } from './sdks.ts'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

test.each([
  [[], { ORACLE_DIR: '/nowhere' }, /There is no \/nowhere\/svix-lib-openapi\.json/],
  [['--requests', 'many'], {}, /--requests must be a whole number/],
  [['--unknown'], {}, /unknown/i],
])(
  'without the published descriptions, or with wrong usage, it says so and ends with 2: %j',
  (args, environment, words) => {
    const ended = spawnSync(process.execPath, [MAIN, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.equal(ended.status, 2)
    assert.match(ended.stderr, words)
    const last: object = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '')
    assert.partialDeepStrictEqual(last, {
      operations: { claimed: 0, exercised: 0 },
      behaviours: { passed: 0, failed: 0 },
    })
  },
)

test('what an SDK can call is read from its source', () => {
  const names = loadSdks().map(({ name, operations }) => {
    assert.ok(operations.has('POST /api/v1/app/{app_id}/msg') && operations.size > 80, `${name}: ${operations.size}`)
    return name
  })
  assert.deepEqual(names, ['svix@2.5.0', 'svix@1.99.1'])
})

/** A description with one operation, `POST /thing`. */
function described(taken: Schema, given: Schema, query: string[] = [], status = '200'): Described {
  const operation = {
    parameters: query.map((name) => ({ in: 'query', name })),
    requestBody: { content: { 'application/json': { schema: taken } } },
    responses: { [status]: { content: { 'application/json': { schema: given } } } },
  }
  return { paths: { '/thing': { post: operation } } }
}

const text: Schema = { type: 'string' }
const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
})

test.each<[string, Described, RegExp | null]>([
  ['the same', described(object({ a: text }), object({ b: text }, ['b'])), null],
  ['more given', described(object({ a: text }), object({ b: text, c: text }, ['b', 'c'])), null],
  ['a member that may be missing', described(object({ a: text }), object({ b: text })), /200\.b may be missing/],
  [
    'a member of another type',
    described(object({ a: text }), object({ b: { type: 'integer' } }, ['b'])),
    /200\.b may be integer/,
  ],
  ['a field that is not read', described(object({ z: text }), object({ b: text }, ['b'])), /body\.a is not read/],
  [
    'a field of another type',
    described(object({ a: { type: 'integer' } }), object({ b: text }, ['b'])),
    /body\.a may not be string/,
  ],
  [
    'a field that is required',
    described(object({ a: text }, ['a']), object({ b: text }, ['b'])),
    /body\.a is required/,
  ],
  ['a parameter that is not there', described(object({ a: text }), object({ b: text }, ['b']), []), null],
  ['another status', described(object({ a: text }), object({ b: text }, ['b']), [], '202'), /answers 202/],
])('descriptions are compared: %s', (_, ours, fault) => {
  const theirs = described(object({ a: text }), object({ b: text }, ['b']))
  const faults = new Comparison(ours, theirs).run()
  if (fault) assert.match(faults.join('\n'), fault)
  else assert.deepEqual(faults, [])
})

test('a parameter that theirs has and ours has not is a fault', () => {
  const ours = described(object({ a: text }), text)
  assert.match(new Comparison(ours, described(object({ a: text }), text, ['limit'])).run().join(), /no limit/)
})

test.each([
  [200, '{"a":"x","more":1}', null],
  [200, '{"a":1}', /\/a must be string/],
  [201, '{"a":"x"}', /201 is not described/],
  [413, '{"code":"payload_too_large","detail":"…"}', null],
  [413, '{"detail":"…"}', /no HttpErrorOut/],
])('an answer %i %s is judged by a published description', (status, body, fault) => {
  const judge = new OracleJudge('L', described(text, object({ a: text }, ['a'])))
  const faults = judge.faultsOf({ method: 'POST', url: '/thing', status, contentType: 'application/json', text: body })
  if (fault) assert.match(faults.join('\n'), fault)
  else assert.deepEqual(faults, [])
})

const inner = object(
  { name: { type: 'string', pattern: '^[a-z]{1,3}$' }, at: { type: 'string', format: 'date-time' } },
  ['name'],
)
const whole: Schema = object(
  {
    count: { type: 'integer', minimum: 1, maximum: 250 },
    list: { type: 'array', items: { $ref: '#/components/schemas/Inner' }, maxItems: 3 },
    either: { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
    order: { enum: ['up', 'down'] },
  },
  ['count'],
)

test('values fit their schema, or do not, as asked for; the same seed makes the same ones', () => {
  const schemas = new Schemas({ Inner: inner })
  const make = (seed: number) => {
    const values = new Values(randomOf(seed), schemas, {
      urls: ['http://127.0.0.1:1/'],
      now: new Date('2026-03-06T15:00:00Z'),
    })
    return Array.from({ length: 300 }, () => ({ fitting: values.fitting(whole), unfitting: values.unfitting(whole) }))
  }
  const made = make(1)
  for (const { fitting } of made) assert.ok(schemas.fits(fitting, whole), JSON.stringify(fitting))
  const refused = made.filter(({ unfitting }) => !schemas.fits(unfitting, whole))
  assert.ok(refused.length > made.length / 2, `${refused.length} of ${made.length}`)
  const counts = new Set(made.map(({ fitting }) => (fitting as { count: number }).count))
  assert.ok(counts.has(1) && counts.has(250), 'limits are among them')
  assert.ok(JSON.stringify(make(1)) === JSON.stringify(made), 'the same seed')
  assert.ok(JSON.stringify(make(2)) !== JSON.stringify(made), 'another seed')
})

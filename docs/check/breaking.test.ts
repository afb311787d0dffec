import { expect, test } from 'vitest'
import type { Operation, Schema } from '../site/api-schema.ts'
import { type Api, breaksBetween } from './breaking.ts'

const FIELDS: Schema = {
  type: 'object',
  required: ['id'],
  properties: {
    id: { type: 'string' },
    url: { type: 'string', maxLength: 2_000 },
    state: { type: 'string', enum: ['on', 'off'] },
    rows: { type: 'array', items: { type: 'integer' } },
  },
}

/** An API of one operation that takes and answers the same object. */
function api(fields: Schema, change: (operation: Operation) => object = () => ({})): Api {
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } }
  const operation: Operation = {
    operationId: 'thing.put',
    summary: '',
    parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', maximum: 250 } }],
    requestBody: { content },
    responses: { '200': { content } },
  }
  return {
    paths: { '/thing': { put: { ...operation, ...change(operation) } } },
    components: { schemas: { Thing: fields } },
  }
}

function withField(name: string, field: Schema): Schema {
  return { ...FIELDS, properties: { ...FIELDS.properties, [name]: field } }
}

test('what readers have to bear is no break', () => {
  const grown: Schema = {
    ...withField('more', { type: 'string' }),
    required: ['id'],
  }
  const before = api(FIELDS)
  expect(breaksBetween(before, before)).toEqual([])
  expect(breaksBetween(before, api(grown))).toEqual([])
  const later = api(FIELDS, ({ parameters = [] }) => ({ parameters: [...parameters, { name: 'after', in: 'query' }] }))
  later.paths['/other'] = {}
  expect(breaksBetween(before, later)).toEqual([])
})

const { url: _, ...withoutUrl } = FIELDS.properties ?? {}

test.each<[string, Api, string]>([
  ['an operation goes', { ...api(FIELDS), paths: {} }, 'PUT /thing is gone'],
  [
    'its name for SDKs changes',
    api(FIELDS, () => ({ operationId: 'thing.set' })),
    'PUT /thing has another operationId',
  ],
  ['a parameter goes', api(FIELDS, () => ({ parameters: [] })), 'PUT /thing: parameter query limit is gone'],
  [
    'a parameter becomes required',
    api(FIELDS, ({ parameters = [] }) => ({ parameters: [...parameters, { name: 'a', in: 'query', required: true }] })),
    'PUT /thing: parameter query a is now required',
  ],
  ['a status goes', api(FIELDS, () => ({ responses: { '202': {} } })), 'PUT /thing no longer answers 200'],
  ['a field goes', api({ ...FIELDS, properties: withoutUrl }), 'PUT /thing: 200.url is gone'],
  ['a field may be missing', api({ ...FIELDS, required: [] }), 'PUT /thing: 200.id is no longer always there'],
  ['a field must be given', api({ ...FIELDS, required: ['id', 'url'] }), 'PUT /thing: body.url is now required'],
  [
    'an answer may be null',
    api(withField('url', { type: ['string', 'null'], maxLength: 2_000 })),
    'PUT /thing: 200.url may now be null',
  ],
  ['a type narrows', api(withField('url', { type: 'integer' })), 'PUT /thing: body.url no longer takes string'],
  [
    'a bound narrows',
    api(withField('url', { type: 'string', maxLength: 9 })),
    'PUT /thing: body.url takes less than before',
  ],
  [
    'a value is no longer taken',
    api(withField('state', { type: 'string', enum: ['on'] })),
    'PUT /thing: body.state takes less than before',
  ],
  [
    'members of a list change',
    api(withField('rows', { type: 'array', items: { type: 'string' } })),
    'PUT /thing: 200.rows[] may now be string',
  ],
])('a break is named where %s', (_case, now, sentence) => {
  expect(breaksBetween(api(FIELDS), now)).toContain(sentence)
})

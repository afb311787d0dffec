import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../attempt-world.ts'
import { TestService } from '../service.ts'

/** Event types in from OpenAPI and out to it, and payloads held against their schemas (webhook-api 9.5, 15). Behaviour 51. */

const IMPORT = '/api/v1/event-type/import/openapi'

let service: TestService
beforeAll(async () => {
  service = await TestService.start()
})
afterAll(() => service.close())
beforeEach(async () => {
  for (const { name } of await types('?include_archived=true')) {
    if (!name.startsWith('producersync.')) await service.ok('DELETE', `/api/v1/event-type/${name}?expunge=true`)
  }
})

async function types(query = ''): Promise<Json[]> {
  const separator = query === '' ? '?' : '&'
  const { data } = await service.ok('GET', `/api/v1/event-type${query}${separator}with_content=true&limit=250`)
  return data
}

async function own(): Promise<Json[]> {
  const rows = await types('?include_archived=true')
  return rows
    .filter(({ name }) => !name.startsWith('producersync.'))
    .map((type) => ({ ...type, createdAt: null, updatedAt: null }))
}

const pets = {
  openapi: '3.1.0',
  info: { title: 'Pets', version: '1' },
  components: {
    schemas: {
      Pet: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, owner: { $ref: '#/components/schemas/Person' } },
      },
      Person: {
        type: 'object',
        properties: { name: { type: 'string' }, parent: { $ref: '#/components/schemas/Person' } },
      },
    },
    requestBodies: { Pet: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Pet' } } } } },
  },
  webhooks: {
    'pet.new': {
      post: {
        description: 'A pet came.',
        'x-svix-group-name': 'pet',
        'x-svix-feature-flags': ['beta'],
        requestBody: { $ref: '#/components/requestBodies/Pet' },
      },
    },
    'pet.gone': {
      post: {
        summary: 'A pet left.',
        deprecated: true,
        requestBody: {
          content: {
            'application/json': {
              schema: { type: 'object' },
              examples: { one: { value: { name: 'Rex' } }, two: { value: { name: 'Tom' } } },
            },
          },
        },
      },
    },
  },
}

describe('51: import', () => {
  test('makes types of all webhooks, their references inlined', async () => {
    expect(await service.ok('POST', IMPORT, { spec: pets })).toEqual({ data: { modified: ['pet.gone', 'pet.new'] } })
    const person = { type: 'object', properties: { name: { type: 'string' }, parent: { $ref: '#/$defs/Person' } } }
    expect(await own()).toMatchObject([
      {
        name: 'pet.gone',
        description: 'A pet left.',
        archived: false,
        deprecated: true,
        groupName: null,
        featureFlags: null,
        featureFlag: null,
        schemas: { 1: { type: 'object', examples: [{ name: 'Rex' }, { name: 'Tom' }] } },
      },
      {
        name: 'pet.new',
        description: 'A pet came.',
        archived: false,
        deprecated: false,
        groupName: 'pet',
        featureFlags: ['beta'],
        featureFlag: 'beta',
        schemas: {
          1: {
            type: 'object',
            required: ['name'],
            properties: { name: { type: 'string' }, owner: person },
            $defs: { Person: person },
          },
        },
      },
    ])
  })

  test('a dry run says what it would do, and does nothing', async () => {
    const { data } = await service.ok('POST', IMPORT, { spec: pets, dryRun: true, replaceAll: true })
    expect(data.modified).toEqual(['pet.gone', 'pet.new'])
    expect(data.to_modify).toMatchObject([
      { name: 'pet.gone', description: 'A pet left.', deprecated: true, groupName: null, featureFlags: null },
      { name: 'pet.new', description: 'A pet came.', deprecated: false, groupName: 'pet', featureFlags: ['beta'] },
    ])
    expect(await own()).toEqual([])
  })

  test('import, export and import again give the same types', async () => {
    await service.ok('POST', '/api/v1/event-type', {
      name: 'plain',
      description: 'No schema.',
      featureFlags: ['x', 'y'],
    })
    await service.ok('POST', IMPORT, { spec: pets })
    const before = await own()
    const task = await service.ok('POST', '/api/v1/event-type/export/openapi')
    expect(task).toMatchObject({ task: 'sdk.generate' })
    await service.settled()
    const { status, data } = await service.ok('GET', `/api/v1/background-task/${task.id}`)
    expect([status, data.schemaZip, data.openapi.openapi]).toEqual(['finished', null, '3.1.0'])
    const builtIn = (await types()).filter(({ name }) => name.startsWith('producersync.'))
    for (const { name } of before) await service.ok('DELETE', `/api/v1/event-type/${name}?expunge=true`)
    const { data: imported } = await service.ok('POST', IMPORT, {
      specRaw: JSON.stringify(data.openapi),
      replaceAll: true,
    })
    expect(imported.modified).toEqual(['pet.gone', 'pet.new', 'plain'])
    expect(await own()).toEqual(before)
    expect((await types()).filter(({ name }) => name.startsWith('producersync.'))).toEqual(builtIn)
    // and into the other environment, where there was nothing
    const sandbox = { token: service.keys.sandbox }
    await service.ok('POST', IMPORT, { spec: data.openapi }, sandbox)
    expect((await service.ok('GET', '/api/v1/event-type/pet.new', undefined, sandbox)).groupName).toBe('pet')
  })

  test('what the document does not say stays; archived types come back; replaceAll archives the others, built-in ones apart', async () => {
    await service.ok('POST', '/api/v1/event-type', {
      name: 'pet.new',
      description: 'Old.',
      groupName: 'animals',
      featureFlags: ['a'],
      schemas: { 1: { type: 'object' }, 2: { type: 'object' } },
    })
    await service.ok('DELETE', '/api/v1/event-type/pet.new')
    await service.ok('POST', '/api/v1/event-type', { name: 'other', description: '' })
    const spec = {
      webhooks: {
        'pet.new': { post: { requestBody: { content: { 'application/json': { schema: { title: 'New' } } } } } },
      },
    }
    await service.ok('POST', IMPORT, { spec, replaceAll: true })
    expect(await own()).toMatchObject([
      { name: 'other', archived: true },
      {
        name: 'pet.new',
        description: 'Old.',
        groupName: 'animals',
        featureFlags: ['a'],
        archived: false,
        schemas: { 1: { type: 'object' }, 2: { title: 'New' } },
      },
    ])
    expect((await types()).filter(({ name }) => name.startsWith('producersync.'))).toHaveLength(4)
  })

  test('reads YAML, and x-webhooks', async () => {
    const specRaw = [
      'openapi: 3.0.3',
      'x-webhooks:',
      '  pet.new:',
      '    post:',
      '      description: |',
      '        Two',
      '        lines.',
      '      x-svix-group-name: pet',
      '      requestBody:',
      '        content:',
      '          application/json:',
      '            schema: &any { type: object }',
      '  pet.gone: { post: { requestBody: { content: { application/json: { schema: *any } } } } }',
    ].join('\n')
    await service.ok('POST', IMPORT, { specRaw })
    expect(await own()).toMatchObject([
      { name: 'pet.gone', description: '', schemas: { 1: { type: 'object' } } },
      { name: 'pet.new', description: 'Two\nlines.\n', groupName: 'pet', schemas: { 1: { type: 'object' } } },
    ])
  })

  const laughs = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...'bcdefghi'.split('').map((name, index) => {
      const of = `*${'abcdefgh'[index]}`
      return `${name}: &${name} [${Array.from({ length: 9 }, () => of).join(',')}]`
    }),
  ].join('\n')
  const wide = Array.from({ length: 1_001 }, (_, index) => `  a${index}: {post: {}}`).join('\n')

  test.each([
    { what: 'no source', body: {}, status: 400 },
    { what: 'two sources', body: { spec: pets, specRaw: '{}' }, status: 400 },
    { what: 'no webhooks', body: { spec: { openapi: '3.1.0' } }, status: 422, loc: ['body', 'spec'] },
    { what: 'text that is neither', body: { specRaw: 'a: [' }, status: 422, loc: ['body', 'specRaw'] },
    { what: 'YAML that grows without end', body: { specRaw: laughs }, status: 422, loc: ['body', 'specRaw'] },
    { what: 'YAML without a bottom', body: { specRaw: '['.repeat(100_000) }, status: 422, loc: ['body', 'specRaw'] },
    {
      what: 'too many types',
      body: { specRaw: `webhooks:\n${wide}` },
      status: 422,
      loc: ['body', 'specRaw', 'webhooks'],
    },
    {
      what: 'a bad name',
      body: { spec: { webhooks: { 'a b': { post: {} } } } },
      status: 422,
      loc: ['body', 'spec', 'webhooks', 'a b'],
    },
    {
      what: 'no operation',
      body: { spec: { webhooks: { a: {} } } },
      status: 422,
      loc: ['body', 'spec', 'webhooks', 'a'],
    },
    {
      what: 'a reference to nothing',
      body: { spec: webhook({ $ref: '#/components/schemas/Nothing' }) },
      status: 422,
      loc: ['body', 'spec', 'webhooks', 'a'],
    },
    {
      what: 'no schema',
      body: { spec: webhook({ type: 'nonsense' }) },
      status: 422,
      loc: ['body', 'spec', 'webhooks', 'a'],
    },
  ])('$what is refused, and nothing is changed', async ({ body, status, loc }) => {
    const good =
      'spec' in body && body.spec && 'webhooks' in body.spec
        ? {
            ...body,
            spec: { ...body.spec, webhooks: { ...body.spec.webhooks, ...pets.webhooks }, components: pets.components },
          }
        : body
    const answer = await service.call('POST', IMPORT, good)
    expect(answer.status, answer.text).toBe(status)
    if (loc) expect(answer.body.detail[0].loc).toEqual(loc)
    expect(await own()).toEqual([])
  })

  function webhook(schema: object) {
    return { webhooks: { a: { post: { requestBody: { content: { 'application/json': { schema } } } } } } }
  }

  test('a reference to another document is not fetched', async () => {
    await service.ok('POST', IMPORT, { spec: webhook({ $ref: 'http://127.0.0.1:1/schema.json' }) })
    expect(await own()).toMatchObject([{ schemas: { 1: { $ref: 'http://127.0.0.1:1/schema.json' } } }])
  })
})

describe('payloads where schemas are enforced', () => {
  test('must fit the newest schema of their type, each item of a batch by itself', async () => {
    const account = await service.account()
    const path = `/api/v1/app/${account.id}/msg`
    const strict = { type: 'object', required: ['n'], properties: { n: { type: 'integer', maximum: 9 } } }
    await service.ok('POST', '/api/v1/event-type', { name: 'strict', description: '', schemas: { 1: {}, 2: strict } })
    await service.ok('POST', '/api/v1/event-type', {
      name: 'far',
      description: '',
      schemas: { 1: { $ref: 'https://x.example/s' } },
    })
    const send = (eventType: string, payload: object) => service.call('POST', path, { eventType, payload })
    const enforce = async (value: boolean) => {
      await service.database.open('migrate').query`
        update environment set settings = ${{ enforceSchemas: value }}::jsonb where name = 'production'`
      service.clock.advanceMs(5_000)
    }
    expect((await send('strict', { n: 'secret' })).status).toBe(202)
    await enforce(true)
    const refused = await send('strict', { n: 'secret' })
    expect(refused).toMatchObject({
      status: 422,
      body: { detail: [{ loc: ['body', 'payload', 'n'], msg: 'must be integer' }] },
    })
    expect(refused.text).not.toContain('secret')
    expect((await send('strict', { n: 9 })).status).toBe(202)
    expect((await send('unregistered', { n: 'x' })).status).toBe(202)
    expect((await send('far', {})).body.detail[0].loc).toEqual(['body', 'eventType'])
    const raw = await service.call('POST', path, {
      eventType: 'strict',
      payload: {},
      transformationsParams: { rawPayload: 'no json' },
    })
    expect(raw.body.detail[0].loc).toEqual(['body', 'payload'])
    const messages = [{ n: 1 }, { n: 10 }, { n: 2 }].map((payload) => ({ eventType: 'strict', payload }))
    const { results } = await service.ok('POST', `${path}/batch`, { messages })
    expect(results.map(({ status }: Json) => status)).toEqual([202, 422, 202])
    const first = { eventType: 'strict', payload: { n: 'x' }, application: { name: 'New', uid: 'on-the-fly' } }
    expect((await service.call('POST', '/api/v1/app/on-the-fly/msg', first)).status).toBe(422)
    expect((await service.call('GET', '/api/v1/app/on-the-fly')).status).toBe(404)
    // a changed schema holds within seconds
    await service.ok('PATCH', '/api/v1/event-type/strict', { schemas: { 3: { type: 'object' } } })
    service.clock.advanceMs(5_000)
    expect((await send('strict', { n: 'x' })).status).toBe(202)
    await enforce(false)
    expect((await send('far', {})).status).toBe(202)
  })
})

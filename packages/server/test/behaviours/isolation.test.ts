import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { CAPABILITIES, type Capability, DEFAULT_CAPABILITIES } from '#src/accounts/principal.ts'
import type { Access } from '#src/adapters/http/request.ts'
import type { Answer } from '../api-client.ts'
import {
  BODY_IDS,
  GIVEN_IDS,
  inputsOf,
  type Named,
  notOwn,
  type Owner,
  QUERY_IDS,
  QUERY_WORDS,
} from '../isolation-named.ts'
import { fill, IsolationWorld, type Route } from '../isolation-world.ts'

let world: IsolationWorld
let own: Owner
let foreign: Owner
let deleted: Owner
let sandbox: Owner
let gone: Partial<Named>
let before: string

beforeAll(async () => {
  world = await IsolationWorld.start()
  own = await world.owner('canaryown')
  foreign = await world.owner('canaryforeign')
  deleted = await world.owner('canarydeleted')
  sandbox = await world.owner('canarysandbox', 'sandbox')
  const { service } = world
  await service.ok(
    'POST',
    '/api/v1/event-type',
    { name: 'sandbox.happened', description: 'x' },
    { token: sandbox.account.key },
  )
  await service.ok('DELETE', `/api/v1/app/${deleted.account.id}`)
  gone = await goneOf(own)
  service.clock.advanceMs(1_000) // for so long may a path that accepts remember an account
  before = await stateOfOthers()
})
afterAll(async () => await world.close())

const HIDDEN = 'hidden.happened' // known to environment keys alone
const NOT_FOUND = JSON.stringify({ code: 'not_found', detail: 'Entity not found' })
const KSUID = '0'.repeat(27)

/** What nobody may get to, by parameter: each has to be as unknown as the last. */
const UNKNOWN: Named = {
  app_id: `app_${KSUID}`,
  endpoint_id: `ep_${KSUID}`,
  msg_id: `msg_${KSUID}`,
  attempt_id: `atmpt_${KSUID}`,
  task_id: `qtask_${KSUID}`,
  replay_id: `qtask_${KSUID}`,
  issue_id: `iss_${KSUID}`,
  event_type_name: 'unknown.happened',
  jobId: '00000000-0000-4000-8000-000000000000',
  previewId: '00000000-0000-4000-8000-000000000000',
  npn: '799999999',
  runDate: '2020-01-01',
  member_id: `member_${KSUID}`,
  key_id: `key_${KSUID}`,
  key_secret_id: `secret_${KSUID}`,
  secret_id: `sec_${KSUID}`,
  link_id: `link_${KSUID}`,
  cli_session_id: `cli_${KSUID}`,
  replay_preview_id: `rprev_${KSUID}`,
}

/** What an account has had and deleted, by parameter. */
async function goneOf({ account }: Owner): Promise<Partial<Named>> {
  const app = `/api/v1/app/${account.id}`
  const { service } = world
  const found: Partial<Named> = {}
  for (const [parameter, path, body] of [
    ['endpoint_id', '/endpoint', { url: 'https://example.com/', disabled: true }],
    ['member_id', '/member', { person: 'Gone', role: 'viewer' }],
    ['cli_session_id', '/cli-session', { device: 'gone'.padEnd(16, '-') }],
  ] as const) {
    const { id } = await service.ok('POST', app + path, body, { token: account.key })
    await service.ok('DELETE', `${app}${path}/${id}`, undefined, { token: account.key })
    found[parameter] = id
  }
  return found
}

function isKnown(parameter: string): parameter is keyof Named {
  return Object.hasOwn(UNKNOWN, parameter)
}

/** Values of a parameter that are not the caller's, by what they are. */
function othersOf(route: Route, parameter: keyof Named): Record<string, string> {
  const type = parameter === 'event_type_name'
  const values: Record<string, string> = {
    foreign: type ? HIDDEN : foreign.named[parameter],
    'foreign, deleted': type ? 'removed.happened' : deleted.named[parameter],
    'of the other environment': type ? 'sandbox.happened' : sandbox.named[parameter],
    malformed: 'not an id!',
    long: 'x'.repeat(257),
    broken: `${UNKNOWN[parameter]}\0`,
    unknown: UNKNOWN[parameter],
    ...(gone[parameter] ? { 'own, deleted': gone[parameter] } : {}),
  }
  if (type) return values
  if (parameter === 'runDate') {
    // a day is everybody's
    return { malformed: 'not a day!', long: 'x'.repeat(257), broken: `${UNKNOWN.runDate}\0`, unknown: UNKNOWN.runDate }
  }
  // what may be new may have any name but an id of its own kind
  if (!route.mayBeNew)
    values['of another kind'] = own.named[parameter] === own.named.task_id ? own.named.msg_id : own.named.task_id
  if (!route.mayBeNew && parameter === 'app_id') values['foreign, by uid'] = foreign.canary
  if (!route.mayBeNew && parameter === 'endpoint_id') values['foreign, by uid'] = `ep-${foreign.canary}`
  if (!route.mayBeNew && parameter === 'msg_id') values['foreign, by uid'] = `event-${foreign.canary}`
  return values
}

/** Body and query that are judged last: a refusal before that does not see them, and nothing is ever done. */
async function ask(route: Route, values: Readonly<Record<string, string>>, token: string): Promise<Answer> {
  const path = `${fill(route.path, values)}?limit=x&since=x&with_content=x`
  const hasBody = route.method !== 'GET' && route.method !== 'HEAD'
  const options = hasBody ? { token, rawBody: 'x', headers: { 'content-type': 'text/plain' } } : { token }
  return await world.service.call(route.method, path, undefined, options)
}

/** All that tells one answer from another. */
function looksOf(answer: Answer): string {
  const headers = [...answer.headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
  return JSON.stringify([answer.status, answer.text, headers])
}

/** Asks for each case, a few at a time. */
async function each<T>(cases: readonly T[], check: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < cases.length; at += 16) await Promise.all(cases.slice(at, at + 16).map(check))
}

function managementRoutes(): Route[] {
  return world.described.filter(({ path }) => path.startsWith('/api/v1/'))
}

/** Is its answer one that ends by itself? */
function ends({ path }: Pick<Route, 'path'>): boolean {
  return !path.endsWith('/stream')
}

/** Every route × parameter × value of somebody else's. */
function cases(routes: readonly Route[]) {
  return routes.flatMap((route) =>
    route.parameters.filter(isKnown).flatMap((parameter) =>
      Object.entries(othersOf(route, parameter)).map(([kind, value]) => ({
        ...{ route, parameter, kind },
        values: { ...own.named, [parameter]: value },
        name: `${route.method} ${route.path}: ${parameter} ${kind}`,
      })),
    ),
  )
}

/** What others have, as they see it. */
async function stateOfOthers(): Promise<string> {
  const { service } = world
  const texts = await Promise.all(
    [foreign, sandbox].flatMap(({ account, named }) => {
      const app = `/api/v1/app/${account.id}`
      const paths = [
        '',
        '/endpoint',
        `/endpoint/${named.endpoint_id}/headers`,
        `/endpoint/${named.endpoint_id}/secret`,
        '/msg',
        `/attempt/msg/${named.msg_id}`,
      ]
      return paths.map(async (path) => (await service.call('GET', app + path, undefined, { token: account.key })).text)
    }),
  )
  const types = await service.call('GET', '/api/v1/event-type?include_archived=true')
  return [...texts, types.text].join('\n')
}

describe('19, T04, M15: what is somebody else’s is not there', () => {
  test('the matrix is the description’s, and the description knows every route', () => {
    const nameOf = ({ method, path }: Route) => `${method} ${path}`
    const described = new Map(world.described.map((route) => [nameOf(route), route]))
    const registered = world.routes.filter(({ access, notImplemented }) => access !== undefined && !notImplemented)
    assert.deepEqual(
      registered.filter((route) => !described.has(nameOf(route)) && !/\/(health|ping)/.test(route.path)).map(nameOf),
      [],
    )
    for (const route of registered) {
      const same = described.get(nameOf(route))
      if (same) assert.deepEqual([same.access, same.parameters], [route.access, route.parameters], nameOf(route))
    }
  })

  test('the matrix knows a value for each parameter that a path has', () => {
    const named = new Set(managementRoutes().flatMap((route) => route.parameters))
    assert.ok(managementRoutes().length > 50)
    assert.deepEqual(
      [...named].filter((name) => !isKnown(name)),
      [],
      'say in `Named` what somebody else’s is',
    )
  })

  test.each(['app token', 'read-only token'])('every route, each id in each position, by %s', async (kind) => {
    const body = kind === 'app token' ? { capabilities: CAPABILITIES } : { readOnly: true }
    const token = await world.appToken(own.account, body)
    const looks = new Map<string, Set<string>>()
    await each(cases(managementRoutes()), async ({ route, values, name }) => {
      const answer = await ask(route, values, token)
      const isOperators = route.access === 'environment_key'
      assert.equal(answer.status, isOperators ? 403 : 404, name)
      if (route.method !== 'HEAD' && !isOperators) assert.equal(answer.text, NOT_FOUND, name)
      const group = `${isOperators} ${route.method === 'HEAD'}`
      looks.set(group, (looks.get(group) ?? new Set()).add(looksOf(answer)))
    })
    for (const [group, different] of looks) assert.equal(different.size, 1, `${group}: ${[...different].join('\n')}`)
  })

  test('the matrix knows each parameter of a query, and each member of a body, that names something', () => {
    const inputs = inputsOf(world.document)
    const queries = new Set(inputs.flatMap(({ query }) => query))
    assert.ok(queries.size > 40)
    assert.deepEqual(
      [...queries].filter((name) => !Object.hasOwn(QUERY_IDS, name) && !QUERY_WORDS.has(name)),
      [],
      'say in `QUERY_IDS` what it names, or in `QUERY_WORDS` that it names nothing',
    )
    const members = inputs.flatMap(({ method, path, members }) => members.map((each) => `${method} ${path} ${each}`))
    const known = new Set([...GIVEN_IDS, ...BODY_IDS.map(({ method, path, member }) => `${method} ${path} ${member}`)])
    assert.deepEqual(new Set(members), known, 'say in `BODY_IDS` what it names')
  })

  test('in a query or a body too, what is another’s is answered as what nobody has', async () => {
    const others = { foreign, 'foreign, deleted': deleted, 'of the other environment': sandbox }
    const tokens = new Map(
      managementRoutes().map(({ method, path, access }) => [
        `${method} ${path}`,
        access === 'environment_key' ? own.account.key : access === 'staff' ? null : own.token,
      ]),
    )
    const full = await world.appToken(own.account, { capabilities: CAPABILITIES })
    const lookOf = async (method: string, path: string, body: object | undefined, value: string) => {
      const token = tokens.get(`${method} ${path.split('?', 1)[0]}`) === own.account.key ? own.account.key : full
      const { status, text } = await world.service.call(method, fill(path, own.named), body, { token })
      return `${status} ${text.replaceAll(value, '…')}`
    }
    const asked = inputsOf(world.document)
      .filter(({ method, path }) => tokens.get(`${method} ${path}`) !== null && ends({ path }))
      .flatMap(({ method, path, query }) =>
        query.flatMap((name) => {
          const named = QUERY_IDS[name]
          return named ? [{ method, path, name, named }] : []
        }),
      )
    assert.ok(asked.length > 15)
    for (const { method, path, name, named } of asked) {
      const looks = new Map<string, string>()
      for (const { kind, value } of notOwn(named, others, UNKNOWN)) {
        looks.set(kind, await lookOf(method, `${path}?${name}=${encodeURIComponent(value)}`, undefined, value))
      }
      assert.equal(new Set(looks.values()).size, 1, `${method} ${path} ${name}: ${JSON.stringify([...looks])}`)
    }
    for (const { method, path, member, named, body } of BODY_IDS) {
      const looks = new Map<string, string>()
      for (const { kind, value } of notOwn(named, others, UNKNOWN)) {
        // to the key of the environment the foreign account is its own
        if (named === 'app_id' && kind === 'foreign') continue
        looks.set(kind, await lookOf(method, path, body(value, { now: world.service.clock.now() }), value))
      }
      assert.equal(new Set(looks.values()).size, 1, `${method} ${path} ${member}: ${JSON.stringify([...looks])}`)
    }
  })

  test('by app tokens of another account and of another environment, what is here is not there', async () => {
    const strangers = [foreign.token, sandbox.token, await world.appToken(sandbox.account, { readOnly: true })]
    const routes = managementRoutes().filter(({ parameters }) => parameters.some((name) => name !== 'event_type_name'))
    const looks = new Set<string>()
    for (const token of strangers) {
      await each(routes, async (route) => {
        const isOperators = route.access === 'environment_key'
        const answer = await ask(route, own.named, token)
        assert.equal(answer.status, isOperators ? 403 : 404, `${route.method} ${route.path}`)
        if (route.method !== 'HEAD' && !isOperators) looks.add(looksOf(answer))
      })
    }
    assert.equal(looks.size, 1, [...looks].join('\n'))
  })

  test('O5.1: pages of staff are 404 to app tokens and clients', async () => {
    const client = await world.service.token(own.account)
    const routes = managementRoutes().filter(({ access }) => access === 'staff')
    assert.ok(routes.length > 5)
    for (const token of [own.token, client, await world.appToken(own.account, { capabilities: CAPABILITIES })]) {
      await each(routes, async (route) => {
        const answer = await ask(route, own.named, token)
        assert.equal(answer.status, 404, `${route.method} ${route.path}`)
        if (route.method !== 'HEAD') assert.equal(answer.text, NOT_FOUND)
      })
    }
  })

  test('operations of the environment are 403 to app tokens, for their own objects too', async () => {
    const routes = managementRoutes().filter(({ access }) => access === 'environment_key')
    const looks = new Set<string>()
    await each(routes, async (route) => {
      const answer = await ask(route, own.named, own.token)
      assert.equal(answer.status, 403, `${route.method} ${route.path}`)
      if (route.method !== 'HEAD') looks.add(looksOf(answer))
    })
    assert.equal(looks.size, 1)
  })

  test('by the key of the environment, and of the other one', async () => {
    const looks = new Set<string>()
    const expect404 = async (route: Route, values: Readonly<Record<string, string>>, token: string, name: string) => {
      const answer = await ask(route, values, token)
      assert.equal(answer.status, 404, name)
      if (route.method !== 'HEAD') looks.add(looksOf(answer))
    }
    // to the key of the environment, other accounts of it are its own; a PUT may make any type
    const routes = managementRoutes().filter(
      ({ method, path }) => method !== 'PUT' || !path.includes(':event_type_name'),
    )
    const isOfSome = ({ route, parameter, kind }: ReturnType<typeof cases>[number]) =>
      (kind === 'foreign' || kind === 'foreign, by uid') &&
      (parameter === 'app_id' || !route.parameters.includes('app_id'))
    const ofNobody = cases(routes).filter((each) => !isOfSome(each))
    await each(ofNobody, async ({ route, values, name }) => {
      // an operator may look back at what was done for an account that is gone
      if (name.endsWith('task_id foreign, deleted')) return
      await expect404(route, values, own.account.key, name)
    })
    const addressed = routes.filter(({ parameters }) => parameters.some((name) => name !== 'event_type_name'))
    await each(addressed, async (route) => {
      await expect404(route, own.named, sandbox.account.key, `${route.method} ${route.path}`)
    })
    assert.equal(looks.size, 1, [...looks].join('\n'))
  })

  test('dead tokens are 401, alike, whatever they ask for', async () => {
    const expired = await world.appToken(own.account, { expiry: 3_600 })
    const loggedOut = await world.appToken(own.account, {})
    await world.service.ok('POST', '/api/v1/auth/logout', undefined, { token: loggedOut })
    world.service.clock.advanceMs(3_600_000)
    const looks = new Set<string>()
    const routes = managementRoutes().filter(({ access }) => access !== 'none')
    for (const token of [expired, loggedOut, `appsk_${'A'.repeat(43)}`, 'x']) {
      await each(routes, async (route) => {
        const answer = await ask(route, own.named, token)
        assert.equal(answer.status, 401, `${route.method} ${route.path}`)
        if (route.method !== 'HEAD') looks.add(looksOf(answer))
      })
    }
    assert.equal(looks.size, 1, [...looks].join('\n'))
  })

  test('/v1 and /v2: jobs of others are as unknown as any', async () => {
    const token = await world.service.token(own.account)
    const key = own.account.key
    const routes = world.routes.filter(({ path }) => /^\/v[12]\//.test(path))
    assert.ok(routes.length > 0)
    await each(routes, async (route) => {
      const bare = { ...route, path: `${route.path}` }
      assert.equal((await ask(bare, own.named, 'x')).status, 401, route.path)
      if (route.access === 'producersync.read' || route.access === 'producersync.write') {
        assert.equal((await ask(bare, own.named, key)).status, 403, route.path)
        assert.equal((await ask(bare, own.named, own.token)).status, 403, route.path)
      }
      if (route.access !== 'producersync.read' || !route.parameters.includes('jobId')) return
      const looks = new Set<string>()
      for (const jobId of [foreign.named.jobId, deleted.named.jobId, sandbox.named.jobId, UNKNOWN.jobId]) {
        const path = fill(route.path, { jobId })
        const answer = await world.service.call(route.method, path, undefined, { token })
        assert.equal(answer.status, 404, route.path)
        looks.add(answer.text.replaceAll(jobId, '').replaceAll(/"timestamp":"[^"]*"/g, ''))
      }
      assert.equal(looks.size, 1)
    })
  })

  test('lists show nothing of others', async () => {
    const others = [foreign, deleted, sandbox]
    // what is everybody's is nobody's mark
    const marks = others.flatMap(({ canary, named }) => [
      canary,
      ...Object.values({ ...named, event_type_name: canary, runDate: canary }),
    ])
    const client = await world.service.token(own.account)
    const read = world.routes.filter(
      (route) => route.method === 'GET' && route.access !== 'environment_key' && ends(route),
    )
    await each(read, async (route) => {
      const isManagement = route.path.startsWith('/api/')
      const token = isManagement ? own.token : client
      // a read of a producer under /v2 would wait for its first load
      const values = isManagement ? own.named : { ...own.named, npn: 'nothing' }
      const { text } = await world.service.call('GET', fill(route.path, values), undefined, { token })
      for (const mark of marks) assert.ok(!text.includes(mark), `${route.path} shows ${mark}`)
      assert.ok(!text.includes(HIDDEN), route.path)
    })
  })

  test('and nothing of theirs has changed', async () => {
    assert.equal(await stateOfOthers(), before)
  })
})

describe('20: capabilities', () => {
  test('each route asks for what webhook-api 8 and 2.2 say', () => {
    for (const { method, path, access } of managementRoutes()) {
      if (access !== 'none') assert.equal(access, accessOf(method, path), `${method} ${path}`)
    }
    const free = managementRoutes().filter(({ access }) => access === 'none')
    assert.deepEqual(
      new Set(free.map(({ path }) => path)),
      new Set(['/api/v1/health', '/api/v1/health/ping', '/api/v1/cli-login', '/api/v1/cli-login/token']),
    )
  })

  test('each allows exactly its row', async () => {
    const tokens = new Map<string, { token: string; held: ReadonlySet<string> }>()
    for (const capability of CAPABILITIES) {
      const held = [...new Set<Capability>(['ViewBase', capability])]
      tokens.set(capability, { token: await world.appToken(own.account, { capabilities: held }), held: new Set(held) })
    }
    tokens.set('a client', {
      token: await world.service.token(own.account),
      held: new Set([...DEFAULT_CAPABILITIES, 'ManagePopulation']),
    })
    tokens.set('read-only', {
      token: await world.appToken(own.account, { readOnly: true }),
      held: new Set(['ViewBase']),
    })
    const routes = managementRoutes().filter(
      (route) =>
        route.access !== 'none' && route.access !== 'staff' && !route.path.endsWith('/auth/logout') && ends(route),
    )
    const all = routes.flatMap((route) => [...tokens].map(([name, rest]) => ({ route, name, ...rest })))
    await each(all, async ({ route, name, token, held }) => {
      const { status } = await ask(route, own.named, token)
      const isAllowed = route.access !== undefined && held.has(route.access)
      assert.equal(status === 403, !isAllowed, `${name}: ${route.method} ${route.path}: ${status}`)
      if (isAllowed)
        assert.ok([200, 400, 415, 422].includes(status), `${name}: ${route.method} ${route.path}: ${status}`)
    })
  })

  test('a secret of one’s own for a new endpoint asks for ManageEndpointSecret too', async () => {
    const { service } = world
    const body = { url: 'https://example.com/', secret: `whsec_${Buffer.alloc(32).toString('base64')}`, disabled: true }
    const path = `/api/v1/app/${own.account.id}/endpoint`
    for (const [capabilities, status] of [
      [['ViewBase', 'ManageEndpoint'], 403],
      [['ViewBase', 'ManageEndpointSecret'], 403],
      [['ViewBase', 'ManageEndpoint', 'ManageEndpointSecret'], 201],
    ] as const) {
      const token = await world.appToken(own.account, { capabilities })
      assert.equal((await service.call('POST', path, body, { token })).status, status)
    }
  })

  test('read-only changes nothing, and reads no secret', async () => {
    const token = await world.appToken(own.account, { readOnly: true })
    for (const { method, path, access } of managementRoutes()) {
      if (access !== 'ViewBase' || method === 'GET' || method === 'HEAD') continue
      // a sign-in that somebody approves has his own rights
      const harmless = ['/api/v1/app/:app_id/msg/search', '/api/v1/app/:app_id/cli-login', '/api/v1/auth/logout']
      assert.ok(harmless.includes(path), path)
    }
    const secret = `/api/v1/app/${own.account.id}/endpoint/${own.named.endpoint_id}/secret`
    assert.equal((await world.service.call('GET', secret, undefined, { token })).status, 403)
  })
})

describe('56: operations that are not ours', () => {
  test('are 501 to every live token, 401 without one, as JSON', async () => {
    const { service } = world
    const client = await service.token(own.account, ['producersync.read'])
    const routes = world.routes.filter(({ notImplemented }) => notImplemented)
    assert.ok(routes.length > 150)
    assert.ok(routes.some(({ path }) => path.startsWith('/ingest/api/v1/')))
    const looks = new Set<string>()
    const tokens = [own.account.key, own.token, client]
    const asked = routes.map((route, index) => ({ route, token: tokens[index % tokens.length] ?? '' }))
    await each(asked, async ({ route, token }) => {
      const answer = await ask(route, own.named, token)
      assert.equal(answer.status, 501, `${route.method} ${route.path}`)
      if (route.method !== 'HEAD') looks.add(looksOf(answer))
      assert.equal((await ask(route, own.named, 'x')).status, 401)
    })
    assert.equal(looks.size, 1)
    assert.match([...looks].join(), /not_implemented/)
  })

  test('an unknown path is 404, a wrong method 405 with what it has, each 401 without a token', async () => {
    const { service } = world
    for (const [method, path, status, allow] of [
      ['GET', '/api/v1/nowhere', 404, null],
      ['GET', '/api/v1/app/x/endpoint/y/z', 404, null],
      ['GET', '/ingest/api/v1', 404, null],
      ['GET', '/ingest/api/v1/nowhere', 404, null],
      ['DELETE', '/api/v1/app', 405, 'GET, HEAD, POST, OPTIONS'],
      ['POST', '/api/v1/app/x/endpoint/y', 405, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS'],
      ['POST', '/api/v1/app/x/integration/y', 405, 'GET, HEAD, PUT, DELETE, OPTIONS'],
      ['PATCH', '/ingest/api/v1/source', 405, 'GET, HEAD, POST, OPTIONS'],
      ['GET', '/api/v1/auth/logout', 405, 'POST, OPTIONS'],
    ] as const) {
      for (const slash of ['', '/']) {
        const answer = await service.call(method, path + slash, undefined, { token: own.token })
        assert.deepEqual([answer.status, answer.headers.get('allow')], [status, allow], `${method} ${path}`)
        assert.equal(answer.headers.get('content-type'), 'application/json')
        assert.equal((await service.call(method, path + slash, undefined, { token: 'x' })).status, 401)
      }
    }
  })

  test('3: a trailing slash is the same path, on every route', async () => {
    const read = world.routes.filter(
      (route) => route.method === 'GET' && route.path.startsWith('/api/v1/') && ends(route),
    )
    await each(read, async (route) => {
      const path = fill(route.path, own.named)
      const [plain, slashed] = [
        await world.service.call('GET', path, undefined, { token: own.token }),
        await world.service.call('GET', `${path}/`, undefined, { token: own.token }),
      ]
      assert.equal(looksOf(slashed), looksOf(plain), path)
    })
  })
})

test('routes outside the families judge no bearer token: there are these, and no others', () => {
  const outside = world.routes.filter(({ access }) => access === undefined).map(({ path }) => path)
  assert.deepEqual(
    new Set(outside),
    new Set([
      '/docs',
      '/docs/*',
      '/oauth2/token',
      '/openapi.json',
      '/portal',
      '/portal/session',
      '/portal/session/extend',
      '/portal/session/token',
      '/source-addresses.json',
    ]),
  )
})

/** Who may call an operation of webhook-api 8; capabilities by the table of 2.2. */
function accessOf(method: string, path: string): Access {
  const operation = path.replace('/api/v1', '')
  if (operation.startsWith('/env/')) return 'staff'
  const operators = /^\/(app|operational-webhook\/.*|stats\/usage\/.*)$/
  if (/^\/app\/:app_id\/(member|key|login-link|audit)(\/|$)/.test(operation)) return 'ManageAccount'
  if (operation.endsWith('/secret') && !operators.test(operation)) return 'ViewEndpointSecret'
  if (/\/population\/(preview|change)/.test(operation)) return 'ManagePopulation'
  if (method === 'POST' && operation.includes('/population/')) return 'ManagePopulation'
  if (operation.includes('/cli-session')) return 'CreateAttempts'
  if (method === 'GET' || method === 'HEAD') return operators.test(operation) ? 'environment_key' : 'ViewBase'
  if (operators.test(operation)) return 'environment_key'
  if (/\/secret\/(rotate|:secret_id)$/.test(operation)) return 'ManageEndpointSecret'
  if (operation.startsWith('/app/:app_id/settings')) return 'ManageAccount'
  if (/\/(resend|send-example|recover|replay-missing|bulk-replay)$/.test(operation)) return 'CreateAttempts'
  if (/\/(test-event|signature-check|replay|replay\/preview)$/.test(operation)) return 'CreateAttempts'
  if (/\/msg\/:msg_id\/endpoint\/:endpoint_id\/(retry|cancel|sign)$/.test(operation)) return 'CreateAttempts'
  if (/\/(issue\/:issue_id|notification-rules(\/test)?)$/.test(operation)) return 'ManageEndpoint'
  if (/\/background-task\/:task_id\/(pause|resume|cancel)$/.test(operation)) return 'CreateAttempts'
  if (/\/app\/:app_id\/endpoint(\/:endpoint_id(\/headers|\/cancel-msgs)?)?$/.test(operation)) return 'ManageEndpoint'
  if (operation.endsWith('/msg/search') || operation.endsWith('/cli-login') || operation === '/auth/logout')
    return 'ViewBase'
  return 'environment_key'
}

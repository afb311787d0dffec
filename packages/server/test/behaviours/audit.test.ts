import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { addAuditLine } from '#src/audit/store.ts'
import { leaves, RECORDED_READS, UNRECORDED } from '#src/audit/unrecorded.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type Answer, type TestAccount, TestService } from '../service.ts'

let receiver: Receiver
let service: TestService
let account: TestAccount
let app: string
const operations: { method: string; id: string }[] = []

beforeAll(async () => {
  receiver = await startReceiver()
  const watch = (http: FastifyInstance) => {
    http.addHook('onRoute', ({ method, config }) => {
      if (config?.operation)
        for (const each of [method].flat()) operations.push({ method: each, id: config.operation.id })
    })
  }
  service = await TestService.start({ receivers: [receiver], overrides: { watch } })
  account = await service.account('sandbox')
  app = `/api/v1/app/${account.id}`
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

// biome-ignore lint/suspicious/noExplicitAny: lines as answered
async function linesOf(path = app, query = ''): Promise<any[]> {
  return (await service.ok('GET', `${path}/audit?limit=250${query}`, undefined, { token: account.key })).data
}

async function countLines(): Promise<number> {
  const [row] = await service.database.open('migrate').query<{
    lines: number
  }>`select count(*)::int as lines from audit`
  return row?.lines ?? 0
}

/** What has been made so far, by name. */
const made: Record<string, string> = {}

type Call = [
  method: string,
  path: string,
  body?: unknown,
  options?: { token?: string; headers?: Record<string, string> },
]

/** How each write is made to succeed, in this order. A new route belongs in here. */
const WRITES: [operationId: string, () => Call, remember?: (answer: Answer) => void][] = [
  ['v1.event-type.create', () => ['POST', '/api/v1/event-type', { name: 'a.happened', description: 'x' }]],
  ['v1.event-type.upsert', () => ['PUT', '/api/v1/event-type/a.happened', { description: 'y' }]],
  ['v1.event-type.patch', () => ['PATCH', '/api/v1/event-type/a.happened', { deprecated: true }]],
  ['v1.event-type.import-openapi', () => ['POST', '/api/v1/event-type/import/openapi', { spec: SPEC }]],
  ['v1.event-type.export-openapi', () => ['POST', '/api/v1/event-type/export/openapi', {}]],
  ['v1.event-type.delete', () => ['DELETE', '/api/v1/event-type/a.happened?expunge=true']],
  ['v1.application.create', () => ['POST', '/api/v1/app', { name: 'B', uid: 'b' }]],
  ['v1.application.upsert', () => ['PUT', '/api/v1/app/b', { name: 'C' }]],
  ['v1.application.patch', () => ['PATCH', '/api/v1/app/b', { name: 'D' }]],
  ['v1.application.delete', () => ['DELETE', '/api/v1/app/b']],
  [
    'v1.endpoint.create',
    () => ['POST', `${app}/endpoint`, { url: receiver.url, uid: 'main', headers: { 'x-key': 'sesame' } }],
    ({ body }) => Object.assign(made, { endpoint: body.id }),
  ],
  ['v1.endpoint.patch', () => ['PATCH', `${app}/endpoint/main`, { description: 'The one' }]],
  ['v1.endpoint.set-headers', () => ['PUT', `${app}/endpoint/main/headers`, { headers: { 'x-key': 'open' } }]],
  ['v1.endpoint.patch-headers', () => ['PATCH', `${app}/endpoint/main/headers`, { headers: { 'x-more': 'sesame' } }]],
  ['v1.endpoint.get-secret', () => ['GET', `${app}/endpoint/main/secret`]],
  ['v1.endpoint.rotate-secret', () => ['POST', `${app}/endpoint/main/secret/rotate`, {}]],
  ['v1.endpoint.secret.delete', () => ['DELETE', `${app}/endpoint/main/secret/${made.secret}`]],
  [
    'v1.endpoint.send-example',
    () => ['POST', `${app}/endpoint/main/send-example`, { eventType: 'producersync.npn.activated' }],
  ],
  [
    'v1.endpoint.cancel-msgs',
    () => ['POST', `${app}/endpoint/main/cancel-msgs`, { createdBefore: service.clock.now() }],
  ],
  ['v1.message-attempt.resend', () => ['POST', `${app}/msg/${made.message}/endpoint/main/resend`, {}]],
  ['v1.endpoint.upsert', () => ['PUT', `${app}/endpoint/late`, { url: receiver.url }]],
  [
    'v1.endpoint.replay-missing',
    () => ['POST', `${app}/endpoint/late/replay-missing`, { since: made.start, rate: 1 }],
    ({ body }) => Object.assign(made, { task: body.id }),
  ],
  ['v1.background-task.pause', () => ['POST', `/api/v1/background-task/${made.task}/pause`, {}]],
  ['v1.background-task.resume', () => ['POST', `/api/v1/background-task/${made.task}/resume`, {}]],
  ['v1.background-task.cancel', () => ['POST', `/api/v1/background-task/${made.task}/cancel`, {}]],
  ['v1.endpoint.recover', () => ['POST', `${app}/endpoint/main/recover`, { since: made.start }]],
  ['v1.endpoint.bulk-replay', () => ['POST', `${app}/endpoint/late/bulk-replay`, { since: made.start }]],
  [
    'v1.message-attempt.expunge-content',
    () => ['DELETE', `${app}/msg/${made.message}/attempt/${made.attempt}/content`],
  ],
  ['v1.message.expunge-content', () => ['DELETE', `${app}/msg/${made.message}/content`]],
  ['v1.message.bulk-expunge-content', () => ['POST', `${app}/msg/bulk-expunge`, { ids: [made.message] }]],
  ['v1.message.expunge-all-contents', () => ['POST', `${app}/msg/expunge-all-contents`, {}]],
  [
    'v1.statistics.aggregate-app-stats',
    () => ['POST', '/api/v1/stats/usage/app', { since: made.start, until: made.until }],
  ],
  ['v1.statistics.aggregate-event-types', () => ['PUT', '/api/v1/stats/usage/event-types', {}]],
  ['v1.endpoint.delete', () => ['DELETE', `${app}/endpoint/late`]],
  [
    'v1.operational-webhook.endpoint.create',
    () => ['POST', '/api/v1/operational-webhook/endpoint', { url: receiver.url, uid: 'ops' }],
  ],
  ['v1.operational-webhook.endpoint.upsert', () => ['PUT', `${OPERATIONAL}/ops`, { url: receiver.url, uid: 'ops' }]],
  ['v1.operational-webhook.endpoint.set-headers', () => ['PUT', `${OPERATIONAL}/ops/headers`, { headers: {} }]],
  ['v1.operational-webhook.endpoint.get-secret', () => ['GET', `${OPERATIONAL}/ops/secret`]],
  ['v1.operational-webhook.endpoint.rotate-secret', () => ['POST', `${OPERATIONAL}/ops/secret/rotate`, {}]],
  ['v1.operational-webhook.endpoint.delete', () => ['DELETE', `${OPERATIONAL}/ops`]],
  [
    'v1.member.create',
    () => ['POST', `${app}/member`, { person: 'Ada', role: 'admin' }],
    ({ body }) => Object.assign(made, { member: body.id }),
  ],
  [
    'v1.login-link.create',
    () => ['POST', `${app}/login-link`, { memberId: made.member }],
    ({ body }) => Object.assign(made, { link: body.url.split('#key=')[1] }),
  ],
  [
    'portal.session.open',
    () => ['POST', '/portal/session', { key: made.link }, SAME_ORIGIN],
    ({ headers }) => Object.assign(made, { cookie: headers.get('set-cookie')?.split(';')[0] ?? '' }),
  ],
  [
    'v1.cli-login.decide',
    () => ['POST', `${app}/cli-login`, { userCode: made.userCode, approve: true }, { token: made.sessionToken ?? '' }],
  ],
  [
    'portal.session.close',
    () => ['DELETE', '/portal/session', {}, { headers: { ...SAME_ORIGIN.headers, cookie: made.cookie ?? '' } }],
  ],
  [
    'v1.env.login-link.create',
    () => ['POST', '/api/v1/env/login-link', { account: account.id, person: 'Grace', role: 'admin' }],
    ({ body }) => Object.assign(made, { staffLink: body.id }),
  ],
  ['v1.env.login-link.delete', () => ['DELETE', `/api/v1/env/login-link/${made.staffLink}`]],
  ['v1.member.patch', () => ['PATCH', `${app}/member/${made.member}`, { role: 'viewer' }]],
  ['v1.member.delete', () => ['DELETE', `${app}/member/${made.member}`]],
  [
    'v1.key.create',
    () => ['POST', `${app}/key`, { kind: 'client', name: 'CRM' }],
    ({ body }) => Object.assign(made, { key: body.key.id, keySecret: body.key.secrets[0].id }),
  ],
  ['v1.key.rotate', () => ['POST', `${app}/key/${made.key}/rotate`, {}]],
  ['v1.key.secret.delete', () => ['DELETE', `${app}/key/${made.key}/secret/${made.keySecret}`]],
  ['v1.key.delete', () => ['DELETE', `${app}/key/${made.key}`]],
  ['v1.account-settings.patch', () => ['PATCH', `${app}/settings`, { timeZone: 'America/Chicago', accent: '#0b625c' }]],
  ['v1.account-settings.put-logo', () => ['PUT', `${app}/settings/logo`, { contentType: 'image/png', data: PNG }]],
  ['v1.account-settings.delete-logo', () => ['DELETE', `${app}/settings/logo`]],
  ['v1.env.look.patch', () => ['PATCH', '/api/v1/env/look', { accent: '#0b625c' }]],
  ['v1.env.look.put-logo', () => ['PUT', '/api/v1/env/look/logo', { contentType: 'image/png', data: PNG }]],
  ['v1.env.look.delete-logo', () => ['DELETE', '/api/v1/env/look/logo']],
  [
    'v1.authentication.app-portal-access',
    () => ['POST', `/api/v1/auth/app-portal-access/${account.id}`, {}],
    ({ body }) => Object.assign(made, { token: body.token }),
  ],
  ['v1.authentication.dashboard-access', () => ['POST', `/api/v1/auth/dashboard-access/${account.id}`]],
  ['v1.authentication.logout', () => ['POST', '/api/v1/auth/logout', undefined, { token: made.token ?? '' }]],
  ['v1.authentication.expire-all', () => ['POST', `/api/v1/auth/app/${account.id}/expire-all`, {}]],
  ['v1.endpoint.test-event', () => ['POST', `${app}/endpoint/main/test-event`, { eventType: 'webhook.ping' }]],
  ['v1.endpoint.signature-check', () => ['POST', `${app}/endpoint/main/signature-check`]],
  ['v1.issue.patch', () => ['PATCH', `${app}/issue/${made.issue}`, { state: 'acknowledged' }]],
  ['v1.message.sign', () => ['POST', `${app}/msg/bad/endpoint/failing/sign`]],
  ['v1.message-attempt.retry', () => ['POST', `${app}/msg/bad/endpoint/failing/retry`]],
  ['v1.message-attempt.cancel', () => ['POST', `${app}/msg/bad/endpoint/failing/cancel`]],
  ['v1.replay.start', () => ['POST', `${app}/replay`, { previewId: made.replay }]],
  [
    'v1.notification-rules.set',
    () => [
      'PUT',
      `${app}/notification-rules`,
      { channels: [{ kind: 'chat', name: 'Team', url: receiver.url, rules: ['first_failure'] }] },
    ],
    ({ body }) => Object.assign(made, { channel: body.channels[0].id }),
  ],
  ['v1.notification-rules.test', () => ['POST', `${app}/notification-rules/test`, { channelId: made.channel }]],
  ['v1.population.change', () => ['POST', '/api/v1/app/crowd/population/change', { previewId: made.change }]],
  ['v1.population-job.cancel', () => ['POST', `/api/v1/app/crowd/population/job/${made.job}/cancel`]],
  [
    'v1.cli-session.create',
    () => ['POST', `${app}/cli-session`, { device: 'a device of this test' }],
    ({ body }) => Object.assign(made, { cliSession: body.id }),
  ],
  [
    'v1.cli-session.test-event',
    () => ['POST', `${app}/cli-session/${made.cliSession}/test-event`, { eventType: 'webhook.ping' }],
  ],
  ['v1.cli-session.delete', () => ['DELETE', `${app}/cli-session/${made.cliSession}`]],
  ['v1.settings.patch', () => ['PATCH', '/v1/accounts/settings', { autoSubscribe: false }, ofClient()]],
  ['v1.subscriptions.add', () => ['PUT', '/v1/accounts/subscriptions', ['912484758'], ofClient()]],
  ['v1.subscriptions.replace', () => ['POST', '/v1/accounts/subscriptions', ['912484758'], ofClient()]],
  ['v1.subscriptions.remove', () => ['DELETE', '/v1/accounts/subscriptions', ['912484758'], ofClient()]],
  [
    'v1.sandbox.set-clock',
    () => ['PUT', '/v1/sandbox/clock', { now: new Date(service.clock.now().getTime() + 60_000) }, ofClient()],
  ],
  [
    'v1.sandbox.run',
    () => ['POST', '/v1/sandbox/runs', {}, ofClient()],
    ({ body }) => Object.assign(made, { run: body.run_id }),
  ],
  ['v1.admin-runs.cancel', () => ['POST', `/v1/admin/runs/${made.run}/cancel`]],
  [
    'v1.admin-runs.start',
    () => ['POST', '/v1/admin/runs', { feedId: account.id }],
    ({ body }) => Object.assign(made, { run: body.run_id }),
  ],
  ['v1.admin-runs.release', () => ['POST', `/v1/admin/runs/${made.run}/release`]],
]

const SPEC = { openapi: '3.1.0', webhooks: { 'c.happened': { post: { description: 'x' } } } }
function byField(one: { field: string }, other: { field: string }): number {
  return one.field < other.field ? -1 : 1
}

const OPERATIONAL = '/api/v1/operational-webhook/endpoint'
const SAME_ORIGIN = { headers: { 'sec-fetch-site': 'same-origin', authorization: '' } }
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64')

function ofClient(): { token: string } {
  return { token: made.client ?? '' }
}

/** Before its first 2xx an endpoint gets one request a second, and the clock stands still. */
async function hasAnswered(endpoint: string): Promise<void> {
  const path = `${app}/attempt/endpoint/${endpoint}?status=0`
  const answered = async () => (await service.ok('GET', path, undefined, { token: account.key })).data.length
  await expect.poll(answered).toBeGreaterThan(0)
}

/** What some writes need to be there, made by nobody's request. */
const BEFORE: Readonly<Record<string, () => Promise<unknown>>> = {
  'v1.endpoint.secret.delete': async () => {
    const { data } = await service.ok('GET', `${app}/endpoint/main/secret/list`, undefined, { token: account.key })
    made.secret = data[1].id
  },
  'v1.message-attempt.resend': async () => {
    await hasAnswered('main')
    const [first] = await service.messages(
      account,
      Array.from({ length: 20 }, (_, n) => ({ n })),
    )
    made.message = first ?? ''
    const attempts = async () => await service.attempts(account, first ?? '')
    await expect.poll(async () => (await attempts()).length).toBe(1)
    made.attempt = (await attempts())[0].id
  },
  'v1.cli-login.decide': async () => {
    const asPerson = { headers: { ...SAME_ORIGIN.headers, cookie: made.cookie ?? '' } }
    made.sessionToken = (await service.ok('POST', '/portal/session/token', {}, asPerson)).token
    made.userCode = (await service.ok('POST', '/api/v1/cli-login', { deviceName: 'laptop' })).userCode
  },
  'v1.issue.patch': async () => {
    const failing = { url: receiver.url, uid: 'failing', channels: ['bad'], retrySchedule: [3_600, 3_600] }
    await service.ok('POST', `${app}/endpoint`, failing, { token: account.key })
    await hasAnswered('failing')
    receiver.answer(500)
    await service.message(account, { channels: ['bad'], eventId: 'bad' })
    const issues = async () =>
      (await service.ok('GET', `${app}/issue?endpoint=failing`, undefined, { token: account.key })).data
    await expect.poll(async () => (await issues()).length).toBe(1)
    made.issue = (await issues())[0].id
  },
  // what is being recorded holds the rows that a cancellation takes
  'v1.message-attempt.cancel': async () => {
    const attempts = async () =>
      (await service.ok('GET', `${app}/attempt/endpoint/failing?status=2`, undefined, { token: account.key })).data
    await expect.poll(async () => (await attempts()).length).toBe(2)
  },
  'v1.replay.start': async () => {
    receiver.answer(200)
    const { id } = await service.message(account)
    await expect.poll(async () => (await service.attempts(account, id)).length).toBeGreaterThan(0)
    const all = { kind: 'bulk-replay', endpointIds: ['main'], filter: { state: ['delivered'] } }
    made.replay = (await service.ok('POST', `${app}/replay/preview`, all, { token: account.key })).previewId
  },
  'v1.population.change': async () => {
    const { id } = await service.ok('POST', '/api/v1/app', { name: 'Crowd', uid: 'crowd' }, { token: account.key })
    made.crowd = id
    const path = '/api/v1/app/crowd/population/preview?mode=add'
    made.change = (await service.ok('POST', path, ['700000000'], { token: account.key })).id
  },
  // the job that was made may have ended: one that nobody works on
  'v1.population-job.cancel': async () => {
    made.job = randomUUID()
    await service.database.open('migrate').query`
      insert into population_job (account_id, id, number, change_id, change_type, type, state, requested, distinct_elements,
                                  accepted_at, updated_at, lease_owner, lease_until)
      values (${made.crowd}, ${made.job}::uuid, 1000, ${made.job}::uuid, 'add', 'add', 'pending', 0, 0, ${service.clock.now()},
              ${service.clock.now()}, gen_random_uuid(), now() + interval '1 hour')`
  },
  'v1.member.patch': async () =>
    await service.database.open('migrate').query`update member set role = 'admin' where person = 'Grace'`,
  'v1.admin-runs.release': async () =>
    await service.database.open('migrate').query`update nipr_run set state = 'held' where id = ${made.run}`,
}

describe('S15, T26: every write leaves exactly one line', () => {
  test('each route of the service that changes something does, and what leaves none is named with its reason', async () => {
    made.start = new Date(service.clock.now().getTime() - 3_600_000).toISOString()
    made.until = service.clock.now().toISOString()
    made.client = await service.token(account)
    for (const [id, call, remember] of WRITES) {
      await BEFORE[id]?.()
      const before = await countLines()
      const [method, path, body, options] = call()
      const answer = await service.call(method, path, body, { token: account.key, ...options })
      assert.ok(answer.status < 300, `${id}: ${answer.status} ${answer.text}`)
      assert.equal((await countLines()) - before, 1, id)
      remember?.(answer)
    }
    const done = new Set(WRITES.map(([id]) => id))
    const known = new Set(operations.map(({ id }) => id))
    const due = operations.filter(({ method, id }) => leaves(method, id)).map(({ id }) => id)
    assert.deepEqual(
      [...new Set(due)].filter((id) => !done.has(id)),
      [],
      'say in WRITES how it is called, or in UNRECORDED why it leaves no line',
    )
    for (const id of [...UNRECORDED.keys(), ...RECORDED_READS]) assert.ok(known.has(id), `${id} is no operation`)
    for (const reason of UNRECORDED.values()) assert.ok(reason.length > 10)
  })

  test('what is refused, read, or answered a second time for one Idempotency-Key leaves none', async () => {
    const before = await countLines()
    const options = { token: account.key, headers: { 'idempotency-key': 'one' } }
    await service.ok('POST', `${app}/endpoint`, { url: receiver.url }, options)
    assert.equal(await countLines(), before + 1)
    await service.ok('POST', `${app}/endpoint`, { url: receiver.url }, options)
    await service.ok('GET', `${app}/endpoint`, undefined, options)
    assert.equal((await service.call('POST', `${app}/endpoint`, { url: 'x' }, { token: account.key })).status, 422)
    assert.equal((await service.call('PATCH', `${app}/endpoint/nothing`, {}, options)).status, 404)
    await service.message(account)
    assert.equal(await countLines(), before + 1)
  })

  test('a line says who, what, before and after, when, and from where; no secret', async () => {
    const path = `${app}/endpoint/main`
    const now = service.clock.now()
    const answer = await service.call(
      'PATCH',
      path,
      { url: `${receiver.url}?token=sesame`, disabled: true, metadata: { a: 'sesame' } },
      { token: account.key },
    )
    const [line] = await linesOf()
    line.changes.sort(byField)
    assert.deepEqual(line, {
      id: line.id,
      at: now.toISOString(),
      accountId: account.id,
      who: { kind: 'key', id: line.who.id, name: 'test', role: null },
      operation: 'v1.endpoint.patch',
      summary: 'Change an endpoint',
      target: { kind: 'endpoint', id: made.endpoint },
      changes: [
        { field: 'disabled', before: false, after: true, withheld: false },
        { field: 'disabledReason', before: null, after: 'manual', withheld: false },
        { field: 'metadata', before: null, after: null, withheld: true },
        { field: 'signatureCheck', before: null, after: null, withheld: true },
        { field: 'url', before: receiver.url, after: `${receiver.url}?…`, withheld: false },
      ],
      reason: null,
      address: '127.0.0.1',
      requestId: answer.headers.get('x-request-id'),
    })
    const owner = service.database.open('migrate')
    const kept = await owner.query<{ text: string }>`select row_to_json(a)::text as text from audit a`
    for (const { text } of kept) {
      assert.ok(!text.includes('sesame'), text)
      assert.ok(!/whsec_|appsk_|lk_|cs_[0-9A-Za-z]/.test(text), text)
    }
  })

  test('is found by who, kind, operation, target and time, page by page, and exported', async () => {
    const all = await linesOf()
    assert.ok(all.length > 40)
    const paged: string[] = []
    for (let iterator = '', isDone = false; !isDone; ) {
      const query = iterator === '' ? '' : `&iterator=${iterator}`
      const page = await service.ok('GET', `${app}/audit?limit=7${query}`, undefined, { token: account.key })
      paged.push(...page.data.map(({ id }: { id: string }) => id))
      iterator = page.iterator
      isDone = page.done
    }
    assert.deepEqual(
      paged,
      all.map(({ id }) => id),
    )
    for (const [query, matches] of [
      ['&who=Ada', ({ who }) => who.name === 'Ada'],
      ['&kind=client', ({ who }) => who.kind === 'client'],
      ['&operation=v1.member', ({ operation }) => operation.startsWith('v1.member.')],
      ['&operation=v1.key.delete', ({ operation }) => operation === 'v1.key.delete'],
      [`&target=${made.endpoint}`, ({ target }) => target?.id === made.endpoint],
      [`&to=${made.until}`, ({ at }) => at < (made.until ?? '')],
    ] as [string, (line: (typeof all)[number]) => boolean][]) {
      const expected = all.filter(matches).map(({ id }) => id)
      if (!query.startsWith('&to')) assert.ok(expected.length > 0, query)
      assert.deepEqual(
        (await linesOf(app, query)).map(({ id }) => id),
        expected,
        query,
      )
    }
    const csv = await service.call('GET', `${app}/audit/export`, undefined, { token: account.key })
    assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8')
    assert.equal(csv.text.trimEnd().split('\r\n').length, all.length + 1)
  })

  test('stands in its account, and what concerns the environment in the environment’s', async () => {
    const other = await service.account('sandbox')
    const lines = await linesOf('/api/v1/env')
    assert.equal(lines[0].accountId, other.id)
    assert.ok(lines.some(({ accountId }) => accountId === account.id))
    const own = lines.filter(({ accountId }) => accountId === null)
    assert.ok(own.some(({ operation }) => operation === 'v1.event-type.patch'))
    assert.deepEqual(
      (await linesOf(`/api/v1/app/${other.id}`)).map(({ operation }) => operation),
      ['v1.application.create'],
    )
    assert.equal((await linesOf('/api/v1/env', `&account=${account.id}`)).length, (await linesOf()).length)
  })
})

describe('T26, T30: the audit is append-only, and tampering is found', () => {
  test.each(['api', 'updates', 'worker', 'accept'] as const)(
    'the role %s cannot change or remove a line',
    async (role) => {
      const database = service.database.open(role)
      await assert.rejects(database.query`update audit set reason = 'x'`, /permission denied/)
      await assert.rejects(database.query`delete from audit`, /permission denied/)
    },
  )

  test('a line that was altered, removed or put in breaks the chain; purging does not', async () => {
    const owner = service.database.open('migrate')
    const verify = async (tx: Queryable = owner) => {
      const [row] = await tx.query<{
        lines: number
        broken_at: number | null
      }>`select * from verify_audit(${account.id})`
      return row
    }
    const whole = await verify()
    assert.equal(whole?.broken_at, null)
    const lines = whole?.lines ?? 0
    await owner.query`update audit set actor_name = 'Mallory' where account_id = ${account.id} and number = 5`
    assert.equal((await verify())?.broken_at, 5)
    await owner.query`update audit set actor_name = 'test' where account_id = ${account.id} and number = 5`
    assert.equal((await verify())?.broken_at, null)
    await owner.query`alter table audit disable trigger link`
    await owner.query`update audit set number = -7 where account_id = ${account.id} and number = 7`
    assert.notEqual((await verify())?.broken_at, null)
    await owner.query`update audit set number = 7 where account_id = ${account.id} and number = -7`
    await owner.query`alter table audit enable trigger link`

    // undone in the end: other tests look for these lines
    const purging = owner.transaction({}, async (tx) => {
      const [third] = await tx.query<{ at: Date }>`
        select at from audit where account_id = ${account.id} and number = 3`
      await tx.query`select purge_audit(${new Date((third?.at.getTime() ?? 0) + 1)}::timestamptz, 100000)`
      const purged = await verify(tx)
      assert.equal(purged?.broken_at, null)
      assert.ok((purged?.lines ?? 0) < lines)
      await addAuditLine(
        tx,
        { ids: new IdSource(service.clock) },
        {
          ...{ environment: 'sandbox', accountId: account.id, operation: 'a.test', target: null, changes: [] },
          ...{
            actor: { kind: 'service', id: null, name: null, role: null },
            reason: null,
            address: null,
            requestId: null,
          },
        },
      )
      assert.deepEqual(await verify(tx), { lines: (purged?.lines ?? 0) + 1, broken_at: null })
      throw new Error('undone')
    })
    await assert.rejects(purging, /undone/)
  })

  test('a change whose line cannot be written is not made', async () => {
    const owner = service.database.open('migrate')
    const token = { token: account.key }
    const before = await service.ok('GET', app, undefined, token)
    const endpoints = await service.ok('GET', `${app}/endpoint`, undefined, token)
    const clock = await service.ok('GET', '/v1/sandbox/clock', undefined, ofClient())
    await owner.query`alter table audit add constraint full_up check (false) not valid`
    const refused = [
      await service.call('PATCH', app, { name: 'Unnoticed' }, token),
      await service.call('POST', `${app}/endpoint`, { url: receiver.url }, token),
      await service.call('PUT', '/v1/sandbox/clock', { now: new Date(Date.parse(clock.now) + 60_000) }, ofClient()),
      await service.call('PUT', '/v1/accounts/subscriptions', ['1'], ofClient()),
    ]
    await owner.query`alter table audit drop constraint full_up`
    assert.deepEqual(
      refused.map(({ status }) => status),
      [500, 500, 500, 500],
    )
    assert.deepEqual(await service.ok('GET', app, undefined, token), before)
    assert.deepEqual(await service.ok('GET', `${app}/endpoint`, undefined, token), endpoints)
    assert.deepEqual(await service.ok('GET', '/v1/sandbox/clock', undefined, ofClient()), clock)
    const [row] = await owner.query<{ made: number }>`
      select count(*)::int as made from population_job where account_id = ${account.id} and type = 'add' and number > 1`
    assert.equal(row?.made, 0)
  })

  test('writes of one account at the same moment follow one another', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => service.ok('PATCH', app, { name: `At once ${n}` }, { token: account.key })),
    )
    const [row] = await service.database.open('migrate').query<{ broken_at: number | null }>`
      select broken_at from verify_audit(${account.id})`
    assert.equal(row?.broken_at, null)
  })
})

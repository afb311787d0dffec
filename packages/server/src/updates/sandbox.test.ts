import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'

// Friday, 6 March 2026, 9:00 in Chicago
let receiver: Receiver
let service: TestService
let account: TestAccount
let token: string
let database: Database
beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver], overrides: { connectFeed: undefined } })
  account = await service.account('sandbox')
  token = await service.token(account)
  await service.endpoint(account, receiver)
  database = service.database.open('migrate')
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

// biome-ignore lint/suspicious/noExplicitAny: answers of any operation
async function get(path: string): Promise<any> {
  return await service.ok('GET', path, undefined, { token })
}

describe('a new sandbox account', () => {
  test('can read its two producers at once, and has heard of nothing', async () => {
    const { embedded } = await get('/v1/accounts/subscriptions')
    expect(embedded.subscriptions).toMatchObject([
      { npn: '15645555', source: 'preloaded', dataStatus: 'ready' },
      { npn: '19855109', source: 'preloaded', dataStatus: 'ready' },
    ])
    expect(await get('/v2/entities/15645555')).toMatchObject({
      type: 'INDIVIDUAL',
      firstName: 'Joe',
      middleName: 'A',
      lastName: 'Producer',
      updatedAt: '2026-03-06',
      subscriptionCount: 1,
    })
    const licenses = await get('/v2/entities/19855109/licenses')
    expect(licenses.embedded.licenses).toHaveLength(3)
    expect(typesOf(receiver)).toEqual([])
  })

  test('gets the first data of what it adds within 10 s', async () => {
    await service.ok('PUT', '/v1/accounts/subscriptions', ['912484758', '1234567890'], { token })
    await expect
      .poll(async () =>
        (await get('/v1/accounts/subscriptions')).embedded.subscriptions.map(
          (row: { npn: string; dataStatus: string }) => [row.npn, row.dataStatus],
        ),
      )
      .toEqual([
        ['15645555', 'ready'],
        ['19855109', 'ready'],
        ['912484758', 'ready'],
        ['1234567890', 'not_found'],
      ])
    const { embedded } = await get('/v2/entities')
    expect(embedded.entities.map(({ npn }: { npn: string }) => npn)).toEqual(['15645555', '19855109', '912484758'])
  })
})

describe('a run of the sandbox', () => {
  test('is started by a call, and is over when it is announced', async () => {
    const before = await get('/v2/entities/15645555')
    const started = await service.call('POST', '/v1/sandbox/runs', {}, { token })
    expect(started).toMatchObject({
      status: 202,
      body: { success: true, message: 'Run is in progress', run_id: expect.any(String) },
    })
    await ended(started.body.run_id)
    expect(await get(`/v1/runs/${started.body.run_id}`)).toMatchObject({
      runDate: '2026-03-06',
      state: 'published',
      late: false,
      counts: { accounts: 1, unknown: 1, deferred: 0 },
      errors: [],
    })
    await expect.poll(() => typesOf(receiver).filter((type) => type.endsWith('updates_available'))).toHaveLength(1)
    const { embedded } = await get('/v2/entities?updatedSince=2026-03-06')
    expect(embedded.entities.length).toBeGreaterThanOrEqual(2)
    expect(before.npn).toBe('15645555')
    expect((await get('/v1/sandbox/clock')).now).toMatch(/^2026-03-06T16:[1-5]/)
  })

  test.each([
    [{ runDate: '2026-03-07' }, 'runDate: 2026-03-07 is not a business day'],
    [{ runDate: '2026-03-05' }, 'runDate: 2026-03-05 is before the last run, 2026-03-06'],
    [{ runDate: '2026-03-23' }, 'runDate: 2026-03-23 is more than 14 days ahead'],
    [{ scenario: 'storm' }, 'scenario: must be one of'],
  ])('%j is refused', async (body, message) => {
    const answer = await service.call('POST', '/v1/sandbox/runs', body, { token })
    expect(answer).toMatchObject({ status: 400, body: { message: expect.stringContaining(message) } })
  })

  test('follows its scenario, and leaves out no day', async () => {
    const outcome = async (body: object) => {
      const { run_id } = await service.ok('POST', '/v1/sandbox/runs', body, { token })
      await ended(run_id)
      const { runDate, state, late, counts } = await get(`/v1/runs/${run_id}`)
      return { runDate, state, late, alertNpns: counts.alertNpns }
    }
    expect(await outcome({ scenario: 'fails' })).toMatchObject({ runDate: '2026-03-09', state: 'failed' })
    expect(await outcome({ runDate: '2026-03-10', scenario: 'no_report' })).toMatchObject({ state: 'no_report' })
    expect(await outcome({ runDate: '2026-03-11', scenario: 'fails_once' })).toMatchObject({
      state: 'published',
      late: false,
    })
    expect(await outcome({ scenario: 'late' })).toMatchObject({ runDate: '2026-03-12', state: 'published', late: true })
    const { embedded } = await get('/v1/runs?size=2')
    expect(embedded.runs.map(({ runDate }: { runDate: string }) => runDate)).toEqual(['2026-03-12', '2026-03-11'])
  })

  test('is one at a time, and at most 60 are started in an hour', async () => {
    const start = () => service.call('POST', '/v1/sandbox/runs', { scenario: 'fails' }, { token: newToken })
    const newcomer = await service.account('sandbox')
    const newToken = await service.token(newcomer)
    const first = await start() // waits between its attempts for a clock that stands still
    expect(first.status).toBe(202)
    expect(await start()).toMatchObject({ status: 409, body: { message: 'A run is in progress.' } })
    await ended(first.body.run_id)
    await database.query`
      insert into nipr_run (id, feed_id, run_date, state, trigger, next_try_at, scheduled_at, ended_at)
      select gen_random_uuid(), feed_id, run_date, state, trigger, next_try_at, scheduled_at, ended_at
        from nipr_run, generate_series(2, 60) where id = ${first.body.run_id}`
    const refused = await start()
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000)
    const runs = await service.ok('GET', '/v1/runs', undefined, { token: newToken })
    expect(runs.embedded.runs).toHaveLength(60)
  })

  test('rule 36: moves no clock and no data of another account; in production there is none', async () => {
    const other = await service.account('sandbox')
    const otherToken = await service.token(other)
    const clock = await service.ok('GET', '/v1/sandbox/clock', undefined, { token: otherToken })
    expect(clock.now).toBe(service.clock.now().toISOString())
    expect(await service.ok('GET', '/v1/runs', undefined, { token: otherToken })).not.toHaveProperty('embedded')
    const production = await service.token(await service.account('production'))
    for (const [method, path] of [
      ['POST', '/v1/sandbox/runs'],
      ['GET', '/v1/sandbox/clock'],
      ['PUT', '/v1/sandbox/clock'],
    ] as const) {
      const body = method === 'GET' ? undefined : {}
      expect((await service.call(method, path, body, { token: production })).status).toBe(403)
    }
  })

  test('the clock is set forward only, and what falls due by that starts', async () => {
    const put = (now: string) => service.call('PUT', '/v1/sandbox/clock', { now }, { token })
    expect(await put('2026-03-06T16:15:00Z')).toMatchObject({
      status: 400,
      body: { message: 'now: the clock is not set back' },
    })
    expect((await put('2026-04-30T00:00:00Z')).status).toBe(400)
    expect(await put('2026-03-16T16:00:00.000Z')).toMatchObject({
      status: 200,
      body: { now: '2026-03-16T16:00:00.000Z' },
    })
    const newest = async () => {
      const [run] = await database.query<{ id: string }>`
        select id from nipr_run where feed_id = ${account.id} and run_date = '2026-03-16'`
      return run?.id
    }
    await expect.poll(newest).toBeDefined()
    await ended((await newest()) ?? '')
    expect((await get('/v1/runs')).embedded.runs[0]).toMatchObject({ runDate: '2026-03-16', state: 'published' })
  })

  test('jobs are dated by the clock of the feed, and stay so when it is set forward again', async () => {
    const { job_id } = await service.ok('PUT', '/v1/accounts/subscriptions', ['15645555'], { token })
    const job = () => get(`/v1/accounts/subscriptions/status/${job_id}`)
    await expect.poll(async () => (await job()).state).toBe('succeeded')
    const dated = { createdAt: '2026-03-16', updatedAt: '2026-03-16' }
    expect(await job()).toMatchObject({ ...dated, details: { acceptedAt: expect.stringMatching(/^2026-03-06T/) } })
    await service.ok('PUT', '/v1/sandbox/clock', { now: '2026-03-16T20:00:00.000Z' }, { token })
    expect(await job()).toMatchObject(dated)
  })
})

describe('the operators', () => {
  test('see the runs of all feeds of their environment, whole', async () => {
    const keyed = { token: service.keys.sandbox }
    const { embedded, links } = await service.ok(
      'GET',
      `/v1/admin/runs?feedId=${account.id}&state=published&size=1`,
      undefined,
      keyed,
    )
    expect(embedded.runs).toMatchObject([
      {
        feedId: account.id,
        runDate: '2026-03-16',
        covers: ['2026-03-13', '2026-03-16'],
        trigger: 'schedule',
        durationsMs: { publish: expect.any(Number) },
      },
    ])
    const next = await service.ok('GET', links.next.href.slice(service.url.length), undefined, keyed)
    expect(next.embedded.runs).toMatchObject([{ runDate: '2026-03-12' }])
    const [{ id }] = embedded.runs
    expect((await service.call('POST', `/v1/admin/runs/${id}/release`, {}, keyed)).status).toBe(409)
    expect(
      (await service.call('GET', `/v1/admin/runs/${id}`, undefined, { token: service.keys.production })).status,
    ).toBe(404)
    expect((await service.call('GET', `/v1/admin/runs/${id}`, undefined, { token })).status).toBe(403)
    expect(await service.ok('GET', `/v1/admin/runs/${id}/errors`, undefined, keyed)).not.toHaveProperty('embedded')
  })

  test('see who was told of a run and what it changed for them, and whom the event has not reached', async () => {
    const keyed = { token: service.keys.sandbox }
    const { embedded } = await service.ok(
      'GET',
      `/v1/admin/runs?feedId=${account.id}&state=published&size=1`,
      undefined,
      keyed,
    )
    const [{ id }] = embedded.runs
    const path = `/v1/admin/runs/${id}/announcements`
    const told = async (query = '') => await service.ok('GET', `${path}${query}`, undefined, keyed)
    const all = await told()
    const [{ event, recordsByKind, producersChanged }] = all.embedded.announcements
    expect(all.embedded.announcements).toMatchObject([{ accountId: account.id, waiting: false }])
    expect(event.eventId).toBe(event.id.replace('msg_', 'evt_'))
    expect(producersChanged).toBeGreaterThan(0)
    expect(Object.keys(recordsByKind)).not.toHaveLength(0)
    expect(receiver.verified.map(({ messageId }) => messageId)).toContain(event.id)
    expect(await told('?waiting=true')).not.toHaveProperty('embedded')
    expect((await told('?waiting=false')).links.next.href).toMatch(/waiting=false.*continuationToken=app_/)
    expect(await told(`?continuationToken=${account.id}`)).not.toHaveProperty('embedded')
    expect((await service.call('GET', `${path}?continuationToken=1`, undefined, keyed)).status).toBe(400)
    expect((await service.call('GET', path, undefined, { token: service.keys.production })).status).toBe(404)
    expect((await service.call('GET', path, undefined, { token })).status).toBe(403)
  })

  test('start a run of a feed', async () => {
    const keyed = { token: service.keys.sandbox }
    const { run_id } = await service.ok('POST', '/v1/admin/runs', { feedId: account.id, fullRefresh: true }, keyed)
    await ended(run_id)
    expect(await service.ok('GET', `/v1/admin/runs/${run_id}`, undefined, keyed)).toMatchObject({
      runDate: '2026-03-16',
      state: 'published',
      trigger: 'operator',
      counts: { changedNpns: 0, accounts: 0 },
    })
    expect((await service.call('POST', '/v1/admin/runs', { feedId: 'production' }, keyed)).status).toBe(404)
  })
})

/** Lets waits between attempts pass until the run has ended. */
async function ended(runId: string): Promise<void> {
  const look = async () => {
    service.passWait(250)
    const [run] = await database.query<{ state: string }>`select state from nipr_run where id = ${runId}`
    return run?.state
  }
  await expect.poll(look, { interval: 20 }).toMatch(/published|no_report|failed/)
  service.clock.advanceMs(1_000) // the next run is a later one
  await service.settled()
}

function typesOf({ verified }: Receiver): string[] {
  return verified.map(({ body }) => JSON.parse(body.toString()).type).filter((type: string) => type !== 'webhook.ping')
}

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'

// Friday, 6 March 2026, 9:00 in Chicago
let receiver: Receiver
let service: TestService
let account: TestAccount
let client: { token: string }
beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver], overrides: { connectFeed: undefined } })
  account = await service.account('sandbox')
  client = { token: await service.token(account) }
  await service.endpoint(account, receiver)
  await service.endpoint(account, receiver, { eventTypes: ['producersync.npn.activated'] })
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

// biome-ignore lint/suspicious/noExplicitAny: a day as answered
async function read(path: string): Promise<any> {
  return await service.ok('GET', `/api/v1/app/${account.id}/run${path}`, undefined, { token: account.key })
}

async function run(wanted: object): Promise<void> {
  const { run_id } = await service.ok('POST', '/v1/sandbox/runs', wanted, client)
  const database = service.database.open('migrate')
  const look = async () => {
    service.passWait(250)
    const [row] = await database.query<{ state: string }>`select state from nipr_run where id = ${run_id}`
    return row?.state
  }
  await expect.poll(look, { interval: 20 }).toMatch(/published|failed|no_report/)
}

test('P4: each day has its run or the reason why it has none, what it changed for this account, and its event k of n', async () => {
  expect((await read('')).data).toMatchObject([
    { runDate: '2026-03-06', state: 'scheduled', reason: 'not_due', runId: null, account: null, deliveries: null },
  ])
  await run({ runDate: '2026-03-06' })
  await run({ runDate: '2026-03-09', scenario: 'fails' })
  await run({ runDate: '2026-03-10' })
  await service.settled()
  const { data, done } = await read('')
  expect(
    data.map(({ runDate, state, reason, coveredBy }: Record<string, unknown>) => [runDate, state, reason, coveredBy]),
  ).toEqual([
    ['2026-03-10', 'published', null, null],
    ['2026-03-09', 'failed', 'covered', '2026-03-10'],
    ['2026-03-08', 'no_run', 'weekend', null],
    ['2026-03-07', 'no_run', 'weekend', null],
    ['2026-03-06', 'published', null, null],
  ])
  expect(done).toBe(true)
  const [newest, failed] = data
  expect(newest).toMatchObject({
    late: false,
    startedAt: expect.stringMatching(/Z$/),
    alertsTakenAt: expect.stringMatching(/Z$/),
    alertsTakenAtCentral: expect.stringMatching(/-0[56]:00$/),
    publishedAtCentral: expect.stringMatching(/-0[56]:00$/),
    durationMs: expect.any(Number),
    account: { producersChanged: 1, recordsChanged: expect.any(Number) }, // of the two, 15645555 changes every day
    event: { id: expect.stringMatching(/^msg_/), eventId: expect.stringMatching(/^evt_/) },
    deliveries: { total: 1, delivered: 1, waiting: 0, failed: 0, canceled: 0 },
  })
  expect(failed).toMatchObject({ publishedAt: null, account: null, event: null, deliveries: null })

  const detail = await read('/2026-03-10')
  expect(detail).toMatchObject({ ...newest, covers: ['2026-03-09', '2026-03-10'], errors: [] })
  const { counts } = detail
  const records = Object.values<number>(detail.recordsByKind).reduce((sum, count) => sum + count, 0)
  expect([newest.account.recordsChanged, records]).toEqual([records, counts.inserted + counts.updated + counts.deleted])
  expect(detail.pull.updatedSince).toBe('2026-03-10')
  const pulled = new URL(detail.pull.urls.find((url: string) => url.includes('licenses')))
  expect(await service.call('GET', pulled.pathname + pulled.search, undefined, client)).toMatchObject({ status: 200 })

  const first = await read('?limit=2')
  expect([first.iterator, first.done]).toEqual(['2026-03-09', false])
  const second = await read(`?limit=2&iterator=${first.iterator}`)
  expect(second.data.map(({ runDate }: { runDate: string }) => runDate)).toEqual(['2026-03-08', '2026-03-07'])
  expect((await read(`?limit=2&iterator=${second.prevIterator}`)).data).toEqual(first.data)
  for (const day of ['2026-03-05', '2026-03-11', '2026-02-30', 'today']) {
    const { status } = await service.call('GET', `/api/v1/app/${account.id}/run/${day}`, undefined, {
      token: account.key,
    })
    expect([day, status]).toEqual([day, 404])
  }
})

test('an account of production sees its own counts, and nothing of the feed', async () => {
  const real = await service.account()
  const today = await service.ok('GET', `/api/v1/app/${real.id}/run/2026-03-06`)
  expect(today).toMatchObject({ runDate: '2026-03-06', recordsByKind: null })
  expect(today).not.toHaveProperty('counts')
})

import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DatabaseUnavailable, type Queryable } from '#src/adapters/postgres/database.ts'
import type { Sql } from '#src/adapters/postgres/sql.ts'
import { queryableBy } from '../../test/queryable.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { TestService } from '../../test/service.ts'
import type { AttemptRecord } from './attempt-store.ts'
import { noFailpoint } from './failpoint.ts'
import { readDeliveries } from './pending-store.ts'
import { Recorder } from './recorder.ts'

let api: TestService
let receiver: Receiver
const workerId = randomUUID()

beforeEach(async () => {
  receiver = await startReceiver()
  api = await TestService.start({ receivers: [receiver], environment: { ROLES: 'api' } })
  const migrate = api.database.open('migrate')
  await migrate.query`
    insert into worker (id, lease_until, started_at)
    values (${workerId}, clock_timestamp() + interval '1 hour', clock_timestamp())`
  await migrate.query`update shard set owner = ${workerId}, epoch = 1`
})
afterEach(async () => {
  await api.close()
  await receiver.close()
})

/** Two outcomes of deliveries that are pending: one delivered, one to be tried again. */
async function outcomes(): Promise<AttemptRecord[]> {
  const account = await api.account()
  await api.ok('POST', `/api/v1/app/${account.id}/endpoint`, { url: receiver.url })
  const ids = await api.messages(account, [{ n: 1 }, { n: 2 }])
  const rows = await api.database.open('migrate').query<{ shard: number; deliveryId: string }>`
    select shard, delivery_id as "deliveryId" from pending where event_id = any (${ids}::text[]) order by event_id`
  const now = api.clock.now()
  const deliveries = await readDeliveries(api.database.open('worker'), rows)
  return deliveries.map((delivery, index) => ({
    delivery,
    epoch: 1,
    id: `atmpt_${delivery.eventId.slice('msg_'.length)}`,
    number: 1,
    url: receiver.url,
    outcome: 'responded',
    failureClass: index === 0 ? null : 'http_busy',
    statusCode: index === 0 ? 200 : 500,
    durationMs: 3,
    phase: null,
    address: null,
    security: null,
    timingsMs: [null, 1, null, 2],
    response: Buffer.from(`answer ${index}`),
    responseHeaders: [['x-number', String(index)]],
    sentHeaders: null,
    startedAt: now,
    state:
      index === 0
        ? { status: 'delivered', deliveredAt: now }
        : { status: 'pending', nextAttemptAt: now, attemptsMade: 1 },
    endsPlanned: false,
    announcements: [],
  }))
}

/** So many outcomes like this one, of deliveries that are in no queue. */
function likeness(record: AttemptRecord, count: number): AttemptRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    ...record,
    id: `${record.id.slice(0, -4)}${String(index).padStart(4, '0')}`,
    delivery: { ...record.delivery, deliveryId: randomUUID() },
  }))
}

/** Begins nothing before it is let go on. */
function waitingFor(goOn: Promise<void>, database: Queryable): Queryable {
  const run = async <Row>(statement: Sql): Promise<Row[]> => {
    await goOn
    return await database.run<Row>(statement)
  }
  return queryableBy(run)
}

/** Commits, and the first time nobody learns of it. */
function losingFirstAnswer(database: Queryable): Queryable {
  let calls = 0
  const run = async <Row>(statement: Sql): Promise<Row[]> => {
    const rows = await database.run<Row>(statement)
    calls += 1
    if (calls === 1) throw new DatabaseUnavailable('lost')
    return rows
  }
  return queryableBy(run)
}

function recorderOn(database: Queryable, settle: (record: AttemptRecord, written: boolean) => void): Recorder {
  return new Recorder({
    failpoint: noFailpoint,
    database,
    workerId: () => workerId,
    changeOf: () => undefined,
    settle,
    log: pino({ level: 'silent' }),
    onFlush: () => {},
    announced: () => {},
  })
}

test('outcomes that the next of their lanes wait for are written at once, the second behind the first', async () => {
  const records = await outcomes()
  vi.useFakeTimers({ toFake: ['setTimeout'] }) // what waits for more to write with it waits for ever
  try {
    const settled: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    const recorder = recorderOn(api.database.open('worker'), (record) => {
      if (settled.push(record.id) === records.length) resolve()
    })
    for (const record of records) {
      recorder.add(record, { changesEndpoint: false, isAwaited: true })
      expect(vi.getTimerCount()).toBe(record === records[0] ? 0 : 1)
    }
    await promise
    expect(settled).toEqual(records.map(({ id }) => id))
  } finally {
    vi.useRealTimers()
  }
})

test('an outcome that is waited for is not forgotten where all that may be under way is, and enough for one more statement waits', async () => {
  const [record] = await outcomes()
  if (!record) throw new Error('there is an outcome')
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  try {
    const all = likeness(record, 1_500) // three statements
    let settled = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const recorder = recorderOn(waitingFor(goOn.promise, api.database.open('worker')), () => {
      settled += 1
      if (settled === all.length) resolve()
    })
    for (const [index, each] of all.entries())
      recorder.add(each, { changesEndpoint: false, isAwaited: index === 1_000 })
    goOn.resolve()
    await promise
  } finally {
    vi.useRealTimers()
  }
})

test('outcomes whose commit nobody heard of are written again, and stand there once', async () => {
  const records = await outcomes()
  const settled: [string, boolean][] = []
  const recorder = recorderOn(losingFirstAnswer(api.database.open('worker')), (record, written) =>
    settled.push([record.id, written]),
  )
  for (const record of records) recorder.add(record, { changesEndpoint: false, isAwaited: false })
  await recorder.drain(60_000)

  expect(settled).toEqual(records.map((record) => [record.id, true]))
  const migrate = api.database.open('migrate')
  const attempts = await migrate.query<{ id: string; state: string; response: Buffer }>`
    select id, state, response from attempt where id = any (${records.map((record) => record.id)}::text[]) order by id`
  expect(attempts.map(({ state, response }) => [state, response.toString()])).toEqual([
    ['delivered', 'answer 0'],
    ['pending', 'answer 1'],
  ])
  const pending = await migrate.query<{ event_id: string; attempts_made: number }>`
    select event_id, attempts_made from pending where cause = 'event'`
  expect(pending).toEqual([{ event_id: records[1]?.delivery.eventId, attempts_made: 1 }])
})

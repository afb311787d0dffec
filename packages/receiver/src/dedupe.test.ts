import { randomUUID } from 'node:crypto'
import Redis from 'ioredis-mock'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { emptyDatabase } from '../test/postgres.ts'
import {
  type DedupeStore,
  memory,
  type PostgresQuery,
  postgres,
  postgresTable,
  type RedisCommand,
  redis,
} from './dedupe.ts'
import { fakeClock } from './testing.ts'

// An emulator, with the commands as methods and a Lua interpreter.
const client = new Redis()
const command: RedisCommand = (name, ...args) => Reflect.get(client, name.toLowerCase()).apply(client, args)
const pool = new pg.Pool({ max: 10 })
const query: PostgresQuery = (sql, values) => pool.query(sql, values)

beforeAll(async () => {
  Object.assign(pool.options, await emptyDatabase())
  await pool.query(postgresTable)
  await pool.query(postgresTable) // harmless the second time
})
beforeEach(() => pool.query('truncate producersync_webhook'))
afterAll(() => pool.end())

/** So long, less what a busy machine has taken since. */
function expectAlmost(seconds: number, given: number) {
  expect(seconds).toBeLessThanOrEqual(given)
  expect(seconds).toBeGreaterThan(given / 2)
}

const stores: [string, () => DedupeStore][] = [
  ['memory', () => memory()],
  ['postgres', () => postgres(query)],
  ['redis', () => redis(command, { prefix: `${randomUUID()}:` })],
]

describe.each(stores)('%s', (_, open) => {
  test('what is claimed is busy, what is done is done', async () => {
    const store = open()
    expect(await store.claim('evt_1', 60)).toBe('new')
    expect(await store.claim('evt_1', 60)).toBe('busy')
    expect(await store.claim('evt_2', 60)).toBe('new')
    await store.done('evt_1')
    expect(await store.claim('evt_1', 60)).toBe('done')
    expect(await store.claim('evt_2', 60)).toBe('busy')
  })

  test('what is released is new, what is done stays done', async () => {
    const store = open()
    await store.claim('evt_1', 60)
    await store.release('evt_1')
    expect(await store.claim('evt_1', 60)).toBe('new')
    await store.done('evt_1')
    await store.release('evt_1')
    expect(await store.claim('evt_1', 60)).toBe('done')
  })

  test('of many that claim at once, one gets it', async () => {
    const store = open()
    const claims = await Promise.all(Array.from({ length: 50 }, () => store.claim('evt_1', 60)))
    expect(claims.filter((claim) => claim === 'new')).toHaveLength(1)
    expect(claims.filter((claim) => claim === 'busy')).toHaveLength(49)
  })
})

describe('postgres', () => {
  /** Moves the end of every entry into the past: the clock is the database's. */
  const endAll = () => pool.query("update producersync_webhook set ends_at = now() - interval '1 second'")
  const secondsLeft = async () =>
    Number(
      (await pool.query('select extract(epoch from ends_at - now()) as seconds from producersync_webhook')).rows[0]
        .seconds,
    )

  test('a claim and a handled event last as long as they are told to', async () => {
    const store = postgres(query, { keepSeconds: 3_600 })
    await store.claim('evt_1', 60)
    expectAlmost(await secondsLeft(), 60)
    await store.done('evt_1')
    expectAlmost(await secondsLeft(), 3_600)
    await endAll()
    expect(await store.claim('evt_1', 60)).toBe('new')
  })

  test('of many that take over a claim that has ended, one gets it', async () => {
    const store = postgres(query)
    await store.claim('evt_1', 60)
    await endAll()
    const claims = await Promise.all(Array.from({ length: 50 }, () => store.claim('evt_1', 60)))
    expect(claims.filter((claim) => claim === 'new')).toHaveLength(1)
  })

  test('what has ended is deleted along the way', async () => {
    const store = postgres(query)
    for (const id of ['evt_1', 'evt_2', 'evt_3']) {
      await store.claim(id, 60)
      await store.done(id)
    }
    await endAll()
    await store.claim('evt_4', 60)
    await store.done('evt_4')
    expect((await pool.query('select event_id from producersync_webhook')).rows).toEqual([{ event_id: 'evt_4' }])
  })
})

test('redis: a claim and a handled event end in their time', async () => {
  const prefix = `${randomUUID()}:`
  const store = redis(command, { prefix, keepSeconds: 3_600 })
  await store.claim('evt_1', 60)
  expectAlmost(await client.ttl(`${prefix}evt_1`), 60)
  await store.done('evt_1')
  expectAlmost(await client.ttl(`${prefix}evt_1`), 3_600)
})

describe('memory', () => {
  test('a claim ends in its time, a handled event in its own', async () => {
    const clock = fakeClock()
    const store = memory({ now: clock.now, keepSeconds: 3_600 })
    await store.claim('evt_1', 60)
    clock.advance(59)
    expect(await store.claim('evt_1', 60)).toBe('busy')
    clock.advance(1)
    expect(await store.claim('evt_1', 60)).toBe('new')
    await store.done('evt_1')
    clock.advance(3_599)
    expect(await store.claim('evt_1', 60)).toBe('done')
    clock.advance(1)
    expect(await store.claim('evt_1', 60)).toBe('new')
  })

  test('it remembers retries and replays of a week unless told otherwise', async () => {
    const clock = fakeClock()
    const store = memory({ now: clock.now })
    await store.claim('evt_1', 60)
    await store.done('evt_1')
    clock.advance(7 * 86_400 - 1)
    expect(await store.claim('evt_1', 60)).toBe('done')
  })

  test('beyond its bound the oldest handled event is forgotten', async () => {
    const store = memory({ entriesMax: 3 })
    for (const id of ['evt_1', 'evt_2', 'evt_3', 'evt_4']) {
      await store.claim(id, 60)
      await store.done(id)
    }
    expect(await store.claim('evt_2', 60)).toBe('done')
    expect(await store.claim('evt_4', 60)).toBe('done')
    expect(await store.claim('evt_1', 60)).toBe('new')
  })

  test('beyond its bound no event is claimed, until one under way ends', async () => {
    const clock = fakeClock()
    const store = memory({ entriesMax: 2, now: clock.now })
    await store.claim('evt_1', 60)
    clock.advance(1)
    await store.claim('evt_2', 60)
    expect(await store.claim('evt_3', 60)).toBe('busy')
    clock.advance(59)
    expect(await store.claim('evt_3', 60)).toBe('new')
    expect(await store.claim('evt_4', 60)).toBe('busy')
    await store.done('evt_2')
    expect(await store.claim('evt_4', 60)).toBe('new')
  })
})

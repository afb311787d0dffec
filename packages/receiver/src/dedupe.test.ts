import { randomUUID } from 'node:crypto'
import Redis from 'ioredis-mock'
import { describe, expect, test } from 'vitest'
import { type DedupeStore, memory, type RedisCommand, redis } from './dedupe.ts'
import { fakeClock } from './testing.ts'

// An emulator, with the commands as methods and a Lua interpreter.
const client = new Redis()
const command: RedisCommand = (name, ...args) => Reflect.get(client, name.toLowerCase()).apply(client, args)
const stores: [string, () => DedupeStore][] = [
  ['memory', () => memory()],
  ['redis', () => redis(command, { prefix: `${randomUUID()}:` })],
]

// packages/server/test/dedupe.test.ts has the same for PostgreSQL.
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

test('redis: a claim and a handled event end in their time', async () => {
  const prefix = `${randomUUID()}:`
  const store = redis(command, { prefix, keepSeconds: 3_600 })
  await store.claim('evt_1', 60)
  expect(await client.ttl(`${prefix}evt_1`)).toBe(60)
  await store.done('evt_1')
  expect(await client.ttl(`${prefix}evt_1`)).toBe(3_600)
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

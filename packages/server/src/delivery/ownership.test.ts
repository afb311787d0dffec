import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import pino from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HELD_OPEN } from '../../test/postgres.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'
import { noFailpoint } from './failpoint.ts'
import { LEASE_TIMES, Ownership } from './ownership.ts'

const SHARDS = 256
const ENDPOINTS = 16

let receiver: Receiver
let service: TestService
let account: TestAccount

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
  account = await service.account()
  const { origin } = new URL(receiver.url)
  for (let n = 0; n < ENDPOINTS; n += 1) {
    await service.ok('POST', `/api/v1/app/${account.id}/endpoint`, { url: `${origin}/${n}`, timeoutMs: 30_000 })
  }
  await receiver.received(ENDPOINTS)
  await service.settled()
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

test('an attempt that takes long holds back its own shard only when shards are given to another worker', async () => {
  const held: ServerResponse[] = []
  receiver.answer((response) => void held.push(response))
  const { id } = await service.message(account)
  await receiver.until(() => held.length === ENDPOINTS)
  const joined = await TestService.start({ beside: service, receivers: [receiver], environment: { ROLES: 'worker' } })
  const shares = () => [service, joined].map(({ app }) => app.worker?.ownership.shardCount ?? 0)
  await expect.poll(() => shares()[1]).toBeGreaterThanOrEqual(SHARDS / 2 - ENDPOINTS)
  receiver.answer(200)
  for (const response of held) response.writeHead(200).end()
  await expect.poll(shares).toEqual([SHARDS / 2, SHARDS / 2])
  await service.settled()
  expect((await service.attempts(account, id)).map(({ status }) => status)).toEqual(Array(ENDPOINTS).fill(0))
  expect(receiver.requests).toHaveLength(2 * ENDPOINTS)
  await joined.close()
})

test('what was noted as under way when an owner died is charged by its successor and no one after that', async () => {
  const api = await TestService.start({ environment: { ROLES: 'api' } })
  const noted = randomUUID()
  await api.database.open('migrate').query`
    update shard set owner = ${randomUUID()}, in_hand = ${noted} where number = 7`
  const charged: (string | null)[] = []
  for (let successor = 1; successor <= 2; successor += 1) {
    const ownership = new Ownership({
      database: api.database.open('worker'),
      clock: null,
      log: pino({ level: 'silent' }),
      failpoint: async () => undefined,
      events: {
        gained: (shards) => charged.push(...shards.filter(({ number }) => number === 7).map(({ inHand }) => inHand)),
        releasing: async (shards) => shards,
        lost: () => undefined,
      },
    })
    await ownership.start()
    await ownership.close()
  }
  expect(charged).toEqual([noted, null])
  await api.close()
})

test('shards that are taken while another is given back stay with who took them', async () => {
  const api = await TestService.start({ environment: { ROLES: 'api' } })
  const rows = api.database.open('migrate')
  const other = randomUUID()
  const last = SHARDS - 1
  const lastIsGiven = Promise.withResolvers<void>()
  const ownersOf = async (shards: readonly number[]) =>
    await rows.query<{ owner: string | null }>`
      select distinct owner from shard where number = any (${shards}::smallint[])`
  let takes = 0
  const ownership = new Ownership({
    database: api.database.open('worker'),
    clock: null,
    log: pino({ level: 'silent' }),
    failpoint: async () => {
      takes += 1
      if (takes !== 2) return
      // the takeover is committed and its owner does not know it yet: at this moment the last one is given back
      lastIsGiven.resolve()
      await expect.poll(() => ownersOf([last])).toEqual([{ owner: null }])
    },
    events: {
      gained: () => undefined,
      releasing: async (shards) => {
        const ended = shards.filter((shard) => shard !== last)
        if (ended.length === 0) await lastIsGiven.promise
        return ended.length > 0 ? ended : shards
      },
      lost: () => undefined,
    },
  })
  await ownership.start()
  expect(ownership.shardCount).toBe(SHARDS)
  await rows.query`
    insert into worker (id, lease_until, started_at)
    values (${other}, clock_timestamp() + interval '1 hour', clock_timestamp())`
  await expect.poll(() => ownership.shardCount).toBe(SHARDS / 2 + 1)
  await rows.query`update worker set lease_until = clock_timestamp() where id = ${other}`
  await expect.poll(() => ownership.shardCount).toBe(SHARDS)
  expect(await ownersOf(ownership.shards)).toEqual([{ owner: ownership.workerId }])
  await ownership.close()
  await api.close()
})

test('a worker that lost its lease while it gave shards back keeps those that it gets as somebody new', async () => {
  const api = await TestService.start({ environment: { ROLES: 'api' } })
  const rows = api.database.open('migrate')
  const other = randomUUID()
  const [isLocked, isOwnedAgain] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const asked: (readonly number[])[] = []
  let isLost = false
  const ownership: Ownership = new Ownership({
    database: api.database.open('worker'),
    clock: null,
    log: pino({ level: 'silent' }),
    failpoint: noFailpoint,
    times: { ...LEASE_TIMES, heartbeatMs: 100, lookMs: 100 },
    events: {
      gained: () => {
        if (isLost) isOwnedAgain.resolve()
      },
      releasing: async (shards) => {
        asked.push(shards)
        const first = shards.slice(0, 1)
        // giving it back waits for this transaction, which lasts until the lease has ended and shards are taken anew
        const locking = rows.transaction(HELD_OPEN, async (tx) => {
          await tx.query`select from shard where number = any (${first}::smallint[]) for update`
          isLocked.resolve()
          await isOwnedAgain.promise
        })
        await Promise.race([isLocked.promise, locking])
        await rows.query`delete from worker where id = ${other}`
        await rows.query`update worker set lease_until = clock_timestamp() where id = ${ownership.workerId}`
        return first
      },
      lost: () => {
        isLost = true
      },
    },
  })
  await ownership.start()
  await rows.query`
    insert into worker (id, lease_until, started_at)
    values (${other}, clock_timestamp() + interval '1 hour', clock_timestamp())`
  await expect.poll(() => isLost && ownership.shardCount).toBe(SHARDS)
  expect(asked).toHaveLength(1)
  await api.close()
})

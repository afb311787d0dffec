import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { type TestAccount, TestService } from '../../test/service.ts'
import { Bundles, unpackAccounts } from './bundles.ts'
import type { Failpoint } from './failpoint.ts'

/**
 * What is packed is delivered as what has a row is, whatever happens meanwhile. Seen to fail when
 * - `unpack_bundles` does not look for attempts, or the trigger of `shard` is missing;
 * - a record does not look whether its bundle is there (`kept`), or `unpacked` records are not written again;
 * - `Bundles` does not look for what it never heard of, or for what was let go of memory, or sees only what is young;
 * - a wish that comes while it looks is forgotten.
 */

let receiver: Receiver
let service: TestService
let account: TestAccount
let migrate: Database
let failpoint: Failpoint
let open: ServerResponse[]

beforeEach(async () => {
  receiver = await startReceiver()
  failpoint = () => undefined
  open = []
  service = await TestService.start({ receivers: [receiver], overrides: { failpoint: (name) => failpoint(name) } })
  account = await service.account()
  migrate = service.database.open('migrate')
})
afterEach(async () => {
  await service.close()
  await receiver.close()
})

/** An endpoint that has proven to work; `settings` as in the API. */
async function endpoint(settings: object = {}): Promise<{ id: string; path: string }> {
  const { id } = await service.endpoint(account, receiver, settings)
  receiver.reset()
  return { id, path: `/api/v1/app/${account.id}/endpoint/${id}` }
}

/** From now on requests stay open until `release`. */
function hold(): void {
  receiver.answer((response) => open.push(response))
}

function release(): void {
  receiver.answer(200)
  for (const response of open.splice(0)) response.writeHead(200).end()
}

async function stored() {
  const [row] = await migrate.query<{
    bundles: number
    packed: number
    pending: { attempts: number; queue: number }[]
    attempts: string[]
  }>`
    select (select count(*)::int from pending_bundle) as bundles, (select count(*)::int from packed_delivery) as packed,
           (select coalesce(json_agg(json_build_object('attempts', attempts_made, 'queue', queue)), '[]') from pending) as pending,
           array(select number || ' ' || outcome || ' ' || state from attempt where cause = 'event' order by id) as attempts`
  return row
}

/** So many events at once are worth a bundle; a receiver that holds requests gets them all. */
const COUNT = 8
const DELIVERED = { bundles: 0, packed: 0, pending: [], attempts: Array(COUNT).fill('1 responded delivered') }
const WAITING = { attempts: 0, queue: 0 }

async function publish(): Promise<string[]> {
  return await service.messages(
    account,
    Array.from({ length: COUNT }, (_, n) => ({ n })),
  )
}

test('what a process sends itself, at once, is packed until it is recorded, and has no row besides', async () => {
  await endpoint()
  hold()
  await publish()
  await receiver.received(1)
  expect(await stored()).toEqual({ bundles: 1, packed: COUNT, pending: [], attempts: [] })
  release()
  await service.settled()
  expect(await stored()).toEqual(DELIVERED)
})

test('few events of an account have rows, as a bundle would cost more', async () => {
  await endpoint()
  hold()
  await service.message(account)
  await receiver.received(1)
  expect(await stored()).toEqual({ bundles: 0, packed: 0, pending: [WAITING], attempts: [] })
  release()
})

test('of a bundle what fails has a row from then on, and the rest is gone', async () => {
  await endpoint()
  receiver.answer(500, 200)
  await publish()
  await service.settled()
  const { attempts, ...rest } = (await stored()) ?? {}
  expect(attempts?.toSorted()).toEqual([...DELIVERED.attempts.slice(1), '1 responded pending'])
  expect(rest).toEqual({ bundles: 0, packed: 0, pending: [{ attempts: 1, queue: 1 }] })
  await service.advance({ seconds: 6 })
  expect((await stored())?.attempts.toSorted()).toEqual([
    ...DELIVERED.attempts.slice(1),
    '1 responded pending',
    '2 responded delivered',
  ])
  expect(receiver.overlaps).toEqual([])
})

test('who asks what waits is told of it while it is under way, and it is recorded as any other', async () => {
  await endpoint()
  hold()
  const ids = await publish()
  await receiver.received(1)
  const { data } = await service.ok('GET', `/api/v1/app/${account.id}/delivery?state=sending`)
  expect(data.map(({ msgId }: { msgId: string }) => msgId).toSorted()).toEqual(ids.toSorted())
  expect(await stored()).toMatchObject({ bundles: 0, pending: Array(COUNT).fill(WAITING) })
  release()
  await service.settled()
  expect(await stored()).toEqual(DELIVERED)
  expect(receiver.requests).toHaveLength(COUNT)
})

test('what is unpacked just before it is recorded is recorded once, and nothing is left', async () => {
  await endpoint()
  let times = 0
  failpoint = (name) => {
    if (name !== 'record.before_commit' || times++ > 0) return undefined
    return unpackAccounts(service.database.open('api'), [account.id])
  }
  await publish()
  await receiver.received(COUNT)
  await service.settled()
  expect(times).toBeGreaterThan(1)
  expect(await stored()).toEqual(DELIVERED)
  expect(service.logLines.filter((line) => line.includes('record_failed'))).toEqual([])
  expect(receiver.requests).toHaveLength(COUNT)
})

test('of a bundle that is unpacked only what was not recorded becomes rows', async () => {
  await endpoint()
  receiver.answer(200, (response) => open.push(response))
  await publish()
  await receiver.received(COUNT)
  await expect.poll(async () => (await stored())?.packed).toBe(COUNT - 1)
  await unpackAccounts(service.database.open('api'), [account.id])
  expect(await stored()).toEqual({
    bundles: 0,
    packed: 0,
    pending: Array(COUNT - 1).fill(WAITING),
    attempts: ['1 responded delivered'],
  })
  release()
  await service.settled()
  expect(await stored()).toEqual(DELIVERED)
})

test('a shard that changes hands leaves nothing packed: its new owner finds rows', async () => {
  await endpoint()
  hold()
  await publish()
  await receiver.received(1)
  await migrate.query`
    update shard set owner = ${randomUUID()}, epoch = epoch + 1 where number = (select max(shard) from endpoint)`
  expect(await stored()).toEqual({ bundles: 0, packed: 0, pending: Array(COUNT).fill(WAITING), attempts: [] })
  release()
})

test('the role of the API unpacks what is an account’s, and is not told whose the rest is', async () => {
  const api = service.database.open('api')
  await expect(api.query`select * from unpack_bundles('{}', '{}', now())`).rejects.toThrow('permission denied')
  await expect(api.query`select * from pending_bundle`).rejects.toThrow('permission denied')
})

test('what was committed and nobody heard of is found, and sent once', async () => {
  await endpoint()
  failpoint = (name) => (name === 'accept.after_commit' ? Promise.reject(new Error('the answer is lost')) : undefined)
  await expect(publish()).rejects.toThrow('500')
  expect(await stored()).toEqual({ bundles: 1, packed: COUNT, pending: [], attempts: [] })
  await service.advance({ seconds: 2 })
  await receiver.received(COUNT)
  await service.settled()
  expect(await stored()).toEqual(DELIVERED)
})

describe('a look', () => {
  const workerId = randomUUID()
  const bundlesOf = (done: () => void = () => {}) =>
    new Bundles({
      database: service.database.open('worker'),
      workerId: () => workerId,
      clock: service.clock,
      log: pino({ level: 'silent' }),
      unpacked: () => undefined,
      done,
    })
  const make = async (secondsAgo: number) => {
    await migrate.query`
      insert into pending_bundle (account_id, id, worker_id, created_at, deliveries)
      values (${account.id}, gen_random_uuid(), ${workerId}, ${addMs(service.clock.now(), -secondsAgo * 1_000)}, '[]')`
  }

  test('is at what is young, and once a minute at what was committed long after it was made', async () => {
    const bundles = bundlesOf()
    const left = async () => {
      await bundles.look()
      return (await stored())?.bundles
    }
    await make(30)
    expect(await left()).toBe(0)
    await make(0)
    await make(5)
    await make(30)
    expect(await left()).toBe(2)
    service.clock.advanceTo(addMs(service.clock.now(), 59_000))
    expect(await left()).toBe(1)
    service.clock.advanceTo(addMs(service.clock.now(), 1_000))
    expect(await left()).toBe(0)
  })

  test('is followed by one at all that there is, where that is wished for meanwhile', async () => {
    await make(0)
    const { promise, resolve } = Promise.withResolvers<void>()
    const bundles = bundlesOf(() => {
      if (bundles.isIdle) resolve()
    })
    void bundles.look()
    bundles.unpackSoon()
    await promise
    expect(await stored()).toMatchObject({ bundles: 0 })
  })
})

test('what waits in memory behind a changed endpoint is read anew, and goes where that is now', async () => {
  const { path } = await endpoint({ maxConcurrency: 1 })
  hold()
  await publish()
  await receiver.received(1)
  expect(await stored()).toMatchObject({ bundles: 1, packed: COUNT })
  await service.ok('PATCH', path, { url: `${receiver.url}/moved` })
  release()
  await receiver.received(COUNT + 1) // with the test request that a changed endpoint gets
  await service.settled()
  expect(receiver.requests.map((request) => request.path)).toEqual([
    '/webhooks',
    ...Array(COUNT).fill('/webhooks/moved'),
  ])
  expect(await stored()).toMatchObject({ bundles: 0, packed: 0, pending: [] })
})

test('what is canceled while it is packed is canceled', async () => {
  const { id: endpointId } = await endpoint({ maxConcurrency: 1 })
  hold()
  const ids = await publish()
  await receiver.received(1)
  for (const id of ids.slice(1)) {
    await service.ok('POST', `/api/v1/app/${account.id}/msg/${id}/endpoint/${endpointId}/cancel`)
  }
  release()
  await service.settled()
  expect((await stored())?.attempts.toSorted()).toEqual([
    ...Array(COUNT - 1).fill('1 canceled canceled'),
    '1 responded delivered',
  ])
  expect(receiver.requests).toHaveLength(1)
})

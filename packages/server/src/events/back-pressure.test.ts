import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import { noFailpoint } from '#src/delivery/failpoint.ts'
import { DomainError } from '#src/domain-error.ts'
import type { TestAccount } from '../../test/api-client.ts'
import { TestService } from '../../test/service.ts'
import type { NewEvent } from './accept.ts'
import { AcceptQueue } from './accept-queue.ts'
import type { AcceptCall } from './accept-store.ts'
import { Intake } from './intake.ts'

/** Who sends more than can be stored is told to come again before anything grows, and what was taken on is stored. */

const EVENTS_PER_SECOND = 20
const BURST = 5 * EVENTS_PER_SECOND

let service: TestService

beforeAll(async () => {
  const environment = { ROLES: 'api', PSAPI_SERVER_ACCOUNT_EVENTS_PER_SECOND: String(EVENTS_PER_SECOND) }
  service = await TestService.start({ environment })
})
afterAll(async () => {
  await service.close()
})

function refusal(act: () => void): { code: string; retryAfterSeconds: number | undefined } | null {
  try {
    act()
    return null
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { code: error.code, retryAfterSeconds: error.retryAfterSeconds }
  }
}

function startQueue(parts: { isBusy: boolean; onCommit?: (events: number) => void }): AcceptQueue {
  return new AcceptQueue({
    accept: service.database.open('accept'),
    wake: () => {},
    ownWork: () => null,
    now: () => service.clock.now(),
    statementsMax: 1,
    callMsMax: 120_000,
    isBusy: () => parts.isBusy,
    onCommit: parts.onCommit ?? (() => {}),
    failpoint: noFailpoint,
  })
}

test('events that wait to be stored are bounded: the next call is refused at once, all before it are stored', async () => {
  const account = await service.account()
  const ids = new IdSource(service.clock)
  const queue = startQueue({ isBusy: false })
  // all within one turn of the event loop: nothing is stored meanwhile
  const taken = Array.from({ length: 20 }, () => queue.accept(batchOf(1_000, account, ids)))
  const refused = queue.accept({ events: [newEvent(account, ids)], key: null, items: null })
  await expect(refused).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 })
  const answers = await Promise.all(taken)
  expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['accepted']))
  const [stored] = await service.database.open('migrate').query<{ count: number }>`
    select count(*)::int as count from event where account_id = ${account.id}`
  expect(stored?.count).toBe(20_000)
  expect((await queue.accept({ events: [newEvent(account, ids)], key: null, items: null })).kind).toBe('accepted')
})

describe('in a busy process', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('several callers wait for each other, and who is alone, or fills a statement, waits for nobody', async () => {
    const account = await service.account()
    const ids = new IdSource(service.clock)
    const commits: number[] = []
    const queue = startQueue({ isBusy: true, onCommit: (events) => void commits.push(events) })
    const accept = async (events: number) => await queue.accept(batchOf(events, account, ids))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await accept(1)
    await accept(2)
    await Promise.all([accept(3), accept(4)])
    await accept(500)
    expect(commits.splice(0)).toEqual([1, 2, 7, 500])

    await Promise.all([accept(3), accept(4)])
    const early = accept(5)
    await turns(5)
    const late = accept(6)
    await turns(5)
    expect(commits).toEqual([7])
    vi.advanceTimersByTime(10)
    await Promise.all([early, late])
    expect(commits.splice(0)).toEqual([7, 11])

    const last = accept(8)
    await turns(5)
    vi.advanceTimersByTime(10)
    await last
    await accept(9)
    expect(commits).toEqual([8, 9])
  })
})

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await setImmediate()
}

function batchOf(count: number, account: TestAccount, ids: IdSource): AcceptCall {
  const events = Array.from({ length: count }, () => newEvent(account, ids))
  return { events, key: null, items: events.map((_, item) => item) }
}

function newEvent({ id, environment }: TestAccount, ids: IdSource): NewEvent {
  return {
    accountId: id,
    environment,
    id: `msg_${ids.next().ksuid}`,
    createdAt: service.clock.now(),
    type: 'test.happened',
    payload: Buffer.from('{}'),
    payloadExpiresAt: new Date(service.clock.now().getTime() + 86_400_000),
    cause: 'event',
  }
}

describe('an account', () => {
  test('that sends too fast gets 429 with Retry-After, and others do not; after that wait it may go on', async () => {
    const [fast, other] = [await service.account(), await service.account()]
    const send = (account: TestAccount, events: number) => {
      const messages = Array.from({ length: events }, () => ({ eventType: 'test.happened', payload: {} }))
      return service.call('POST', `/api/v1/app/${account.id}/msg/batch`, { messages }, { token: account.key })
    }
    expect((await send(fast, BURST)).status).toBe(202)
    const refused = await send(fast, 1)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect((await send(other, 1)).status).toBe(202)
    service.clock.advanceMs(1_000)
    expect((await send(fast, 1)).status).toBe(202)
  })

  test('with too much that is pending is refused until it has been delivered', async () => {
    const account = await service.account()
    const path = `/api/v1/app/${account.id}/endpoint`
    await service.ok('POST', path, { url: 'https://93.184.216.34/' }, { token: account.key })
    const limits = { eventsPerSecond: 1_000_000, burstSeconds: 5, bytesPerSecond: 1_000_000, pendingMax: 3 }
    const intake = new Intake({ limits, clock: service.clock, database: service.database.open('accept') })
    const admit = () => refusal(() => intake.admit(account.id, 10_000, 1))
    expect(admit()).toBeNull()
    await service.messages(account, [{ n: 1 }, { n: 2 }, { n: 3 }])
    await expect
      .poll(() => {
        service.clock.advanceMs(1_000)
        return admit()
      })
      .toEqual({ code: 'rate_limited', retryAfterSeconds: 5 })
    await service.database.open('migrate').query`delete from pending where account_id = ${account.id}`
    await expect
      .poll(() => {
        service.clock.advanceMs(4_000)
        return admit()
      })
      .toBeNull()
  })
})

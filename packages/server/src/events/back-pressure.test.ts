import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import { noFailpoint } from '#src/delivery/failpoint.ts'
import { DomainError } from '#src/domain-error.ts'
import type { TestAccount } from '../../test/api-client.ts'
import { TestService } from '../../test/service.ts'
import type { NewEvent } from './accept.ts'
import { AcceptQueue } from './accept-queue.ts'
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

test('events that wait to be stored are bounded: the next call is refused at once, all before it are stored', async () => {
  const account = await service.account()
  const ids = new IdSource(service.clock)
  const queue = new AcceptQueue({
    accept: service.database.open('accept'),
    wake: () => {},
    ownWork: () => null,
    now: () => service.clock.now(),
    statementsMax: 1,
    callMsMax: 120_000,
    onCommit: () => {},
    failpoint: noFailpoint,
  })
  const thousand = () => Array.from({ length: 1_000 }, () => newEvent(account, ids))
  const items = Array.from({ length: 1_000 }, (_, item) => item)
  // all within one turn of the event loop: nothing is stored meanwhile
  const taken = Array.from({ length: 20 }, () => queue.accept({ events: thousand(), key: null, items }))
  const refused = queue.accept({ events: [newEvent(account, ids)], key: null, items: null })
  await expect(refused).rejects.toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 })
  const answers = await Promise.all(taken)
  expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['accepted']))
  const [stored] = await service.database.open('migrate').query<{ count: number }>`
    select count(*)::int as count from event where account_id = ${account.id}`
  expect(stored?.count).toBe(20_000)
  expect((await queue.accept({ events: [newEvent(account, ids)], key: null, items: null })).kind).toBe('accepted')
})

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

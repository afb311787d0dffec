import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { day, FeedWorld, producer } from '../../test/feed-world.ts'
import { range, type TestAccount } from '../../test/population-world.ts'
import type { FeedParts } from './feed-parts.ts'
import { callFeed, leaseFeeds } from './feed-store.ts'
import { FeedRunner } from './runner.ts'

let feed: FeedWorld
let account: TestAccount
let runners: FeedRunner[] = []
beforeAll(async () => {
  feed = await FeedWorld.start()
})
afterAll(() => feed.close())
beforeEach(async () => {
  await feed.reset()
  account = await feed.world.addAccount()
  feed.nipr.producers.set('11', producer('11'))
  await feed.monitor(account, ['11'])
  return async () => {
    for (const runner of runners) await runner.close()
    runners = []
  }
})

function startRunner(database?: FeedParts['database']): FeedRunner {
  const runner = new FeedRunner(feed.parts(database))
  runner.start()
  runners.push(runner)
  return runner
}

async function states(): Promise<string[]> {
  const rows = await feed.world.owner.query<{ run_date: string; state: string }>`
    select run_date, state from nipr_run order by run_date`
  return rows.map(({ run_date, state }) => `${run_date} ${state}`)
}

describe('a runner', () => {
  test('rule 6: starts the run of a business day at 10:15, repeats every 15 min, and ends it when there is a report', async () => {
    await feed.world.owner.query`update nipr_feed set owed_from = '2026-03-06'`
    startRunner()
    await expect.poll(states).toEqual(['2026-03-06 collecting'])
    const asked = () => feed.nipr.asked.filter((each) => each === '2026-03-06 RIRS').length
    for (let round = 1; round <= 3; round += 1) {
      await expect.poll(asked).toBe(round)
      await expect.poll(() => feed.clock.nextAlarmAt?.getTime()).toBe(feed.clock.now().getTime() + 15 * 60_000)
      feed.clock.advanceMs(15 * 60_000)
    }
    feed.nipr.alerted.set('2026-03-06', ['11'])
    await expect.poll(asked).toBe(4)
    await expect.poll(states).toEqual(['2026-03-06 published'])
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
    // over the weekend there is nothing but the cleaning at 02:00, then Monday's run
    for (const at of ['2026-03-07T08:00:00Z', '2026-03-08T08:00:00Z', '2026-03-09T07:00:00Z', '2026-03-09T15:15:00Z']) {
      await expect.poll(() => feed.clock.nextAlarmAt).toEqual(new Date(at))
      feed.clock.advanceTo(at)
    }
    await expect.poll(states).toEqual(['2026-03-06 published', '2026-03-09 collecting'])
  })

  test('rule 9: one that dies is followed by another within 10 s, which goes on with its run', async () => {
    await feed.world.owner.query`update nipr_feed set owed_from = '2026-03-06'`
    const npns = range(100, 160)
    for (const npn of npns) feed.nipr.producers.set(npn, producer(npn))
    await feed.monitor(account, npns)
    feed.nipr.alerted.set('2026-03-06', npns)
    for (const npn of npns) feed.nipr.producers.set(npn, producer(npn, { name: 'Changed' }))
    // whoever holds the feed has died, in the middle of reading details: its lease is never renewed
    await leaseFeeds(feed.world.updates, crypto.randomUUID(), 8_000, 1, feed.clock.now())
    await feed.begin('2026-03-06')
    await feed.world.owner.query`update nipr_run set state = 'collecting', started_at = now()`
    startRunner()
    await expect.poll(states).toEqual(['2026-03-06 published'])
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
  })

  test('several share the feeds: each run is made once', async () => {
    await feed.world.owner.query`update nipr_feed set owed_from = '2026-03-06'`
    feed.nipr.alerted.set('2026-03-06', ['11'])
    for (let count = 0; count < 3; count += 1) startRunner()
    await expect.poll(states).toEqual(['2026-03-06 published'])
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
    expect(feed.nipr.asked.filter((each) => each === '2026-03-06 RIRS')).toHaveLength(1)
  })

  test('a feed that is called while it is worked on is worked on again', async () => {
    const { updates, owner } = feed.world
    const [isReleasing, isCalled] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    startRunner({
      run: (statement) => updates.run(statement),
      transaction: (options, work) => updates.transaction(options, work),
      query: async (strings, ...values) => {
        if (strings.join('').includes('lease_owner = null')) {
          isReleasing.resolve()
          await isCalled.promise
        }
        return await updates.query(strings, ...values)
      },
    })
    await isReleasing.promise // it has found that there is nothing to do for a quarter of an hour
    expect(await states()).toEqual(['2026-03-06 collecting'])
    feed.nipr.alerted.set('2026-03-06', ['11'])
    await owner.query`update nipr_run set next_try_at = ${feed.clock.now()}`
    await updates.transaction({}, (tx) => callFeed(tx, 'production', feed.clock.now()))
    isCalled.resolve()
    await expect.poll(states).toEqual(['2026-03-06 published'])
  })

  test('days that are too old are noted as lost, once', async () => {
    feed.clock.advanceTo('2026-03-23T15:15:00Z')
    await feed.world.owner.query`update nipr_feed set cleaned_on = '2026-03-23'`
    feed.nipr.alerted.set('2026-03-23', [])
    startRunner()
    await expect.poll(states).toEqual(['2026-03-23 published'])
    expect(await feed.feed()).toMatchObject({
      lostDays: [day('2026-03-05'), day('2026-03-06')],
      owedFrom: '2026-03-09',
    })
  })
})

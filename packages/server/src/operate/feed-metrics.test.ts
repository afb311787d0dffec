import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { STANDARD_CALENDAR } from '#src/updates/schedule.ts'
import { FeedWorld, producer } from '../../test/feed-world.ts'
import { observeFeed } from './feed-metrics.ts'

let feed: FeedWorld
beforeAll(async () => {
  feed = await FeedWorld.start()
})
afterAll(() => feed.close())

async function shown(): Promise<string> {
  const registry = new Registry()
  observeFeed(registry, { database: feed.world.updates, clock: feed.clock, calendar: STANDARD_CALENDAR })
  return await registry.metrics()
}

test('a day without a published run is overdue at 20:00, and no longer once there is one', async () => {
  const account = await feed.world.addAccount()
  feed.nipr.producers.set('11', producer('11'))
  await feed.monitor(account, ['11', '12'], { load: false })
  await feed.world.owner.query`update nipr_feed set owed_from = '2026-03-06'`
  expect(await shown()).toContain('psapi_first_loads_waiting 2')
  await feed.load()
  await feed.run('2026-03-06')
  feed.clock.advanceTo('2026-03-07T01:59:59Z')
  expect(await shown()).toContain('psapi_run_overdue 0')
  feed.clock.advanceTo('2026-03-07T02:00:00Z')
  const late = await shown()
  expect(late).toContain('psapi_run_overdue 1')
  expect(late).toContain('psapi_run_state{state="collecting"} 1')
  feed.nipr.alerted.set('2026-03-06', ['11'])
  expect(await feed.advance()).toMatchObject({ state: 'published' })
  const published = await shown()
  expect(published).toContain('psapi_run_overdue 0')
  expect(published).toContain('psapi_run_state{state="published"} 1')
  feed.clock.advanceTo('2026-03-09T20:00:00Z')
  expect(await shown()).toContain('psapi_run_overdue 0')
  feed.clock.advanceTo('2026-03-10T01:00:00Z')
  expect(await shown()).toContain('psapi_run_overdue 1')
})

test('an account whose signal is not delivered an hour after publication is counted', async () => {
  feed.nipr.alerted.set('2026-03-10', ['11'])
  expect(await feed.run('2026-03-10')).toMatchObject({ state: 'published' })
  const [last] = await feed.world.owner.query<{ published_at: Date }>`
    with told as (
      select a.account_id, a.event_id, r.published_at
        from nipr_announcement a join nipr_run r on r.id = a.run_id
       where r.state = 'published' order by r.published_at desc limit 1
    ), open as (
      insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
      select account_id, event_id, gen_random_uuid(), 'ep_1', 0, 1, 'event', published_at, published_at from told
    )
    select published_at from told`
  const since = (ms: number) => feed.clock.advanceTo(new Date((last?.published_at.getTime() ?? 0) + ms).toISOString())
  since(3_600_000)
  expect(await shown()).toContain('psapi_signal_undelivered_accounts 0')
  since(3_600_001)
  expect(await shown()).toContain('psapi_signal_undelivered_accounts 1')
  await feed.world.owner.query`delete from pending`
  expect(await shown()).toContain('psapi_signal_undelivered_accounts 0')
})

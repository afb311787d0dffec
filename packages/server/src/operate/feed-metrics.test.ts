import { readFileSync } from 'node:fs'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { STANDARD_CALENDAR } from '#src/updates/schedule.ts'
import { FeedWorld, producer } from '../../test/feed-world.ts'
import { observeFeed } from './feed-metrics.ts'

const ALERTS = new URL('../../../../ops/prometheus-alerts.yml', import.meta.url)

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

test('every metric that an alert reads is there', async () => {
  const names = new Set(readFileSync(ALERTS, 'utf8').match(/psapi_[a-z_]+/g))
  const metrics = await shown()
  expect(names.size).toBeGreaterThanOrEqual(4)
  for (const name of names) expect(metrics).toContain(`# TYPE ${name} gauge`)
})

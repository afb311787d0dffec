import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { day, FeedWorld, producer } from '../../test/feed-world.ts'
import { range, type TestAccount } from '../../test/population-world.ts'
import { cleanFeed, removeDeadFeeds } from './clean.ts'
import { readFeed } from './feed-store.ts'
import { LoadRunner } from './load-runner.ts'
import { leaseLoads } from './load-store.ts'
import { preload } from './preload.ts'
import { storeLoads } from './store-loads.ts'

const ACTIVATED = 'producersync.npn.activated'
const DATA_READY = 'producersync.npn.data_ready'

let feed: FeedWorld
let account: TestAccount
beforeAll(async () => {
  feed = await FeedWorld.start()
})
afterAll(() => feed.close())
beforeEach(async () => {
  await feed.reset()
  account = await feed.world.addAccount()
  for (const npn of ['11', '12']) feed.nipr.producers.set(npn, producer(npn))
})

async function told(of: TestAccount): Promise<string[]> {
  return (await feed.world.events(of)).map(({ type, npn }) => `${type.split('.').at(-1)} ${npn}`)
}

async function statuses(of: TestAccount): Promise<Record<string, string>> {
  const rows = await feed.world.owner.query<{ npn: string; data_status: string }>`
    select npn::text, data_status from population where account_id = ${of.accountId} and active order by population.npn`
  return Object.fromEntries(rows.map(({ npn, data_status }) => [npn, data_status]))
}

async function nameDataReady(of: TestAccount): Promise<void> {
  await feed.world.owner.query`
    update endpoint set event_types = array[${DATA_READY}, ${ACTIVATED}] where account_id = ${of.accountId}`
}

describe('first data', () => {
  test('rule 20: loading, then ready, or not known to NIPR; a producer without licenses is ready', async () => {
    feed.nipr.producers.set('12', producer('12', { states: [] }))
    await feed.monitor(account, ['11', '12', '13'], { load: false })
    expect(await statuses(account)).toEqual({ '11': 'loading', '12': 'loading', '13': 'loading' })
    await feed.load()
    expect(await statuses(account)).toEqual({ '11': 'ready', '12': 'ready', '13': 'not_found' })
    const [counts] = await feed.world.owner.query`
      select loading, ready, not_found from population_count where account_id = ${account.accountId}`
    expect(counts).toEqual({ loading: 0, ready: 2, not_found: 1 })
    expect((await feed.table('entity')).map((row) => [row.npn, row.no_licenses])).toEqual([
      [11, false],
      [12, true],
    ])
    expect(await feed.load()).toBe(0)
  })

  test('rule 21: data_ready comes after activated, once per activation, when an endpoint names it', async () => {
    await nameDataReady(account)
    const [all, group] = [await feed.world.addAccount(), await feed.world.addAccount()]
    await feed.world.owner.query`
      update endpoint set event_types = array['producersync'] where account_id = ${group.accountId}`
    for (const each of [account, all, group]) await feed.monitor(each, ['11'], { load: false })
    expect(await told(account)).toEqual(['activated 11'])
    await feed.load()
    expect(await told(account)).toEqual(['activated 11', 'data_ready 11'])
    for (const each of [all, group]) expect(await told(each)).toEqual(['activated 11']) // theirs do not name it
    const [activated, ready] = await feed.world.events(account)
    expect(JSON.parse(ready?.payload.toString() ?? '').data).toEqual({ npn: '11', noLicenses: false })
    expect(ready?.pending).toBe(1)
    expect(Date.parse(ready?.timestamp ?? '')).toBeGreaterThan(Date.parse(activated?.timestamp ?? ''))
    await feed.run('2026-03-06')
    expect(await told(account)).toHaveLength(2)

    // the feed's data is current: the NPN is ready in the transaction that activates it
    await feed.world.submit(account, 'remove', ['11'])
    await feed.monitor(account, ['11'], { load: false })
    expect((await told(account)).slice(2)).toEqual(['deactivated 11', 'activated 11', 'data_ready 11'])
    expect(await statuses(account)).toEqual({ '11': 'ready' })
    const moments = (await feed.world.events(account)).map(({ timestamp }) => Date.parse(timestamp))
    expect(moments).toEqual([...new Set(moments)].sort((a, b) => a - b))
  })

  test('rule 21: of an NPN that has left there is none; of one that NIPR learns to know, on the day that it does', async () => {
    await nameDataReady(account)
    await feed.monitor(account, ['11', '13'], { load: false })
    await feed.world.submit(account, 'remove', ['11'])
    await feed.world.work(feed.world.updates, undefined, feed)
    await feed.load()
    expect(await told(account)).toEqual(['activated 11', 'activated 13', 'deactivated 11'])
    expect(await statuses(account)).toEqual({ '13': 'not_found' })
    feed.nipr.producers.set('13', producer('13'))
    feed.nipr.alerted.set('2026-03-06', [])
    await feed.run('2026-03-06')
    expect(await statuses(account)).toEqual({ '13': 'ready' })
    expect((await told(account)).slice(3)).toEqual(['data_ready 13', 'updates_available undefined'])
  })

  test('rule 34: a load and a run on the same NPN never mix: whichever read first and writes last is read again', async () => {
    await feed.monitor(account, ['11'])
    const loadOf = async () => {
      await feed.world.owner.query`update nipr_target set load_due_at = ${feed.clock.now()}`
      const [load] = await leaseLoads(feed.world.updates, 'production', 1, 1, feed.clock.now())
      const answer = load && (await feed.nipr.detail(load.npn))
      if (!load || answer?.kind !== 'report') throw new Error('nothing to load')
      return { load, producer: answer.producer }
    }
    const nameOf = async () => (await feed.table('entity'))[0]?.company_name
    // a load reads the old report; before it is stored, a run publishes the new one
    const old = await loadOf()
    await feed.world.owner.query`update nipr_target set load_due_at = null`
    feed.nipr.producers.set('11', producer('11', { name: 'New' }))
    feed.nipr.alerted.set('2026-03-06', ['11'])
    await feed.run('2026-03-06')
    await feed.world.owner.query`update nipr_target set load_due_at = ${feed.clock.now()}, load_until = null`
    await storeLoads(feed.parts(), await feed.feed(), [old])
    expect(await nameOf()).toBe('New')
    expect(await feed.load()).toBe(1) // it is still to be loaded

    // a run reads the old report; before it publishes, a load stores the new one
    feed.clock.advanceTo('2026-03-09T15:15:00Z')
    feed.nipr.alerted.set('2026-03-09', ['11'])
    feed.nipr.producers.set('11', producer('11', { name: 'Read by the run' }))
    let loaded = false
    feed.nipr.onDetail = async () => {
      if (loaded) return
      loaded = true
      feed.nipr.producers.set('11', producer('11', { name: 'Newest' }))
      const newest = await loadOf()
      await storeLoads(feed.parts(), await feed.feed(), [newest])
    }
    expect(await feed.run('2026-03-09')).toMatchObject({ state: 'published' })
    feed.clock.advanceTo('2026-03-10T15:15:00Z')
    feed.nipr.alerted.set('2026-03-10', [])
    await feed.run('2026-03-10')
    expect(await nameOf()).toBe('Newest')
  })
})

describe('the runner of first loads', () => {
  test('tries a report that fails after 1 min, 5 min, 30 min and 2 h, then with each run; tells NIPR of new targets', async () => {
    feed.nipr.failing.add('11')
    await feed.monitor(account, ['11', '12'], { load: false })
    const runner = startRunner()
    try {
      await expect.poll(() => statuses(account)).toEqual({ '11': 'loading', '12': 'ready' })
      await expect.poll(() => [...feed.nipr.targets].sort()).toEqual(['11', '12'])
      const tries = () => feed.nipr.asked.filter((asked) => asked === '11').length
      for (const [index, minutes] of [1, 5, 30, 120].entries()) {
        await expect.poll(tries).toBe(index + 1)
        await expect.poll(() => feed.clock.nextAlarmAt?.toISOString()).toBe(later(minutes))
        feed.clock.advanceMs(minutes * 60_000)
      }
      await expect.poll(tries).toBe(5)
      await expect.poll(() => loadDueAt('11')).toBeNull()
    } finally {
      await runner.close()
    }
    feed.nipr.failing.clear()
    feed.nipr.alerted.set('2026-03-06', [])
    await feed.run('2026-03-06')
    expect(await statuses(account)).toEqual({ '11': 'ready', '12': 'ready' })
  })

  test('several share the work: each producer is loaded once', async () => {
    const npns = range(1_000, 1_299)
    for (const npn of npns) feed.nipr.producers.set(npn, producer(npn))
    await feed.monitor(account, npns, { load: false })
    const runners = [startRunner(), startRunner()]
    try {
      await expect
        .poll(async () => Object.values(await statuses(account)).filter((each) => each === 'ready').length)
        .toBe(300)
    } finally {
      for (const runner of runners) await runner.close()
    }
    expect(feed.nipr.asked).toHaveLength(300)
  })
})

describe('at 02:00', () => {
  const clean = async (on: string) => {
    await cleanFeed(
      feed.parts(),
      { feed: await feed.feed(), owner: randomUUID() },
      feed.nipr,
      day(on),
      new AbortController().signal,
    )
  }
  const leave = async (of: TestAccount, npns: string[]) => {
    await feed.world.submit(of, 'remove', npns)
    await feed.world.work(feed.world.updates, undefined, feed)
  }

  test('rule 19: who is monitored by nobody stops being a target, and after 30 days its records go', async () => {
    const other = await feed.world.addAccount()
    await feed.monitor(account, ['11', '12'])
    await feed.monitor(other, ['12'], { load: false })
    for (const npn of ['11', '12']) feed.nipr.targets.add(npn)
    await leave(account, ['11', '12'])
    await clean('2026-03-06') // they left after the midnight of that day
    expect([...feed.nipr.targets]).toEqual(['11', '12'])
    await clean('2026-03-07')
    expect([...feed.nipr.targets]).toEqual(['12'])
    expect(await feed.table('entity')).toHaveLength(2)

    // added again within 30 days: loaded again, the same records
    const idsBefore = (await feed.records()).filter((row) => row.npn === 11).map((row) => row.id)
    feed.clock.advanceTo('2026-03-20T12:00:00Z')
    const toldBefore = (await told(account)).length
    await feed.monitor(account, ['11'], { load: false })
    expect(await statuses(account)).toEqual({ '11': 'loading' })
    await feed.load()
    expect((await told(account)).slice(toldBefore)).toEqual(['activated 11'])
    expect(await statuses(account)).toEqual({ '11': 'ready' })
    expect((await feed.records()).filter((row) => row.npn === 11).map((row) => row.id)).toEqual(idsBefore)

    await leave(account, ['11'])
    await clean('2026-03-21')
    await clean('2026-04-18')
    expect(await feed.table('entity')).toHaveLength(2)
    await clean('2026-04-20')
    expect((await feed.records()).filter((row) => row.npn === 11)).toEqual([])
    expect((await feed.table('entity')).map((row) => row.npn)).toEqual([12])
    expect(await statuses(other)).toEqual({ '12': 'ready' })
  })
})

test('a deleted sandbox account takes its feed with it', async () => {
  const sandbox = await feed.world.addAccount({ environment: 'sandbox' })
  const { accountId: id, environment } = sandbox
  await feed.world.api.transaction({ settings: visibleTo(environment, id) }, (tx) =>
    preload(tx, { id, createdAt: feed.clock.now() }),
  )
  const held = async () =>
    (await feed.records()).filter((row) => row.feed_id === id).length +
    Number((await readFeed(feed.world.owner, id)) !== undefined)
  expect(await held()).toBeGreaterThan(10)
  await removeDeadFeeds(feed.parts(), new AbortController().signal)
  expect(await held()).toBeGreaterThan(10)
  await feed.world.owner.query`update account set deleted_at = now() where id = ${id}`
  await removeDeadFeeds(feed.parts(), new AbortController().signal)
  expect(await held()).toBe(0)
})

function startRunner(): LoadRunner {
  const runner = new LoadRunner({ ...feed.parts(), reportsPerSecond: { nipr: 1_000, simulator: 1_000 } })
  runner.start()
  return runner
}

function later(minutes: number): string {
  return new Date(feed.clock.now().getTime() + minutes * 60_000).toISOString()
}

async function loadDueAt(npn: string): Promise<Date | null | undefined> {
  const [row] = await feed.world.owner.query<{ due: Date | null }>`
    select load_due_at as due from nipr_target where npn = ${npn}::bigint`
  return row?.due
}

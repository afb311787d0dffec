import { beforeEach, describe, expect, test } from 'vitest'
import { FeedWorld, producer } from '../../test/feed-world.ts'
import type { TestAccount } from '../../test/population-world.ts'

let feed: FeedWorld
let account: TestAccount
beforeEach(async () => {
  feed = await FeedWorld.start()
  account = await feed.world.addAccount()
  for (const npn of ['11', '12', '13']) feed.nipr.producers.set(npn, producer(npn))
  await feed.monitor(account, ['11', '12', '13', '14'])
  return () => feed.close()
})

describe('a run', () => {
  test('rule 1: what it inserts, changes or marks deleted carries its date, and dates never go back', async () => {
    const before = await feed.records()
    expect(before.filter((row) => row.kind === 'license')).toHaveLength(6)
    feed.nipr.producers.set('11', { ...producer('11', { name: 'New name', states: ['CO', 'UT'] }), addresses: [] })
    feed.nipr.alerted.set('2026-03-09', ['11'])
    feed.clock.advanceTo('2026-03-09T15:15:00Z')
    const run = await feed.run('2026-03-09')
    expect(run).toMatchObject({
      state: 'published',
      late: false,
      counts: { alertNpns: 1, changedNpns: 1, inserted: 3, updated: 1, deleted: 4, accounts: 1 },
    })
    const after = await feed.records()
    const changed = after.filter((row) => row.npn === 11 && row.updated_on === '2026-03-09')
    expect(changed.map((row) => `${row.kind} ${row.for_state ?? ''} ${row.nipr_deleted}`).sort()).toEqual([
      'address CO true',
      'entity  false',
      'license TX true',
      'license UT false',
      'license_loa TX true',
      'license_loa TX true',
      'license_loa UT false',
      'license_loa UT false',
    ])
    expect(changed.every((row) => row.transaction_id === run.id)).toBe(true)
    expect(after.filter((row) => row.npn !== 11)).toEqual(before.filter((row) => row.npn !== 11))
    expect(await feed.announcements(account)).toEqual(['2026-03-09'])
  })

  test('rule 8: running a published day again writes no record and sends nothing', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11', '12', '14'])
    feed.nipr.producers.set('11', producer('11', { name: 'Changed' }))
    await feed.run('2026-03-06')
    const versions = await feed.versions()
    feed.clock.advanceMs(60_000)
    expect(await feed.run('2026-03-06')).toMatchObject({ state: 'published', counts: { changedNpns: 0, accounts: 0 } })
    expect(await feed.versions()).toEqual(versions)
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
    feed.nipr.producers.set('12', producer('12', { name: 'Corrected' }))
    feed.clock.advanceMs(60_000)
    expect(await feed.run('2026-03-06', { fullRefresh: true })).toMatchObject({ counts: { changedNpns: 1, updated: 1, accounts: 1 } })
    expect(await feed.announcements(account)).toEqual(['2026-03-06', '2026-03-06'])
  })
})

import { test } from 'vitest'
import { IdSource } from '#src/adapters/ids.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { testDatabase } from '../../test/postgres.ts'

const variants: [string, string[]][] = [
  ['base', []],
  ['extra', ['create index x on attempt (account_id, endpoint_id, event_id)']],
  ['failed', ['create index x on attempt (account_id, endpoint_id, id) where failure_class is not null']],
  [
    'include',
    [
      'drop index attempt_of_endpoint',
      'create index attempt_of_endpoint on attempt (account_id, endpoint_id, id) include (event_id)',
    ],
  ],
  ['base', []],
  ['extra', ['create index x on attempt (account_id, endpoint_id, event_id)']],
]
test('measure', async () => {
  for (const [name, ddl] of variants) {
    const db = await testDatabase()
    const owner = db.open('migrate')
    const clock = new ManualClock('2026-01-01T00:00:00Z')
    const ids = new IdSource(clock)
    await owner.query`select make_partitions('2025-12-31', '2026-01-20')`
    for (const text of ddl) await owner.run({ text, values: [] })
    const worker = db.open('worker')
    let ms = 0
    const N = 600
    for (let b = 0; b < N; b++) {
      clock.advanceMs(1000)
      const rows = Array.from({ length: 100 }, (_, i) => ({
        ev: 'msg_' + ids.next().ksuid,
        id: 'atmpt_' + ids.next().ksuid,
        ep: `ep_00000000000000000000000${(i % 50) + 1000}`,
      }))
      const t = performance.now()
      await worker.query`insert into attempt (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class, status_code, duration_ms, timings_ms, response, response_headers, sent_headers, started_at, state)
        select 'app_000000000000000000000000001', ev, id, ep, gen_random_uuid(), 'event', 1, 'https://receiver.example.com/webhooks/abc', 'responded', null, 200, 12, '{1,2,3,4}', 'ok', '[["content-type","text/plain"],["date","x"]]', null, now(), 'delivered'
        from unnest(${rows.map((r) => r.ev)}::text[], ${rows.map((r) => r.id)}::text[], ${rows.map((r) => r.ep)}::text[]) as g(ev,id,ep)`
      ms += performance.now() - t
    }
    console.log(name, ((ms * 1000) / (N * 100)).toFixed(2), 'us/row')
    await db.close()
  }
}, 300000)

import type { Report } from './report.ts'
import type { Stage } from './stage.ts'

/** What both dry runs count exactly. Source: portal 12 */
const FAILED = 100_000
const NPNS = 50_000
const FIRST_NPN = 800_000_000
const TIMES = 3

/** How long people wait for the number that is to be replayed, and for what a list would change. */
export async function measureDryRuns(stage: Stage): Promise<Pick<Report, 'replayDryRunMs' | 'populationDryRunMs'>> {
  const account = await stage.make('/api/v1/app', { name: 'Much at once' })
  const path = `/api/v1/app/${account}`
  const endpoint = await stage.make(`${path}/endpoint`, { url: stage.receiver(0).url })
  await stage.write('update account set population_max = $2 where id = $1', [account, NPNS]) // of production
  await stage.write(STORE_FAILED, [account, endpoint, FAILED])
  const token = { token: stage.keys.sandbox }
  const replayDryRunMs = await quickest(async () => {
    const body = { kind: 'recover', endpointIds: [endpoint] }
    const { count }: { count: number } = await stage.ok('POST', `${path}/replay/preview`, body, token)
    return count === FAILED // else the service has stopped counting, as it took too long
  })
  const npns = Array.from({ length: NPNS }, (_, index) => String(FIRST_NPN + index))
  const populationDryRunMs = await quickest(async () => {
    const shown: { counts: { rows: number } } = await stage.ok(
      'POST',
      `${path}/population/preview?mode=add`,
      npns,
      token,
    )
    return shown.counts.rows === NPNS
  })
  return { replayDryRunMs, populationDryRunMs }
}

/** What else the machine does only ever adds to it. Infinite where it never came to an exact answer. */
async function quickest(isExact: () => Promise<boolean>): Promise<number> {
  const took: number[] = []
  while (took.length < TIMES) {
    const startedAt = performance.now()
    took.push((await isExact()) ? performance.now() - startedAt : Number.POSITIVE_INFINITY)
  }
  return Math.round(Math.min(...took))
}

/** Events whose one delivery is exhausted: $1 account, $2 endpoint, $3 how many. */
const STORE_FAILED = `
  with made as materialized (
    select left(ksuid_floor(now()), 15) || lpad(n::text, 12, '0') as ksuid, now() as at from generate_series(1, $3::int) as n
  ), stored as (
    insert into event (account_id, id, type, payload, created_at, payload_expires_at)
    select $1, 'msg_' || ksuid, 'test.happened', '{}', at, at + interval '90 days' from made
  )
  insert into attempt (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
                       status_code, started_at, state, dead_reason)
  select $1, 'msg_' || m.ksuid, 'atmpt_' || m.ksuid, e.id, gen_random_uuid(), 'event', 10, e.url, 'responded', 'http_server_error',
         503, m.at, 'dead_letter', 'schedule_exhausted'
    from made m cross join (select id, url from endpoint where account_id = $1 and id = $2) as e`

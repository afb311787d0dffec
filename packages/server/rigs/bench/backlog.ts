import type { asSuperuser } from './service.ts'

type Client = Parameters<Parameters<typeof asSuperuser>[1]>[0]

const PER_STATEMENT = 50_000
/** Above the numbers of all other events and attempts that are stored, which are a part of their ids. */
const FIRST_NUMBER = 900_000_000_000
const MINUTES = 1_320

/**
 * Stores so many events of yesterday that wait at the one endpoint of an account: every second has never been attempted, the
 * others have been once, in vain. Nothing of it is due today. Yesterday has its partitions.
 */
export async function storeBacklog(client: Client, accountId: string, events: number): Promise<void> {
  for (let from = 0; from < events; from += PER_STATEMENT) {
    const until = Math.min(from + PER_STATEMENT, events)
    await client.query(
      `with made as materialized (
         select n, n % 2 = 1 as is_tried, at, left(ksuid_floor(at), 15) || (${FIRST_NUMBER} + n) as ksuid, gen_random_uuid() as delivery_id
           from generate_series($2::bigint, $3::bigint - 1) as n
          cross join lateral (
            select ((now() at time zone 'utc')::date - 1 + (n * ${MINUTES} / $4::bigint) * interval '1 min') at time zone 'utc' as at) as m
       ), endpoint_of as (select id, url, shard from endpoint where account_id = $1 and deleted_at is null
       ), stored as (
         insert into event (account_id, id, type, payload, created_at, payload_expires_at)
         select $1, 'msg_' || ksuid, case n % 2 when 0 then 'license.updated' else 'license.issued' end,
                convert_to(format('{"id":"evt_%s","type":"license.updated","data":{"npn":"%s"}}', ksuid, n), 'utf8'),
                at, at + interval '90 days'
           from made
       ), tried as (
         insert into attempt (account_id, event_id, id, endpoint_id, delivery_id, cause, number, url, outcome, failure_class,
                              duration_ms, timings_ms, started_at, state, next_attempt_at)
         select $1, 'msg_' || m.ksuid, 'atmpt_' || m.ksuid, t.id, m.delivery_id, 'event', 1, t.url, 'refused', 'refused', 3,
                array[1, 2], m.at, 'pending', now() + interval '1 day'
           from made m cross join endpoint_of t where m.is_tried
       )
       insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, attempts_made, created_at, due_at)
       select $1, 'msg_' || m.ksuid, m.delivery_id, t.id, t.shard, m.is_tried::int, 'event', m.is_tried::int, m.at, now() + interval '1 day'
         from made m cross join endpoint_of t`,
      [accountId, from, until, events],
    )
  }
}

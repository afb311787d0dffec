import { sql } from '#src/adapters/postgres/sql.ts'
import type { Cause } from './delivery.ts'
import type { FailureClass } from './failure-classes.ts'

/**
 * Does the attempt say that something is wrong with its endpoint? Not what somebody tried by hand and sees himself, nor what we
 * broke ourselves.
 */
export function isTrouble({ failureClass, outcome, delivery: { cause } }: Ended): boolean {
  if (failureClass === null || outcome === 'canceled' || outcome === 'interrupted') return false
  return cause !== 'test' && cause !== 'resend'
}

type Ended = { failureClass: FailureClass | null; outcome: string; delivery: { cause: Cause } }

/**
 * As a part of the statement that writes attempts (`done`, of which `written` are new): opens issues, or adds to those that are
 * there. An issue bears the id of its first attempt. In order, so that two statements never wait for each other.
 */
export const troubling = sql`
      insert into issue as i (account_id, id, environment, endpoint_id, failure_class, state, first_at, last_at, failures, events,
                              exhausted, latest_attempt_id, latest_event_id, latest_status)
      select d.account_id, 'iss_' || substr(min(d.id), 7), o.environment, d.endpoint_id, d.failure_class, 'open',
             to_timestamp(min(d.started_ms) / 1000), to_timestamp(max(d.started_ms) / 1000), count(*),
             count(*) filter (where d.number <= 1), count(*) filter (where d.state = 'dead_letter'),
             max(d.id), (array_agg(d.event_id order by d.id desc))[1], (array_agg(d.status_code order by d.id desc))[1]
        from done d
        join account o on o.id = d.account_id and not o.internal
       where d.failure_class is not null and d.outcome not in ('canceled', 'interrupted') and d.cause not in ('test', 'resend')
         and d.id in (select id from written)
       group by d.account_id, d.endpoint_id, d.failure_class, o.environment
       order by d.account_id, d.endpoint_id, d.failure_class
      on conflict (account_id, endpoint_id, failure_class) where state <> 'resolved' do update
         set last_at = greatest(i.last_at, excluded.last_at), failures = i.failures + excluded.failures,
             events = i.events + excluded.events, exhausted = i.exhausted + excluded.exhausted,
             latest_attempt_id = greatest(i.latest_attempt_id, excluded.latest_attempt_id),
             latest_event_id = case when excluded.latest_attempt_id > i.latest_attempt_id then excluded.latest_event_id
                                    else i.latest_event_id end,
             latest_status = case when excluded.latest_attempt_id > i.latest_attempt_id then excluded.latest_status
                                  else i.latest_status end`

-- What an environment's operator hears of (operational webhooks), stops (tasks), erases and lets go of.

-- Endpoints for operational webhooks, their events and the tasks of a whole environment belong to one internal account of
-- it. Only a transaction that names it sees it: no list, no id and no uid leads there.
alter table account add column internal boolean not null default false;
create unique index account_internal on account (environment) where internal;
drop policy api on account;
create policy api on account to psapi_api
  using (environment = current_environment()
         and case when internal then id = current_account() else current_account() is null or id = current_account() end);
drop policy readers on account;
create policy readers on account for select to psapi_accept, psapi_updates using (not internal);
create policy worker on account for select to psapi_worker using (true);

create function internal_account(of_environment text) returns text
  language sql stable security definer set search_path = public
begin atomic
  select id from account where environment = of_environment and internal;
end;

alter table endpoint add column warned_percent smallint not null default 0 -- of the time to disabling, in this streak
  check (warned_percent in (0, 50, 70, 90));
grant update (warned_percent) on endpoint to psapi_worker;

-- A moment as the API writes it.
create function moment_text(moment timestamptz) returns text language sql immutable parallel safe
  return to_char(moment at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- Accepts operational events in the caller's transaction and returns the lanes in which deliveries are planned: rows of
-- event_id (27 characters), made_at, kind, of_environment (null: the account's), of_account, of_endpoint, of_message,
-- of_attempt and details, which join the data of the event's body. An event whose id is known is not accepted again, one that
-- no endpoint wants is not kept, and what is about an operational endpoint itself is none. A recovery is one only where
-- something was failing before, and has not recovered since (attempts from attempts_from are looked at).
create function announce(event_ids text[], made_at timestamptz[], kinds text[], of_environment text[], of_account text[],
                         of_endpoint text[], of_message text[], of_attempt text[], attempts_from text[], details text[])
  returns table (lane_account_id text, lane_endpoint_id text, lane_shard smallint)
  language plpgsql volatile security definer set search_path = public as $$
begin
  if not exists (select from account o join endpoint e on e.account_id = o.id
                  where o.internal and e.deleted_at is null and not e.disabled) then
    return;
  end if;
  return query
  with wanted as (
    select 'msg_' || w.event_id as id, w.made_at, w.kind, o.id as operator_id,
           convert_to(jsonb_build_object('type', w.kind, 'data',
             case when w.kind like 'endpoint.%'
                    then jsonb_build_object('appId', a.id, 'appUid', a.uid, 'endpointId', t.id, 'endpointUid', t.uid)
                  when w.kind like 'message.%'
                    then jsonb_build_object('appId', a.id, 'appUid', a.uid, 'endpointId', t.id, 'msgId', w.message,
                           'msgEventId', (select m.uid from event m where m.account_id = a.id and m.id = w.message))
                  else '{}' end || w.detail::jsonb)::text, 'utf8') as payload
      from unnest(event_ids, made_at, kinds, of_environment, of_account, of_endpoint, of_message, of_attempt, attempts_from, details)
             as w (event_id, made_at, kind, environment, account, endpoint, message, attempt, attempts_from, detail)
      left join account a on a.id = w.account
      join account o on o.internal and o.environment = coalesce(w.environment, a.environment)
      left join endpoint t on t.account_id = a.id and t.id = w.endpoint
     where not coalesce(a.internal, false)
       and exists (select from endpoint e where e.account_id = o.id and endpoint_wants(e, null, w.kind, null, null))
       and (w.kind <> 'message.attempt.recovered' or (
             select coalesce(max(f.id) filter (where f.state = 'dead_letter' or (f.number = 4 and f.failure_class is not null))
                               > coalesce(max(f.id) filter (where f.failure_class is null), ''), false)
               from attempt f
              where f.account_id = a.id and f.event_id = w.message and f.id >= w.attempts_from and f.endpoint_id = t.id
                and f.id <> w.attempt and f.outcome <> 'canceled'
                and (f.failure_class is null or f.cause in ('event', 'replay'))))
  ), stored as (
    insert into event (account_id, id, type, payload, created_at, payload_expires_at)
    select w.operator_id, w.id, w.kind, w.payload, w.made_at, w.made_at + interval '90 days' from wanted w
    on conflict do nothing
    returning event.account_id, event.id, event.type, event.created_at
  ), planned as (
    insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
    select s.account_id, s.id, gen_random_uuid(), e.id, e.shard, 0, 'event', s.created_at, s.created_at
      from stored s
      join endpoint e on e.account_id = s.account_id and endpoint_wants(e, null, s.type, null, null)
    returning pending.account_id, pending.endpoint_id, pending.shard
  )
  select distinct p.account_id, p.endpoint_id, p.shard from planned p;
end $$;
revoke execute on function
  announce(text[], timestamptz[], text[], text[], text[], text[], text[], text[], text[], text[]) from public;
grant execute on function
  announce(text[], timestamptz[], text[], text[], text[], text[], text[], text[], text[], text[]) to psapi_api, psapi_worker;

-- A task that somebody has paused is running still, and nobody works on it.
alter table task add column paused_at timestamptz;
alter table task add constraint only_running_is_paused check (paused_at is null or status = 'running');

-- Erasing: the payload goes, what is planned of it ends as canceled, and those who hold it in memory read the endpoint anew.
-- Of an attempt the stored answer goes.
grant update (response, response_headers) on attempt to psapi_api;

-- An environment that keeps less than the others removes its own rows before their partition goes.
grant delete on event, attempt to psapi_worker;

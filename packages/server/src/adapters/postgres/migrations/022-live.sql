-- What has changed, for those who watch: live views of the portal, `psapi tail`, `psapi listen`.
--
-- Changes are written only for accounts that are watched, in the transaction that makes them, and kept for five minutes. They are
-- read by transaction: a reader's position is a snapshot, and what is new to it is what that snapshot does not see and the present one
-- does. So nothing is passed over that commits late, nothing is read twice, and no order of ids or clocks has to be trusted
-- (docs/decisions/0040).

create table live_watch (
  account_id text        collate "C" primary key,
  since      xid8        not null default pg_current_xact_id(), -- changes before it were not written
  until      timestamptz not null, -- somebody watches, or did within the last minutes
  trimmed    xid8 -- the newest change that was removed again
);

create table live_change (
  account_id text        collate "C" not null,
  xid        xid8        not null default pg_current_xact_id(),
  number     bigint      not null generated always as identity, -- the order within a transaction
  topic      text        not null check (topic in ('event', 'delivery', 'endpoint', 'task', 'job', 'run', 'issue')),
  subject    text        collate "C" not null, -- of several changes of one, the last says how it stands
  change     jsonb       not null default '{}',
  noted_at   timestamptz not null default clock_timestamp(),
  primary key (account_id, xid, number)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
create index live_change_age on live_change (noted_at);

-- A delivery as it stands after an attempt, or as it was planned.
create function delivery_change(delivery_id uuid, event_id text, endpoint_id text, state text, attempt_id text, number integer,
                                status_code integer, failure_class text, next_at timestamptz, at timestamptz)
  returns jsonb language sql stable parallel safe
  return jsonb_build_object('deliveryId', delivery_id, 'msgId', event_id, 'endpointId', endpoint_id,
           'state', case state when 'pending' then 'retrying' when 'dead_letter' then 'exhausted' else state end,
           'attemptId', attempt_id, 'attemptNumber', number, 'responseStatusCode', status_code,
           'failureClass', failure_class, 'nextAttempt', next_at, 'at', at);

-- What changes rarely is noted by triggers, whoever changes it. As the owner of the tables: the roles need no rights for it.
create function note_endpoint() returns trigger language plpgsql security definer set search_path = public as $$
begin
  insert into live_change (account_id, topic, subject, change)
  select account_id, 'endpoint', new.id,
         jsonb_build_object('endpointId', new.id,
           'state', case when new.deleted_at is not null then 'deleted' when new.disabled then 'disabled' else 'enabled' end,
           'disabledReason', new.disabled_reason, 'failingSince', new.failing_since,
           'at', coalesce(new.deleted_at, greatest(new.updated_at, new.last_attempt_at)))
    from live_watch where account_id = new.account_id;
  return null;
end $$;
create trigger endpoint_is_new after insert on endpoint for each row execute function note_endpoint();
create trigger endpoint_has_changed after update on endpoint for each row
  when ((old.disabled, old.deleted_at, old.failing_since, old.updated_at)
        is distinct from (new.disabled, new.deleted_at, new.failing_since, new.updated_at))
  execute function note_endpoint();

create function note_task() returns trigger language plpgsql security definer set search_path = public as $$
begin
  insert into live_change (account_id, topic, subject, change)
  select account_id, 'task', new.id,
         jsonb_build_object('taskId', new.id, 'task', new.kind, 'endpointId', new.endpoint_id, 'status', new.status,
                            'paused', new.paused_at is not null, 'at', new.updated_at)
    from live_watch where account_id = new.account_id;
  return null;
end $$;
create trigger task_is_new after insert on task for each row execute function note_task();
create trigger task_has_progressed after update on task for each row
  when ((old.status, old.data, old.paused_at) is distinct from (new.status, new.data, new.paused_at))
  execute function note_task();

create function note_job() returns trigger language plpgsql security definer set search_path = public as $$
begin
  insert into live_change (account_id, topic, subject, change)
  select account_id, 'job', new.id::text,
         jsonb_build_object('jobId', new.id, 'type', new.type, 'state', new.state, 'processed', new.processed,
                            'distinct', new.distinct_elements, 'at', new.updated_at)
    from live_watch where account_id = new.account_id;
  return null;
end $$;
create trigger population_job_is_new after insert on population_job for each row execute function note_job();
create trigger population_job_has_progressed after update on population_job for each row
  when ((old.state, old.processed) is distinct from (new.state, new.processed))
  execute function note_job();

-- A sandbox feed is one account's; that of production is everybody's.
create function note_run() returns trigger language plpgsql security definer set search_path = public as $$
begin
  insert into live_change (account_id, topic, subject, change)
  select w.account_id, 'run', new.id::text,
         jsonb_build_object('runId', new.id, 'runDate', new.run_date, 'state', new.state,
           'at', coalesce(new.ended_at, new.published_at, new.collected_at, new.details_at, new.started_at, new.scheduled_at))
    from live_watch w
    join account a on a.id = w.account_id
   where w.account_id = new.feed_id or (new.feed_id = 'production' and a.environment = 'production');
  return null;
end $$;
create trigger nipr_run_is_new after insert on nipr_run for each row execute function note_run();
create trigger nipr_run_has_changed after update on nipr_run for each row
  when (old.state is distinct from new.state) execute function note_run();

create function note_issue() returns trigger language plpgsql security definer set search_path = public as $$
begin
  insert into live_change (account_id, topic, subject, change)
  select account_id, 'issue', new.id,
         jsonb_build_object('issueId', new.id, 'endpointId', new.endpoint_id, 'class', new.failure_class, 'state', new.state,
                            'at', coalesce(new.resolved_at, new.acknowledged_at, new.last_at))
    from live_watch where account_id = new.account_id;
  return null;
end $$;
create trigger issue_is_new after insert on issue for each row execute function note_issue();
create trigger issue_has_changed after update on issue for each row
  when (old.state is distinct from new.state) execute function note_issue();

do $$
declare
  name text;
begin
  foreach name in array array['live_watch', 'live_change'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
    execute format('create policy accept on %I to psapi_accept using (true)', name);
    execute format('create policy worker on %I to psapi_worker using (true)', name);
    execute format('create policy updates on %I to psapi_updates using (true)', name);
  end loop;
end $$;
grant select, insert, update on live_watch to psapi_api;
grant select, insert on live_change to psapi_api;
grant select on live_watch to psapi_accept, psapi_updates;
grant insert on live_change to psapi_accept, psapi_updates;
grant select, insert, update, delete on live_watch, live_change to psapi_worker;

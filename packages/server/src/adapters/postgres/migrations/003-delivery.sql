-- Accepted events, deliveries that are not finished, every attempt made, and who owns which part of the work.
--
-- `event` and `attempt` are partitioned by day through their ids, which begin with the time; retention drops whole
-- partitions. `pending` is small and hot: a row goes when its delivery ends, and the last attempt says how it ended.

create table event (
  account_id         text        collate "C" not null,
  id                 text        collate "C" not null,
  type               text        collate "C" not null,
  payload            bytea, -- the accepted bytes; null once erased or expired
  content_type       text, -- null: application/json
  uid                text        collate "C",
  channels           text[],
  tags               text[],
  created_at         timestamptz not null,
  deliver_at         timestamptz,
  payload_expires_at timestamptz not null,
  only_endpoint_id   text        collate "C", -- a test request: bound to one endpoint, outside its filters
  primary key (account_id, id)
) partition by range (id);
-- A payload that is to go before its event: few, so the index costs the others nothing.
create index event_payload_expiry on event (payload_expires_at)
  where payload is not null and payload_expires_at - created_at < interval '2136 hours';
alter table event alter column payload set storage external; -- sent as it is; compressing it twice costs more than it saves

create table event_uid (
  account_id text        collate "C" not null,
  uid        text        collate "C" not null,
  event_id   text        collate "C" not null,
  primary key (account_id, uid)
);
create index event_uid_age on event_uid (event_id);

create table idempotency (
  key          bytea       primary key check (length(key) = 32), -- SHA-256 of environment, caller's scope, path and key
  environment  text        not null,
  account_id   text        collate "C",
  request_hash bytea       not null check (length(request_hash) = 32),
  status       smallint    not null,
  answer       bytea       not null, -- what the operation needs to answer again
  created_at   timestamptz not null
);
create index idempotency_age on idempotency (created_at);

create table pending (
  account_id    text        collate "C" not null,
  event_id      text        collate "C" not null,
  delivery_id   uuid        not null,
  endpoint_id   text        collate "C" not null,
  shard         smallint    not null,
  queue         smallint    not null check (queue in (0, 1, 2)), -- first attempts, retries, replays
  cause         text        not null check (cause in ('event', 'test', 'resend', 'recover', 'replay')),
  task_id       text        collate "C",
  attempts_made smallint    not null default 0,
  created_at    timestamptz not null,
  due_at        timestamptz not null,
  primary key (account_id, event_id, delivery_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);
create index pending_lane on pending (shard, endpoint_id, queue, due_at);

create table attempt (
  account_id       text        collate "C" not null,
  event_id         text        collate "C" not null,
  id               text        collate "C" not null,
  endpoint_id      text        collate "C" not null,
  delivery_id      uuid        not null,
  cause            text        not null,
  number           smallint    not null, -- 1, 2, …; 0 for a single attempt on request
  url              text        not null,
  outcome          text        not null check (outcome in ('responded', 'timed_out', 'dns', 'refused', 'reset', 'tls', 'blocked',
                                                           'invalid_response', 'interrupted', 'canceled')),
  failure_class    text, -- null when delivered
  status_code      smallint    not null default 0,
  duration_ms      integer     not null default 0,
  timings_ms       integer[], -- dns, connect, tls, first byte; null where a step did not happen
  response         bytea,
  response_headers jsonb,
  sent_headers     jsonb, -- the endpoint's own headers on this attempt; values of sensitive ones left out
  started_at       timestamptz not null,
  state            text        not null check (state in ('pending', 'delivered', 'dead_letter', 'canceled')),
  dead_reason      text        check (dead_reason in ('schedule_exhausted', 'endpoint_gone', 'aborted_by_receiver', 'blocked')),
  next_attempt_at  timestamptz,
  primary key (account_id, event_id, id),
  constraint attempt_is_final_or_scheduled check ((state = 'pending') = (next_attempt_at is not null)),
  constraint dead_letter_has_a_reason check ((state = 'dead_letter') = (dead_reason is not null))
) partition by range (id);
create index attempt_of_endpoint on attempt (account_id, endpoint_id, id);

-- A worker that holds a lease owns shards. The epoch of a shard grows with every change of owner, so that what a
-- former owner still has in hand can be told and refused.
create table worker (
  id          uuid        primary key,
  lease_until timestamptz not null,
  started_at  timestamptz not null
);
create table shard (
  number        smallint primary key check (number between 0 and 255),
  owner         uuid,
  epoch         bigint   not null default 0,
  deaths        smallint not null default 0, -- owners lost since deaths_since
  deaths_since  timestamptz,
  careful_until timestamptz, -- until then one attempt at a time, noted before it starts
  in_hand       uuid -- the delivery so noted
) with (fillfactor = 50);
insert into shard (number) select generate_series(0, 255);

create table task (
  id          text        collate "C" primary key,
  environment text        not null references environment,
  account_id  text        collate "C" not null,
  endpoint_id text        collate "C",
  kind        text        not null,
  status      text        not null check (status in ('running', 'finished', 'failed')),
  parameters  jsonb       not null,
  position    text        collate "C", -- id of the last event treated
  data        jsonb       not null default '{}',
  lease_until timestamptz,
  created_at  timestamptz not null,
  updated_at  timestamptz not null
);
create unique index task_of_endpoint on task (account_id, endpoint_id) where status = 'running' and endpoint_id is not null;
create index task_running on task (created_at) where status = 'running';
create index task_of_account on task (account_id, id);

-- The smallest KSUID of a moment: 4 bytes of seconds since 1,400,000,000 before 16 zero bytes, in 27 base-62 digits.
create function ksuid_floor(moment timestamptz) returns text language plpgsql immutable strict parallel safe as $$
declare
  digits constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  rest   numeric := greatest(0, floor(extract(epoch from moment)) - 1400000000) * 340282366920938463463374607431768211456;
  text62 text := '';
begin
  for _ in 1..27 loop
    text62 := substr(digits, (rest % 62)::integer + 1, 1) || text62;
    rest := div(rest, 62);
  end loop;
  return text62;
end $$;

-- Makes the partitions of the UTC days first..last that are missing. Called by workers, hence `security definer`.
create function make_partitions(first_day date, last_day date) returns integer
  language plpgsql security definer set search_path = public as $$
declare
  day  date;
  made integer := 0;
  kind record;
begin
  perform pg_advisory_xact_lock(hashtextextended('psapi.partitions', 0));
  for day in select generate_series(first_day, last_day, interval '1 day')::date loop
    for kind in select * from (values ('event', 'msg_'), ('attempt', 'atmpt_')) as k (name, prefix) loop
      if to_regclass(format('%I', kind.name || to_char(day, '_YYYYMMDD'))) is null then
        execute format('create table %I partition of %I for values from (%L) to (%L)',
          kind.name || to_char(day, '_YYYYMMDD'), kind.name,
          kind.prefix || ksuid_floor(day::timestamp at time zone 'utc'),
          kind.prefix || ksuid_floor((day + 1)::timestamp at time zone 'utc'));
        made := made + 1;
      end if;
    end loop;
  end loop;
  return made;
end $$;

-- Drops the partitions of UTC days before `oldest_day`; returns how many.
create function drop_partitions(oldest_day date) returns integer
  language plpgsql security definer set search_path = public as $$
declare
  part    record;
  dropped integer := 0;
begin
  for part in
    select c.relname
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent in ('event'::regclass, 'attempt'::regclass)
       and right(c.relname, 8) < to_char(oldest_day, 'YYYYMMDD')
  loop
    execute format('drop table %I', part.relname);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

-- Which of these shards the worker still owns in these epochs. The shared lock lasts to the end of the transaction and
-- takeover takes the same lock exclusively, so a write guarded by this answer and a takeover cannot cross.
-- The table is read after the lock is held: by its own, newer snapshot.
create function hold_shards(worker_id uuid, wanted smallint[], epochs bigint[]) returns smallint[]
  language plpgsql volatile as $$
declare
  held smallint[];
begin
  perform pg_advisory_xact_lock_shared(hashtextextended(worker_id::text, 0));
  select coalesce(array_agg(s.number), '{}') into held
    from shard s join unnest(wanted, epochs) as w (number, epoch) on w.number = s.number and w.epoch = s.epoch
   where s.owner = worker_id;
  return held;
end $$;

do $$
declare
  name text;
begin
  foreach name in array array['event', 'event_uid', 'idempotency', 'pending', 'attempt', 'task'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy worker on %I to psapi_worker using (true)', name);
    if name <> 'idempotency' then
      execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
    end if;
    if name in ('event', 'event_uid', 'idempotency', 'pending') then
      execute format('create policy accept on %I to psapi_accept using (true)', name);
    end if;
    if name in ('event', 'pending') then
      execute format('create policy updates on %I to psapi_updates using (true)', name);
    end if;
  end loop;
end $$;
create policy api on idempotency to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));

grant select, insert on event to psapi_api;
grant update (payload) on event to psapi_api;
grant select, insert on event_uid, attempt to psapi_api;
grant select, insert, delete on idempotency to psapi_api;
grant select, insert, delete on pending to psapi_api;
grant select, insert, update on task to psapi_api;

grant insert on event to psapi_accept;
grant select (account_id, id) on event to psapi_accept;
grant select, insert, delete on event_uid to psapi_accept;
grant select, insert, update on idempotency to psapi_accept;
grant select, insert on pending to psapi_accept;

grant select, insert on event to psapi_worker;
grant update (payload) on event to psapi_worker;
grant select, delete on event_uid, idempotency to psapi_worker;
grant select, insert, update, delete on pending to psapi_worker;
grant select, insert on attempt to psapi_worker;
grant select, insert, update, delete on worker, task to psapi_worker;
grant select on worker, shard to psapi_api;
grant select, update on shard to psapi_worker;
revoke execute on function make_partitions(date, date), drop_partitions(date) from public;
grant execute on function make_partitions(date, date), drop_partitions(date) to psapi_worker;

grant insert on event to psapi_updates;
grant select (account_id, id) on event to psapi_updates;
grant select, insert on pending to psapi_updates;

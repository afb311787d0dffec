-- The daily run: feeds with their clocks, what NIPR is asked to watch, the runs, and what a run has read and not yet
-- published. Nothing here is served before the transaction that publishes a run has moved it into the records.

create table nipr_feed (
  id             text        collate "C" primary key, -- 'production', or the id of the sandbox account it belongs to
  environment    text        not null references environment,
  account_id     text        collate "C" unique references account, -- null: for all accounts of production
  kind           text        not null check (kind in ('none', 'nipr', 'simulator')),
  seed           text        not null, -- of the simulator
  clock_ahead_ms bigint      not null default 0 check (clock_ahead_ms >= 0), -- its time is the database's plus this
  owed_from      date        not null, -- no day before it is owed: nothing was monitored yet
  lost_days      date[]      not null default '{}', -- no run has covered them in time; a full refresh makes up for them
  cleaned_on     date        not null, -- last day on which targets and records that nobody monitors were removed
  due_at         timestamptz not null, -- when a scheduler looks at it next, in the database's time
  lease_owner    uuid, -- of its scheduler; whoever takes the lease over fences the former owner with it
  lease_until    timestamptz,
  created_at     timestamptz not null,
  constraint sandbox_feed_has_account check ((environment = 'sandbox') = (account_id is not null) and id = coalesce(account_id, 'production'))
);
create index nipr_feed_due on nipr_feed (due_at) where kind <> 'none';

-- The day in Chicago by the clock of a feed; one that is not configured has the database's.
create function feed_date(wanted text, at timestamptz) returns date language sql stable parallel safe
  return ((at + coalesce((select clock_ahead_ms from nipr_feed where id = wanted), 0) * interval '1 millisecond')
          at time zone 'America/Chicago')::date;

-- An NPN that somebody monitors, or did until lately: what NIPR is told, and what the feed holds of it. Data is current
-- while the NPN is a target.
create table nipr_target (
  feed_id         text        collate "C" not null,
  npn             bigint      not null check (npn between 1 and 9999999999),
  state           text        not null check (state in ('adding', 'active', 'removing', 'removed')),
  data            text        not null check (data in ('loading', 'ready', 'not_found')),
  version         integer     not null default 0, -- changes with every write of its records, by a run or a load
  load_due_at     timestamptz, -- next try of a first load; null: none is wanted
  load_attempts   smallint    not null default 0,
  load_until      timestamptz, -- lease of the load under way
  loaded_at       timestamptz, -- of the last first load: the next run reads the NPN again
  not_found_since date, -- runs ask again for 30 days
  left_at         timestamptz, -- when an account last removed it: somebody else may still monitor it
  primary key (feed_id, npn)
) with (fillfactor = 80);
create index nipr_target_load on nipr_target (feed_id, load_due_at) where load_due_at is not null;
create index nipr_target_adding on nipr_target (feed_id, npn) where state = 'adding';
create index nipr_target_leaving on nipr_target (feed_id, left_at) where left_at is not null;
create index nipr_target_again on nipr_target (feed_id, npn) where data <> 'ready';
create index nipr_target_loaded on nipr_target (feed_id, loaded_at) where loaded_at is not null;

create table nipr_run (
  id             uuid        primary key,
  feed_id        text        collate "C" not null,
  run_date       date        not null,
  state          text        not null check (state in ('scheduled', 'collecting', 'publishing', 'held', 'published', 'no_report', 'failed')),
  trigger        text        not null check (trigger in ('schedule', 'sandbox', 'operator')),
  scenario       text        not null default 'normal', -- of a sandbox run
  full_refresh   boolean     not null default false,
  released       boolean     not null default false, -- an operator has let it past the guard
  covers         date[]      not null default '{}', -- the days whose reports it has read
  late           boolean     not null default false,
  next_try_at    timestamptz not null,
  scheduled_at   timestamptz not null,
  started_at     timestamptz,
  details_at     timestamptz, -- the work list is complete, details are read
  collected_at   timestamptz,
  published_at   timestamptz,
  ended_at       timestamptz,
  message        text,
  counts         jsonb       not null default '{}',
  constraint ended_when_final check ((state in ('published', 'no_report', 'failed')) = (ended_at is not null))
);
create unique index nipr_run_one_at_a_time on nipr_run (feed_id) where ended_at is null;
create index nipr_run_newest on nipr_run (feed_id, scheduled_at desc, id);
create index nipr_run_published on nipr_run (feed_id, run_date desc) where state = 'published';

-- An alert report of a day: read by a run, and collected once that run is published.
create table nipr_report (
  feed_id   text        collate "C" not null,
  kind      text        not null check (kind in ('LICENSING', 'APPOINTMENTS', 'RIRS', 'DEMOGRAPHICS')),
  day       date        not null,
  run_id    uuid        not null,
  outcome   text        not null check (outcome in ('report', 'none')),
  collected boolean     not null default false,
  read_at   timestamptz not null,
  primary key (feed_id, kind, day)
);

create table nipr_run_npn (
  run_id      uuid        not null,
  npn         bigint      not null,
  state       text        not null check (state in ('waiting', 'staged', 'unchanged', 'unknown', 'deferred')),
  alerted     boolean     not null default false,
  version     integer, -- of the target when its report was compared
  attempts    smallint    not null default 0,
  warnings    integer     not null default 0,
  cause       text, -- of the last failure
  primary key (run_id, npn)
) with (fillfactor = 80);
create index nipr_run_npn_waiting on nipr_run_npn (run_id, npn) where state = 'waiting';

-- Differences that a run has found, one row for each record. Emptied when the run ends.
create table nipr_change (
  run_id    uuid     not null,
  npn       bigint   not null,
  kind      text     not null,
  record_id bigint   not null,
  action    text     not null check (action in ('insert', 'update', 'delete')),
  fields    jsonb, -- of an insert or update: the columns of the record
  primary key (run_id, kind, npn, record_id)
);

-- Each account is told once of a run: the key decides, whatever publishes.
create table nipr_announcement (
  account_id text collate "C" not null,
  run_id     uuid not null,
  event_id   text collate "C" not null,
  primary key (account_id, run_id)
);
create index nipr_announcement_of_run on nipr_announcement (run_id, account_id);

do $$
declare
  name text;
begin
  foreach name in array array['nipr_feed', 'nipr_target', 'nipr_run', 'nipr_report', 'nipr_run_npn', 'nipr_change', 'nipr_announcement'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy updates on %I to psapi_updates using (true)', name);
    execute format('grant select, insert, update, delete on %I to psapi_updates', name);
  end loop;
end $$;

-- An account sees its own feed, an operator the feeds of the environment, and both what belongs to these feeds.
create policy api on nipr_feed to psapi_api
  using (environment = (select current_environment())
         and ((select current_account()) is null or id = (select current_feed())));
create policy api on nipr_run for select to psapi_api using (feed_id in (select id from nipr_feed));
create policy api on nipr_run_npn for select to psapi_api using (run_id in (select id from nipr_run));
create policy api on nipr_target to psapi_api using (feed_id = (select current_feed()));
create policy api on nipr_announcement for select to psapi_api
  using ((select current_account()) is null and run_id in (select id from nipr_run));
grant select on nipr_feed, nipr_run, nipr_run_npn, nipr_announcement to psapi_api;
grant insert on nipr_feed, nipr_target to psapi_api; -- those of a new sandbox account

insert into nipr_feed (id, environment, account_id, kind, seed, owed_from, cleaned_on, due_at, created_at)
select a.id, 'sandbox', a.id, 'simulator', a.id, (now() at time zone 'America/Chicago')::date + 1,
       (now() at time zone 'America/Chicago')::date, now(), now()
  from account a where a.environment = 'sandbox' and a.deleted_at is null;

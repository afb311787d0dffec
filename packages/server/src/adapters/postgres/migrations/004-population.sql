-- The NPNs that an account monitors, and the jobs that change them.
--
-- A row of `population` stays after its NPN has left: the next event about the NPN must be later than its last one.
-- Totals are kept in `population_count`, not counted. Whoever changes a population first locks the account's row there,
-- so changes of one account take turns and its limit holds; accounts never meet.

create table population_count (
  account_id text    collate "C" primary key references account,
  loading    integer not null default 0 check (loading >= 0), -- active NPNs by data status
  ready      integer not null default 0 check (ready >= 0),
  not_found  integer not null default 0 check (not_found >= 0),
  changes    bigint  not null default 0 -- transactions that have changed the population
);

create table population (
  account_id    text        collate "C" not null, -- its row of population_count refers to the account
  npn           bigint      not null check (npn between 1 and 9999999999), -- a number: lists are ordered by it
  active        boolean     not null,
  activated_at  timestamptz not null,
  changed_at    timestamptz not null, -- timestamp of the last event about the NPN
  change_number bigint      not null, -- population_count.changes of the last change: tells what was there at a moment
  source        text        not null check (source in ('preloaded', 'post', 'put', 'read')),
  data_status   text        not null check (data_status in ('loading', 'ready', 'not_found')),
  activations   integer     not null check (activations >= 1),
  primary key (account_id, npn)
);
create index population_active on population (account_id, npn) where active;
create index population_of_status on population (account_id, data_status, npn) where active;

create table population_job (
  account_id        text        collate "C" not null references account,
  id                uuid        not null,
  number            bigint      not null, -- 1, 2, … in the order of acceptance, which is the order of commit
  type              text        not null check (type in ('add', 'replace', 'remove')),
  state             text        not null check (state in ('pending', 'running', 'succeeded', 'partly_failed', 'failed')),
  requested         integer     not null, -- elements of the body
  distinct_elements integer     not null, -- positions 0 … distinct_elements − 1
  leaving           integer     not null default 0, -- NPNs that a replace removes, at the positions after those
  leaving_after     bigint, -- a replace that still lists what it removes: listed so far; null: complete
  start_change      bigint, -- population_count.changes when the job started
  added             integer     not null default 0,
  already_active    integer     not null default 0,
  removed           integer     not null default 0,
  not_active        integer     not null default 0,
  invalid           integer     not null default 0,
  processed         integer     not null generated always as (added + already_active + removed + not_active + invalid) stored,
  message           text,
  accepted_at       timestamptz not null,
  started_at        timestamptz,
  updated_at        timestamptz not null,
  finished_at       timestamptz,
  lease_owner       uuid, -- whoever takes the lease over writes its own id here, and with that fences the former owner
  lease_until       timestamptz,
  tried_since       timestamptz, -- since when runners have held the job without progress
  primary key (account_id, id),
  unique (account_id, number),
  constraint ended_when_final check ((state in ('pending', 'running')) = (finished_at is null)),
  constraint running_has_started check (state <> 'running' or started_at is not null)
) with (fillfactor = 50);
create index population_job_open on population_job (account_id, number) where finished_at is null;
create index population_job_age on population_job (accepted_at);

create table population_job_item (
  account_id text    collate "C" not null,
  job_id     uuid    not null,
  position   integer not null, -- without gaps
  npn        bigint,
  malformed  json, -- an element that is no NPN, as JSON: a text cannot hold every string
  outcome    text    check (outcome in ('added', 'already_active', 'removed', 'not_active', 'invalid')), -- null: not processed
  reason     text    check (reason in ('malformed', 'limit_reached')),
  primary key (account_id, job_id, position),
  constraint item_is_npn_or_malformed check ((npn is null) = (malformed is not null)),
  constraint only_invalid_has_a_reason check ((outcome is not distinct from 'invalid') = (reason is not null))
) with (fillfactor = 80); -- room for the outcome beside the row

do $$
declare
  name text;
begin
  foreach name in array array['population_count', 'population', 'population_job', 'population_job_item'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
    execute format('create policy updates on %I to psapi_updates using (true)', name);
    execute format('grant select, insert on %I to psapi_api', name);
    execute format('grant select, insert, update, delete on %I to psapi_updates', name);
  end loop;
end $$;

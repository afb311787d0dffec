-- What has been counted of attempts, and where in an account's events and attempts something occurs. Nothing of it is written
-- when an event is accepted or an attempt recorded: a job reads what has been stored, some minutes later, and never twice.

-- From when until when attempts have been counted. One row; before it is there, and outside of it, rows are looked through.
create table tally_progress (
  only_row      boolean     primary key default true check (only_row),
  covers_from   timestamptz not null,
  covers_until  timestamptz not null,
  next_until    timestamptz not null, -- it may be covered once no transaction is left that is older than next_after
  next_after    xid8        not null
);

-- Attempts made in five minutes, and in an hour, test requests left out. Sums over weeks are read from the index alone: rows of an
-- endpoint lie far apart in the table.
create table type_tally (
  account_id  text        collate "C" not null,
  endpoint_id text        collate "C" not null,
  minutes     smallint    not null check (minutes in (5, 60)),
  starts_at   timestamptz not null,
  event_type  text        collate "C" not null, -- '': the event is not kept any more
  delivered   integer     not null,
  failed      integer     not null,
  canceled    integer     not null,
  primary key (account_id, endpoint_id, minutes, starts_at, event_type) include (delivered, failed, canceled)
) with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000);
create table endpoint_tally (
  account_id      text        collate "C" not null,
  endpoint_id     text        collate "C" not null,
  minutes         smallint    not null check (minutes in (5, 60)),
  starts_at       timestamptz not null,
  delivered       integer     not null,
  failed          integer     not null,
  canceled        integer     not null,
  exhausted       integer     not null, -- given up
  first_attempts  integer     not null,
  first_delivered integer     not null,
  durations       integer[]   not null, -- how many took how long: statistics/response-times.ts has the bounds
  max_ms          integer     not null,
  classes         jsonb, -- failures by class; null: none
  last_success_at timestamptz,
  primary key (account_id, endpoint_id, minutes, starts_at) include (delivered, failed, canceled)
) with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000);
-- Rows are added in the order of time, so what is too old is found by a few pages of an index of a few pages.
create index type_tally_age on type_tally using brin (starts_at) with (pages_per_range = 32);
create index endpoint_tally_age on endpoint_tally using brin (starts_at) with (pages_per_range = 32);

-- A stretch of ids in which a value occurs: of an account's events (owner ''), or of an endpoint's attempts. A value is a word and
-- what it is of: `type:a.b`, `channel:c`, `tag:t`, `code:300`. Stretches of an owner do not overlap and are the same for all values.
-- `failed:` and `canceled:` are of an endpoint too, and name single events that were given up or canceled there.
create table occurrence (
  account_id text        collate "C" not null,
  owner      text        collate "C" not null,
  value      text        collate "C" not null,
  first_id   text        collate "C" not null,
  last_id    text        collate "C" not null,
  ids        text[]      collate "C", -- the rows, where they are few; null: anywhere in the stretch
  noted_at   timestamptz not null,
  primary key (account_id, owner, value, first_id)
);
create index occurrence_age on occurrence using brin (noted_at) with (pages_per_range = 32);

-- How far an owner's stretches go. Rows outside are looked through: there are few after until_id, and none before from_id but
-- those that are older than all counting.
create table occurrence_owner (
  account_id text    collate "C" not null,
  owner      text    collate "C" not null,
  from_id    text    collate "C" not null,
  until_id   text    collate "C" not null,
  waiting    integer not null, -- rows after until_id, as far as they are covered
  primary key (account_id, owner)
) with (fillfactor = 80);
create index occurrence_owner_ready on occurrence_owner (account_id, owner) where waiting >= 200;

do $$
declare
  name text;
begin
  foreach name in array array['type_tally', 'endpoint_tally', 'occurrence', 'occurrence_owner'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy worker on %I to psapi_worker using (true)', name);
    execute format('create policy api on %I for select to psapi_api using (account_id = current_account())', name);
    execute format('grant select, insert, delete on %I to psapi_worker', name);
    execute format('grant select on %I to psapi_api', name);
  end loop;
end $$;
grant update (until_id, waiting) on occurrence_owner to psapi_worker;
grant select, insert, update on tally_progress to psapi_worker;
grant select on tally_progress to psapi_api;

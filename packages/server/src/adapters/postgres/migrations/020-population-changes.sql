-- What a person does to a population: see the difference first, apply exactly that, watch it as one job, cancel it, take it
-- back; and what has happened to one NPN.
--
-- A list that is being looked at is kept in blocks of a thousand rows: a file of a million NPNs is a thousand rows here,
-- written, paged and swept in a moment. A change of more than 50,000 NPNs is several jobs that bear one `change_id`, the id
-- of the first of them.

alter table population_job
  add column change_id           uuid, -- of the job as which it is shown: the first one of its change
  add column change_type         text check (change_type in ('add', 'replace', 'remove', 'opposite')), -- what was asked for
  add column cancel_requested_at timestamptz; -- its runner ends it before its next chunk
update population_job set change_id = id, change_type = type;
alter table population_job
  alter column change_id set not null,
  alter column change_type set not null;
create index population_job_part on population_job (account_id, change_id, number);
create index population_job_item_invalid on population_job_item (account_id, job_id, position) where outcome = 'invalid';
grant update (cancel_requested_at) on population_job to psapi_api;

create table population_preview (
  account_id        text        collate "C" not null references account,
  id                uuid        not null,
  mode              text        not null check (mode in ('add', 'remove', 'replace', 'opposite')),
  format            text        not null check (format in ('csv', 'text', 'json', 'job')),
  column_name       text, -- header of the column that was read
  blank             integer     not null,
  counts            jsonb       not null, -- rows by part
  size_before       integer     not null,
  size_after        integer     not null,
  population_change bigint      not null, -- population_count.changes that it was made at
  digest            bytea       not null, -- of what it adds and removes: tells whether another difference is the same
  created_at        timestamptz not null,
  expires_at        timestamptz not null,
  change_id         uuid, -- once it has been applied
  primary key (account_id, id)
);
create index population_preview_end on population_preview (expires_at);

create table population_preview_block (
  account_id text    collate "C" not null,
  preview_id uuid    not null,
  part       text    not null check (part in ('add', 'remove', 'same', 'repeated', 'invalid')),
  block      integer not null, -- 0, 1, …: a thousand rows each, the last one fewer
  npns       bigint[], -- null elements: rows that are no NPN
  lines      integer[], -- null elements: on no line of the file
  texts      text[], -- as given, where it is no NPN
  reasons    text[],
  primary key (account_id, preview_id, part, block),
  foreign key (account_id, preview_id) references population_preview on delete cascade
);

-- Joining, leaving, first data: one row for each event about an NPN, and one for what was there from the start.
create table population_event (
  account_id text        collate "C" not null,
  npn        bigint      not null,
  at         timestamptz not null,
  kind       text        not null check (kind in ('joined', 'left', 'data_ready')),
  source     text        check (source in ('preloaded', 'post', 'put', 'read')), -- of one that joined
  event_id   text        collate "C", -- null: nobody was told
  primary key (account_id, npn, at)
);
insert into population_event (account_id, npn, at, kind, source)
select account_id, npn, activated_at, 'joined', source from population
 union all
select account_id, npn, changed_at, 'left', null from population where not active and changed_at > activated_at;

-- Those that have left are listed too, in the order of their numbers and of their joining; those that are there also by this.
create index population_left on population (account_id, npn) where not active;
create index population_left_joined on population (account_id, activated_at, npn) where not active;
create index population_joined on population (account_id, data_status, activated_at, npn) where active;

do $$
declare
  name text;
begin
  foreach name in array array['population_preview', 'population_preview_block', 'population_event'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
    execute format('create policy updates on %I to psapi_updates using (true)', name);
    execute format('grant select, insert on %I to psapi_api', name);
    execute format('grant select, insert, update, delete on %I to psapi_updates', name);
  end loop;
end $$;
grant update (change_id), delete on population_preview to psapi_api; -- its blocks go with it
grant delete on population_preview_block to psapi_api;

-- What people do by hand from the portal: tests that are signed in other ways, and replays that were counted before they begin.

-- How a test request is signed, where it is not as every delivery; `wrong` and `old` are to be refused.
alter table pending add column signing text check (signing in ('newest', 'previous', 'wrong', 'old'));
grant update (signing) on pending to psapi_api;

-- A planned attempt is made now, on request.
grant update (due_at) on pending to psapi_api;

-- What a receiver made of a good, a wrongly signed and an old request. It counts for the URL and the secret that it was made with.
create table signature_check (
  account_id  text        collate "C" not null,
  endpoint_id text        collate "C" not null,
  url         text        not null,
  secret_id   text        collate "C" not null,
  verdict     text        not null,
  checked_at  timestamptz not null,
  primary key (account_id, endpoint_id),
  foreign key (account_id, endpoint_id) references endpoint
);

-- A dry run: what `POST A/replay` then starts is exactly this.
create table replay_preview (
  account_id   text        collate "C" not null references account,
  id           text        collate "C" not null,
  kind         text        not null,
  parameters   jsonb       not null, -- the frozen filter and time
  per_endpoint jsonb       not null, -- endpoint id -> deliveries counted; null where there are more than are counted
  task_ids     text[], -- null: not started
  created_at   timestamptz not null,
  primary key (account_id, id)
);
create index replay_preview_age on replay_preview (id);

-- What came of the deliveries of a replay is counted by its task.
create index attempt_of_task on attempt (account_id, task_id) include (state) where task_id is not null;

do $$
declare
  name text;
begin
  foreach name in array array['signature_check', 'replay_preview'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
  end loop;
end $$;
create policy worker on replay_preview to psapi_worker using (true);

grant select, insert, update, delete on signature_check to psapi_api;
grant select, insert on replay_preview to psapi_api;
grant update (task_ids) on replay_preview to psapi_api;
grant select, delete on replay_preview to psapi_worker;

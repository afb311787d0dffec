-- Where events go: event types and their groups (per environment), an account's endpoints and their signing secrets.

-- 'a.b.c' -> {a, a.b, a.b.c}: the groups that contain a type of group a.b.c.
create function group_and_parents(group_name text) returns text[] language sql immutable parallel safe
  return (select array_agg(array_to_string(parts[1:n], '.'))
            from (select string_to_array(group_name, '.') as parts) as split,
                 generate_subscripts(parts, 1) as n);

create table event_type (
  environment   text        not null references environment,
  name          text        collate "C" not null,
  description   text        not null,
  group_name    text        collate "C",
  archived      boolean     not null default false,
  deprecated    boolean     not null default false,
  opt_in        boolean     not null default false, -- goes only to endpoints that name it
  built_in      boolean     not null default false,
  feature_flags text[]      not null default '{}',
  schemas       json, -- version -> JSON Schema, as given
  created_at    timestamptz not null,
  updated_at    timestamptz not null,
  -- what an endpoint may have chosen to get this type; a type that is not registered matches by its name alone
  match_names   text[]      not null generated always as
                  (case when opt_in or group_name is null then array[name::text]
                        else array[name::text] || group_and_parents(group_name) end) stored,
  primary key (environment, name)
);

create table endpoint (
  account_id           text        collate "C" not null references account,
  id                   text        collate "C" not null,
  environment          text        not null references environment,
  shard                smallint    not null generated always as ((hashtextextended(id, 0) & 255)::smallint) stored,
  uid                  text        collate "C",
  url                  text        not null,
  description          text        not null default '',
  event_types          text[]      check (event_types <> '{}'), -- null: all, except opt-in types
  channels             text[]      check (channels <> '{}'), -- null: all
  metadata             jsonb       not null default '{}',
  throttle_rate        integer     check (throttle_rate between 1 and 65535),
  timeout_ms           integer     check (timeout_ms between 1000 and 30000), -- null: the environment's
  retry_schedule       integer[]   check (cardinality(retry_schedule) <= 24), -- seconds; null: the environment's
  max_concurrency      integer     check (max_concurrency between 1 and 256), -- null: the environment's
  ordering             text        not null default 'none' check (ordering in ('none', 'fifo')),
  headers              bytea, -- encrypted JSON list of [name, value]; null: none
  disabled             boolean     not null default false,
  disabled_reason      text        check (disabled_reason in ('manual', 'failures', 'gone', 'receiver_request')),
  version              bigint      not null default 1, -- grows with every change that an attempt must obey
  canceled_before      timestamptz, -- planned deliveries made before this moment are canceled; rows follow in batches
  proven_at            timestamptz, -- first 2xx since the URL was set
  failing_since        timestamptz,
  failures             integer     not null default 0, -- failed attempts since failing_since
  last_attempt_at      timestamptz, -- of the streak of failures only
  created_at           timestamptz not null,
  updated_at           timestamptz not null,
  deleted_at           timestamptz,
  primary key (account_id, id),
  constraint fifo_is_one_at_a_time check (ordering = 'none' or coalesce(max_concurrency, 1) = 1),
  constraint disabled_has_a_reason check (disabled = (disabled_reason is not null))
);
create unique index endpoint_uid on endpoint (account_id, uid) where deleted_at is null;
create index endpoint_of_shard on endpoint (shard) where deleted_at is null;

create table endpoint_secret (
  account_id  text        collate "C" not null,
  endpoint_id text        collate "C" not null,
  id          text        collate "C" not null, -- newest is the current one
  secret      bytea       not null, -- encrypted
  created_at  timestamptz not null,
  expires_at  timestamptz, -- null: the current one; else signs until then
  primary key (account_id, endpoint_id, id),
  foreign key (account_id, endpoint_id) references endpoint
);
create unique index endpoint_secret_current on endpoint_secret (account_id, endpoint_id) where expires_at is null;

-- Does this endpoint get an event of this type now? The one place where filters are applied; inlined by the planner.
-- A group is looked up when the event is accepted, so types that join it later count. `type_row` is null for a type
-- that is not registered.
create function endpoint_wants(target endpoint, only_endpoint_id text, type_name text, type_row event_type, event_channels text[])
  returns boolean language sql immutable parallel safe
  return target.deleted_at is null
     and case when only_endpoint_id is not null then target.id = only_endpoint_id
              else not target.disabled
               and case when target.event_types is null then not coalesce(type_row.opt_in, false)
                        else target.event_types && coalesce(type_row.match_names, array[type_name]) end
               and (target.channels is null or coalesce(target.channels && event_channels, false))
         end;

alter table event_type enable row level security;
alter table event_type force row level security;
create policy owner on event_type to psapi_migrate using (true);
create policy api on event_type to psapi_api using (environment = current_environment());
create policy readers on event_type for select to psapi_accept, psapi_worker, psapi_updates using (true);

alter table endpoint enable row level security;
alter table endpoint force row level security;
create policy owner on endpoint to psapi_migrate using (true);
-- with an environment key, which names no account, the list of accounts asks which have endpoints
create policy api on endpoint to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));
create policy readers on endpoint for select to psapi_accept, psapi_updates using (true);
create policy worker on endpoint to psapi_worker using (true);

alter table endpoint_secret enable row level security;
alter table endpoint_secret force row level security;
create policy owner on endpoint_secret to psapi_migrate using (true);
create policy api on endpoint_secret to psapi_api using (account_id = current_account());
create policy worker on endpoint_secret for select to psapi_worker using (true);

grant select, insert, update, delete on event_type to psapi_api;
grant select on event_type to psapi_accept, psapi_worker, psapi_updates;
grant select, insert, update on endpoint to psapi_api;
grant select on endpoint to psapi_accept, psapi_updates, psapi_worker;
grant update (disabled, disabled_reason, version, canceled_before, proven_at, failing_since, failures, last_attempt_at)
  on endpoint to psapi_worker;
grant select, insert, update, delete on endpoint_secret to psapi_api;
grant select on endpoint_secret to psapi_worker;

-- The command line at a developer's desk: sessions that get an account's events as they are accepted, what the program there
-- answered, and sign-in that a person approves in the portal.

create table cli_session (
  account_id  text        collate "C" not null references account,
  id          text        collate "C" not null,
  environment text        not null references environment,
  secret      bytea       not null, -- encrypted; of one device always the same
  event_types text[]      check (event_types <> '{}'), -- types and groups; null: all, except opt-in types
  endpoint_id text        collate "C", -- what this endpoint wants
  forward_to  text, -- for people to see
  starts_at   pg_snapshot not null, -- it gets what this does not see
  latest_ids  text[]      collate "C" not null, -- and before that these events, oldest first
  created_at  timestamptz not null,
  seen_at     timestamptz not null,
  ended_at    timestamptz,
  primary key (account_id, id)
);
create index cli_session_seen on cli_session (seen_at);

create table cli_result (
  account_id    text        collate "C" not null,
  session_id    text        collate "C" not null,
  event_id      text        collate "C" not null,
  status_code   smallint    not null check (status_code between 0 and 999), -- 0: no response
  duration_ms   integer     not null check (duration_ms >= 0),
  failure_class text,
  at            timestamptz not null,
  primary key (account_id, session_id, event_id),
  foreign key (account_id, session_id) references cli_session on delete cascade
);
create index cli_result_newest on cli_result (account_id, session_id, at);

-- A device that asks to be let in. It knows the code that `hash` is of; a person compares the other one and decides.
create table cli_login (
  hash          bytea       primary key check (length(hash) = 32),
  user_code     text        collate "C" not null unique,
  device_name   text,
  created_at    timestamptz not null,
  expires_at    timestamptz not null,
  decided_at    timestamptz,
  approved      boolean,
  environment   text        references environment, -- where, and with which rights: of whoever has approved
  account_id    text        collate "C" references account,
  scopes        text[],
  capabilities  text[],
  feature_flags text[],
  session_id    text,
  spent_at      timestamptz,
  constraint decision_is_whole check ((decided_at is null) = (approved is null)),
  constraint approved_by_somebody check (approved is not true or (environment is not null and account_id is not null
    and scopes is not null and capabilities is not null and feature_flags is not null)),
  constraint spent_when_decided check (spent_at is null or decided_at is not null)
);
create index cli_login_expiry on cli_login (expires_at);

-- Before anybody has decided, a login belongs to no account: whoever knows one of its codes finds it, and nobody else.
create function start_cli_login(new_hash bytea, new_code text, named text, now_at timestamptz, until timestamptz) returns boolean
  language sql volatile security definer set search_path = public
begin atomic
  insert into cli_login (hash, user_code, device_name, created_at, expires_at)
  values (new_hash, new_code, named, now_at, until)
  on conflict do nothing
  returning true;
end;

create function cli_login_by_code(wanted text, now_at timestamptz)
  returns table (user_code text, device_name text, created_at timestamptz, expires_at timestamptz)
  language sql stable security definer set search_path = public
begin atomic
  select l.user_code, l.device_name, l.created_at, l.expires_at
    from cli_login l
   where l.user_code = wanted and l.decided_at is null and l.expires_at > now_at;
end;

create function decide_cli_login(wanted text, now_at timestamptz, is_approved boolean, of_environment text, of_account text,
                                 of_scopes text[], of_capabilities text[], of_flags text[], of_session text) returns boolean
  language sql volatile security definer set search_path = public
begin atomic
  update cli_login l
     set decided_at = now_at, approved = is_approved, environment = of_environment, account_id = of_account, scopes = of_scopes,
         capabilities = of_capabilities, feature_flags = of_flags, session_id = of_session
   where l.user_code = wanted and l.decided_at is null and l.expires_at > now_at
  returning true;
end;

-- Asks how a login stands; one that is decided is spent with it. Of those who ask at the same moment one gets the answer.
create function spend_cli_login(wanted bytea, now_at timestamptz)
  returns table (decided boolean, approved boolean, environment text, account_id text, scopes text[], capabilities text[],
                 feature_flags text[], session_id text)
  language sql volatile security definer set search_path = public
begin atomic
  update cli_login l set spent_at = case when l.decided_at is not null then now_at end
   where l.hash = wanted and l.spent_at is null and l.expires_at > now_at
  returning l.decided_at is not null, l.approved, l.environment, l.account_id, l.scopes, l.capabilities, l.feature_flags,
            l.session_id;
end;

do $$
declare
  name text;
begin
  foreach name in array array['cli_session', 'cli_result'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
    execute format('create policy cleaner on %I to psapi_worker using (true)', name);
  end loop;
end $$;
alter table cli_login enable row level security;
alter table cli_login force row level security;
create policy owner on cli_login to psapi_migrate using (true);
create policy cleaner on cli_login to psapi_worker using (true);
grant select, insert, update on cli_session, cli_result to psapi_api;
grant select, delete on cli_session, cli_result, cli_login to psapi_worker;

-- Who uses the service: two environments that share nothing, their accounts, and the credentials that act for them.
-- Credentials are kept as SHA-256 only. Accounts are never removed here: `deleted_at` ends them at once, rows follow.
--
-- Row-level security is forced on every table with an `account_id`. A transaction of `psapi_api` sees the environment
-- named by the setting `psapi.environment` and, in tables of account data, only the account named by
-- `psapi.account_id`; without these settings it sees nothing. The other roles have policies on their own tables only.

create function current_environment() returns text language sql stable parallel safe
  return nullif(current_setting('psapi.environment', true), '');
create function current_account() returns text language sql stable parallel safe
  return nullif(current_setting('psapi.account_id', true), '');

create table environment (
  name       text        primary key check (name in ('sandbox', 'production')),
  id         text        collate "C" not null unique,
  settings   jsonb       not null default '{}',
  created_at timestamptz not null
);

-- Which master keys wrap data keys here. A process whose key opens none of these checks has the wrong key.
create table master_key (
  id          bytea       primary key check (length(id) = 8), -- derived from the key
  check_value bytea       not null, -- a known text sealed with the key
  created_at  timestamptz not null
);

create table account (
  id             text        collate "C" primary key,
  environment    text        not null references environment,
  uid            text        collate "C",
  name           text        not null,
  throttle_rate  integer     check (throttle_rate between 1 and 65535),
  metadata       jsonb       not null default '{}',
  data_key       bytea       not null, -- encrypts the account's secrets; itself wrapped by the master key
  population_max integer     not null check (population_max between 0 and 1000000),
  auto_subscribe boolean     not null default true,
  created_at     timestamptz not null,
  updated_at     timestamptz not null,
  deleted_at     timestamptz
);
create unique index account_uid on account (environment, uid) where deleted_at is null;
create index account_live on account (environment, id) where deleted_at is null;

create table oauth_client (
  account_id  text        collate "C" not null references account,
  id          text        collate "C" not null unique,
  environment text        not null references environment,
  name        text        not null,
  scopes      text[]      not null,
  created_at  timestamptz not null,
  revoked_at  timestamptz,
  primary key (account_id, id)
);

create table oauth_client_secret (
  account_id  text        collate "C" not null,
  client_id   text        collate "C" not null,
  id          text        collate "C" not null unique,
  slot        smallint    not null check (slot in (1, 2)), -- at most two secrets of a client are valid at a time
  secret_hash bytea       not null unique check (length(secret_hash) = 32),
  created_at  timestamptz not null,
  revoked_at  timestamptz,
  primary key (account_id, client_id, id),
  foreign key (account_id, client_id) references oauth_client
);
create unique index oauth_client_secret_live on oauth_client_secret (account_id, client_id, slot) where revoked_at is null;

create table token (
  hash             bytea       primary key check (length(hash) = 32),
  kind             text        not null check (kind in ('environment_key', 'app', 'access')),
  id               text        collate "C" not null unique, -- names the token in commands and audit; not a secret
  environment      text        not null references environment,
  account_id       text        collate "C" references account,
  client_id        text        collate "C",
  client_secret_id text        collate "C",
  name             text        not null default '',
  scopes           text[]      not null default '{}',
  capabilities     text[]      not null default '{}',
  feature_flags    text[]      not null default '{}',
  session_id       text,
  created_at       timestamptz not null,
  expires_at       timestamptz,
  revoked_at       timestamptz,
  constraint environment_key_has_no_account check ((kind = 'environment_key') = (account_id is null)),
  constraint access_token_has_client check ((kind = 'access') = (client_id is not null))
);
create index token_expiry on token (expires_at);
create index token_environment_key on token (environment, id) where kind = 'environment_key';
create index token_of_account on token (account_id) where account_id is not null;

-- Requests counted in fixed windows of one UTC minute, and failures at the token endpoint. Subjects (a client, a key, an
-- address) are hashed: of bounded length, whatever was sent. Unlogged: counting costs no flush of the log, and what a
-- crash of the database forgets is at most the current window.
create unlogged table rate_window (
  subject   bytea       not null check (length(subject) = 32),
  window_at timestamptz not null,
  requests  integer     not null,
  primary key (subject, window_at)
);
create index rate_window_age on rate_window (window_at);

create unlogged table token_failure (
  subject       bytea         primary key check (length(subject) = 32),
  recent        timestamptz[] not null default '{}', -- failures of the last five minutes that have not led to a block
  blocks        integer       not null default 0, -- in a row; the wait doubles with each
  blocked_until timestamptz,
  failed_at     timestamptz   not null
);
create index token_failure_age on token_failure (failed_at);

-- One hash in, one row out: the only way in which a request's credential is read, before any account is known.
-- A token of a revoked client, a revoked secret or a deleted account is no token.
create function token_by_hash(wanted bytea)
  returns table (id text, kind text, environment text, account_id text, client_id text, scopes text[],
                 capabilities text[], feature_flags text[], session_id text, expires_at timestamptz)
  language sql stable security definer set search_path = public
begin atomic
  select t.id, t.kind, t.environment, t.account_id, t.client_id, t.scopes, t.capabilities, t.feature_flags,
         t.session_id, t.expires_at
    from token t
    left join account a on a.id = t.account_id
    left join oauth_client c on c.id = t.client_id
    left join oauth_client_secret s
           on s.account_id = t.account_id and s.client_id = t.client_id and s.id = t.client_secret_id
   where t.hash = wanted
     and t.revoked_at is null
     and (t.account_id is null or (a.id is not null and a.deleted_at is null))
     and (t.client_id is null or (c.id is not null and c.revoked_at is null
                                  and s.id is not null and s.revoked_at is null));
end;

create function client_by_secret(wanted_client text, wanted_hash bytea)
  returns table (id text, environment text, account_id text, scopes text[], client_secret_id text)
  language sql stable security definer set search_path = public
begin atomic
  select c.id, a.environment, c.account_id, c.scopes, s.id
    from oauth_client_secret s
    join oauth_client c on c.account_id = s.account_id and c.id = s.client_id
    join account a on a.id = c.account_id
   where s.secret_hash = wanted_hash and c.id = wanted_client
     and s.revoked_at is null and c.revoked_at is null and a.deleted_at is null;
end;

alter table environment enable row level security;
alter table environment force row level security;
create policy owner on environment to psapi_migrate using (true);
create policy api on environment to psapi_api using (name = current_environment());
create policy readers on environment for select to psapi_accept, psapi_worker, psapi_updates using (true);

alter table account enable row level security;
alter table account force row level security;
create policy owner on account to psapi_migrate using (true);
create policy api on account to psapi_api
  using (environment = current_environment() and (current_account() is null or id = current_account()));
create policy readers on account for select to psapi_accept, psapi_worker, psapi_updates using (true);

alter table oauth_client enable row level security;
alter table oauth_client force row level security;
create policy owner on oauth_client to psapi_migrate using (true);
create policy api on oauth_client to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));

alter table oauth_client_secret enable row level security;
alter table oauth_client_secret force row level security;
create policy owner on oauth_client_secret to psapi_migrate using (true);
create policy api on oauth_client_secret to psapi_api using (account_id = current_account());

alter table token enable row level security;
alter table token force row level security;
create policy owner on token to psapi_migrate using (true);
create policy api on token to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));
create policy cleaner on token to psapi_worker using (true);

grant select, insert on environment to psapi_api;
grant update (settings) on environment to psapi_api;
grant select on environment to psapi_accept, psapi_worker, psapi_updates;
grant select, insert on master_key to psapi_api;
grant select on master_key to psapi_accept, psapi_worker, psapi_updates;
grant select, insert, update on account to psapi_api;
grant select on account to psapi_accept, psapi_worker, psapi_updates;
grant select, insert, update on oauth_client, oauth_client_secret, token to psapi_api;
grant select, delete on token to psapi_worker;
grant select, insert, update on rate_window, token_failure to psapi_api;
grant select, delete on rate_window, token_failure to psapi_worker;

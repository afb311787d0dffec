-- How people get into the portal: login links, each spent once, the sessions made from them, and the bearer tokens of a
-- session. Keys and session ids are kept as SHA-256 only. What an application's operator gives out as a link and what a person
-- holds afterwards carry the same rights, and end with `expire-all`.

create table login_link (
  account_id      text        collate "C" not null references account,
  id              text        collate "C" not null unique, -- names the link in commands; not a secret
  environment     text        not null references environment,
  hash            bytea       not null unique check (length(hash) = 32),
  person          text, -- whom it is for; null: whoever holds it
  role            text        check (role in ('viewer', 'developer', 'admin')), -- null: the capabilities say all
  capabilities    text[]      not null,
  feature_flags   text[]      not null,
  session_id      text,
  created_at      timestamptz not null,
  expires_at      timestamptz not null,
  sessions_end_at timestamptz, -- sessions made from it end then at the latest
  used_at         timestamptz,
  revoked_at      timestamptz,
  primary key (account_id, id)
);
create index login_link_expiry on login_link (expires_at);

create table portal_session (
  account_id    text        collate "C" not null references account,
  id            text        collate "C" not null unique,
  environment   text        not null references environment,
  hash          bytea       unique check (length(hash) = 32), -- of the cookie; null: embedded, held by its tokens alone
  link_id       text        collate "C" not null,
  person        text,
  role          text        check (role in ('viewer', 'developer', 'admin')),
  capabilities  text[]      not null,
  feature_flags text[]      not null,
  session_id    text,
  created_at    timestamptz not null,
  idle_ends_at  timestamptz not null,
  ends_at       timestamptz not null,
  ended_at      timestamptz,
  primary key (account_id, id),
  constraint idle_ends_within check (idle_ends_at <= ends_at)
);
create index portal_session_end on portal_session (ends_at);

alter table token add column portal_session_id text collate "C"; -- the session that it was made for, and ends with
create index token_of_portal_session on token (account_id, portal_session_id) where portal_session_id is not null;

drop function token_by_hash(bytea);
-- As before (migration 001), and which session of the portal the token was made for.
create function token_by_hash(wanted bytea)
  returns table (id text, kind text, environment text, account_id text, client_id text, scopes text[],
                 capabilities text[], feature_flags text[], session_id text, portal_session_id text, expires_at timestamptz)
  language sql stable security definer set search_path = public
begin atomic
  select t.id, t.kind, t.environment, t.account_id, t.client_id, t.scopes, t.capabilities, t.feature_flags,
         t.session_id, t.portal_session_id, t.expires_at
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

-- Spends a link for a session. One update decides who gets it: of those who wait for its row, all but the first find it used.
create function open_portal_session(link_hash bytea, new_id text, new_hash bytea, now_at timestamptz,
                                    idle_until timestamptz, at_most_until timestamptz)
  returns table (id text, environment text, account_id text, person text, role text, capabilities text[],
                 feature_flags text[], session_id text, created_at timestamptz, idle_ends_at timestamptz, ends_at timestamptz)
  language sql volatile security definer set search_path = public
begin atomic
  with spent as (
    update login_link l set used_at = now_at
     where l.hash = link_hash and l.used_at is null and l.revoked_at is null and l.expires_at > now_at
       and exists (select from account a where a.id = l.account_id and a.deleted_at is null)
    returning l.account_id, l.id, l.environment, l.person, l.role, l.capabilities, l.feature_flags, l.session_id,
              least(at_most_until, l.sessions_end_at) as ends_at
  )
  insert into portal_session (account_id, id, environment, hash, link_id, person, role, capabilities, feature_flags,
                              session_id, created_at, idle_ends_at, ends_at)
  select s.account_id, new_id, s.environment, new_hash, s.id, s.person, s.role, s.capabilities, s.feature_flags,
         s.session_id, now_at, least(idle_until, s.ends_at), s.ends_at
    from spent s
   where s.ends_at > now_at
  returning id, environment, account_id, person, role, capabilities, feature_flags, session_id, created_at, idle_ends_at, ends_at;
end;

-- The session of a cookie, before any account is known. An ended one, or one of a deleted account, is no session.
create function portal_session_by_hash(wanted bytea, now_at timestamptz)
  returns table (id text, environment text, account_id text, person text, role text, capabilities text[],
                 feature_flags text[], session_id text, created_at timestamptz, idle_ends_at timestamptz, ends_at timestamptz)
  language sql stable security definer set search_path = public
begin atomic
  select s.id, s.environment, s.account_id, s.person, s.role, s.capabilities, s.feature_flags, s.session_id, s.created_at,
         s.idle_ends_at, s.ends_at
    from portal_session s
    join account a on a.id = s.account_id
   where s.hash = wanted and s.ended_at is null and s.idle_ends_at > now_at and a.deleted_at is null;
end;

alter table login_link enable row level security;
alter table login_link force row level security;
create policy owner on login_link to psapi_migrate using (true);
create policy api on login_link to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));
create policy cleaner on login_link to psapi_worker using (true);

alter table portal_session enable row level security;
alter table portal_session force row level security;
create policy owner on portal_session to psapi_migrate using (true);
create policy api on portal_session to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));
create policy cleaner on portal_session to psapi_worker using (true);

grant select, insert, update on login_link, portal_session to psapi_api;
grant select, delete on login_link, portal_session to psapi_worker;

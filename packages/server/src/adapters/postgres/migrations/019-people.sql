-- The people and programs of an account, and the operator's staff.
--
-- A member is somebody with a role in an account. Links and sessions carry person and role as copies, which change with the
-- member's in one transaction, so that whoever reads a token reads one row. Staff belong to the internal account of their
-- environment, with roles of their own.

create table member (
  account_id      text        collate "C" not null references account,
  id              text        collate "C" not null unique,
  environment     text        not null references environment,
  person          text        not null,
  role            text        not null check (role in ('viewer', 'developer', 'admin')),
  created_at      timestamptz not null,
  updated_at      timestamptz not null,
  last_sign_in_at timestamptz,
  primary key (account_id, id),
  unique (account_id, person)
);

create table account_settings (
  account_id text        collate "C" primary key references account,
  time_zone  text, -- an IANA name
  name       text, -- the portal's; null: the product's
  accent     text        check (accent ~ '^#[0-9a-f]{6}$'),
  radius     smallint    check (radius between 0 and 16),
  logo       bytea       check (length(logo) <= 100000),
  logo_type  text        check (logo_type in ('image/png', 'image/webp')),
  updated_at timestamptz not null,
  constraint logo_has_a_type check ((logo is null) = (logo_type is null))
);

alter table login_link drop constraint login_link_role_check;
alter table login_link add constraint login_link_role_check
  check (role in ('viewer', 'developer', 'admin', 'support', 'operator'));
create index login_link_of_environment on login_link (environment, id);
alter table portal_session drop constraint portal_session_role_check;
alter table portal_session add constraint portal_session_role_check
  check (role in ('viewer', 'developer', 'admin', 'support', 'operator'));

-- One cookie may hold a session in each of several accounts.
alter table portal_session drop constraint portal_session_hash_key;
alter table portal_session add constraint portal_session_of_cookie unique (hash, account_id);
create index portal_session_person on portal_session (account_id, person) where ended_at is null;

alter table token drop constraint token_kind_check;
alter table token add constraint token_kind_check check (kind in ('environment_key', 'app', 'access', 'staff'));
alter table token add column role text check (role in ('viewer', 'developer', 'admin')); -- of an account's API key
alter table token add column used_at timestamptz; -- of keys, to within some minutes
alter table oauth_client add column used_at timestamptz;
create index token_account_key on token (account_id, id) where kind = 'app' and id like 'key\_%';

drop function token_by_hash(bytea);
-- As before (migration 006), and by whom and under which name it is used.
create function token_by_hash(wanted bytea)
  returns table (id text, kind text, environment text, account_id text, client_id text, scopes text[],
                 capabilities text[], feature_flags text[], session_id text, portal_session_id text, expires_at timestamptz,
                 name text, person text, role text, used_at timestamptz)
  language sql stable security definer set search_path = public
begin atomic
  select t.id, t.kind, t.environment, t.account_id, t.client_id, t.scopes, t.capabilities, t.feature_flags,
         t.session_id, t.portal_session_id, t.expires_at, coalesce(c.name, t.name), p.person, coalesce(p.role, t.role), t.used_at
    from token t
    left join account a on a.id = t.account_id
    left join oauth_client c on c.id = t.client_id
    left join oauth_client_secret s
           on s.account_id = t.account_id and s.client_id = t.client_id and s.id = t.client_secret_id
    left join portal_session p on p.account_id = t.account_id and p.id = t.portal_session_id
   where t.hash = wanted
     and t.revoked_at is null
     and (t.account_id is null or (a.id is not null and a.deleted_at is null))
     and (t.client_id is null or (c.id is not null and c.revoked_at is null
                                  and s.id is not null and s.revoked_at is null));
end;

-- Notes that a key is in use; one that was noted after `unless_after` is left alone.
create function note_key_use(wanted bytea, now_at timestamptz, unless_after timestamptz) returns void
  language sql volatile security definer set search_path = public
begin atomic
  update token t set used_at = now_at where t.hash = wanted and (t.used_at is null or t.used_at <= unless_after);
end;

drop function open_portal_session(bytea, text, bytea, timestamptz, timestamptz, timestamptz);
-- As before (migration 006), and the member has been here.
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
  ), opened as (
    insert into portal_session (account_id, id, environment, hash, link_id, person, role, capabilities, feature_flags,
                                session_id, created_at, idle_ends_at, ends_at)
    select s.account_id, new_id, s.environment, new_hash, s.id, s.person, s.role, s.capabilities, s.feature_flags,
           s.session_id, now_at, least(idle_until, s.ends_at), s.ends_at
      from spent s
     where s.ends_at > now_at
    returning *
  ), seen as (
    update member m set last_sign_in_at = now_at
      from opened o where m.account_id = o.account_id and m.person = o.person
  )
  select o.id, o.environment, o.account_id, o.person, o.role, o.capabilities, o.feature_flags, o.session_id, o.created_at,
         o.idle_ends_at, o.ends_at
    from opened o;
end;

-- Somebody who is signed in spends a link of another account: the new cookie takes the sessions of the former one over. Staff
-- keep to themselves.
create function join_portal_sessions(former_hash bytea, new_hash bytea, now_at timestamptz) returns void
  language sql volatile security definer set search_path = public
begin atomic
  update portal_session s set hash = new_hash
    from portal_session n
   where n.hash = new_hash and n.role is distinct from 'support' and n.role is distinct from 'operator'
     and s.hash = former_hash and s.environment = n.environment and s.account_id <> n.account_id
     and s.ended_at is null and s.idle_ends_at > now_at
     and s.role is distinct from 'support' and s.role is distinct from 'operator';
end;

do $$
declare
  name text;
begin
  foreach name in array array['member', 'account_settings'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
    execute format('grant select, insert, update, delete on %I to psapi_api', name);
  end loop;
end $$;

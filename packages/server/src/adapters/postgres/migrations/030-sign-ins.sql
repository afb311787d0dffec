-- What a person has let in by a code has that person's role: it changes with it, and ends with it. What staff have let in is theirs,
-- and lives no longer than the session in which they did.

alter table token add column person text; -- whose it is, of one that was let in by a code
create index token_of_person on token (account_id, person) where person is not null;

alter table cli_login add column person text;
alter table cli_login add column role text check (role in ('viewer', 'developer', 'admin'));
alter table cli_login add column staff_session text collate "C"; -- of the internal account
create index cli_login_of_person on cli_login (account_id, person) where person is not null;

drop function token_by_hash(bytea);
-- As before (migration 019), and whose it is.
create function token_by_hash(wanted bytea)
  returns table (id text, kind text, environment text, account_id text, client_id text, scopes text[],
                 capabilities text[], feature_flags text[], session_id text, portal_session_id text, expires_at timestamptz,
                 name text, person text, role text, used_at timestamptz)
  language sql stable security definer set search_path = public
begin atomic
  select t.id, t.kind, t.environment, t.account_id, t.client_id, t.scopes, t.capabilities, t.feature_flags,
         t.session_id, t.portal_session_id, t.expires_at, coalesce(c.name, t.name), coalesce(p.person, t.person),
         coalesce(p.role, t.role), t.used_at
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

drop function decide_cli_login(text, timestamptz, boolean, text, text, text[], text[], text[], text);
-- As before (migration 023), and by whom.
create function decide_cli_login(wanted text, now_at timestamptz, is_approved boolean, of_environment text, of_account text,
                                 of_scopes text[], of_capabilities text[], of_flags text[], of_session text, of_person text,
                                 of_role text, of_staff_session text) returns boolean
  language sql volatile security definer set search_path = public
begin atomic
  update cli_login l
     set decided_at = now_at, approved = is_approved, environment = of_environment, account_id = of_account, scopes = of_scopes,
         capabilities = of_capabilities, feature_flags = of_flags, session_id = of_session, person = of_person, role = of_role,
         staff_session = of_staff_session
   where l.user_code = wanted and l.decided_at is null and l.expires_at > now_at
  returning true;
end;

drop function spend_cli_login(bytea, timestamptz);
-- As before (migration 023), and by whom.
create function spend_cli_login(wanted bytea, now_at timestamptz)
  returns table (decided boolean, approved boolean, environment text, account_id text, scopes text[], capabilities text[],
                 feature_flags text[], session_id text, person text, role text, staff_session text)
  language sql volatile security definer set search_path = public
begin atomic
  update cli_login l set spent_at = case when l.decided_at is not null then now_at end
   where l.hash = wanted and l.spent_at is null and l.expires_at > now_at
  returning l.decided_at is not null, l.approved, l.environment, l.account_id, l.scopes, l.capabilities, l.feature_flags,
            l.session_id, l.person, l.role, l.staff_session;
end;

-- A person's role has changed, or there is none any more: what the person has approved and no device has fetched yet follows.
create function change_cli_logins(of_account text, of_person text, new_role text, new_scopes text[], new_capabilities text[])
  returns void
  language sql volatile security definer set search_path = public
begin atomic
  update cli_login l
     set approved = new_role is not null, role = new_role, scopes = coalesce(new_scopes, l.scopes),
         capabilities = coalesce(new_capabilities, l.capabilities)
   where l.account_id = of_account and l.person = of_person and l.approved and l.spent_at is null;
end;

-- Who did what. A line is written in the transaction of the change that it tells of, and is never changed or taken away by what
-- serves requests: the roles of the service may only add. What belongs to an environment itself stands in the lines of its
-- internal account.
--
-- The lines of an account are a chain: each holds the hash of the one before, so that a line that was altered, removed or put
-- in later is found (`npm run -s admin -- audit verify`). What has been kept long enough goes from the chain's start, and
-- `audit_start` keeps where it goes on from.

create table audit (
  account_id    text        collate "C" not null references account,
  id            text        collate "C" not null unique,
  environment   text        not null references environment,
  number        bigint      not null, -- 1, 2, … within the account, in the order of commit
  at            timestamptz not null,
  actor_kind    text        not null check (actor_kind in ('person', 'link', 'key', 'client', 'token', 'staff', 'command_line', 'service')),
  actor_id      text        collate "C",
  actor_name    text,
  actor_role    text,
  operation     text        collate "C" not null,
  target_kind   text,
  target_id     text        collate "C",
  changes       jsonb       not null default '[]', -- [{field, before, after} or {field, withheld}]
  reason        text,
  address       text,
  request_id    text        collate "C",
  previous_hash bytea,
  hash          bytea       not null check (length(hash) = 32),
  primary key (account_id, number)
);
create index audit_of_account on audit (account_id, id);
create index audit_of_environment on audit (environment, id);
create index audit_age on audit (at);

create table audit_start (
  account_id text   collate "C" primary key references account,
  number     bigint not null, -- of the last line that is gone
  hash       bytea  not null
);

-- What a line says, with what its chain said before. Moments as numbers: their text depends on the session's time zone.
create function audit_hash(line audit) returns bytea language sql stable
  return sha256(coalesce(line.previous_hash, ''::bytea) || convert_to(jsonb_build_array(
    line.account_id, line.id, line.environment, line.number, extract(epoch from line.at), line.actor_kind, line.actor_id,
    line.actor_name, line.actor_role, line.operation, line.target_kind, line.target_id, line.changes, line.reason, line.address,
    line.request_id)::text, 'utf8'));

-- Links a new line to its chain. The lock lasts to the end of the transaction, which is near: a line is the last thing that it
-- writes. The end of the chain is read after the lock is held: by its own, newer snapshot.
create function link_audit_line() returns trigger language plpgsql security definer set search_path = public as $$
declare
  last record;
begin
  perform pg_advisory_xact_lock(hashtextextended('psapi.audit ' || new.account_id, 0));
  select a.number, a.hash, a.at into last from audit a where a.account_id = new.account_id order by a.number desc limit 1;
  if not found then
    select s.number, s.hash, new.at as at into last from audit_start s where s.account_id = new.account_id;
  end if;
  new.number := coalesce(last.number, 0) + 1;
  new.previous_hash := last.hash;
  new.at := greatest(new.at, last.at); -- so that what is old enough to go is a beginning of the chain
  new.hash := audit_hash(new);
  return new;
end $$;
create trigger link before insert on audit for each row execute function link_audit_line();

-- Takes lines away that are older than a moment, oldest first in each chain; returns how many. Called by workers.
create function purge_audit(before timestamptz, rows_max integer) returns integer
  language plpgsql security definer set search_path = public as $$
declare
  gone integer;
begin
  with old as (
    select account_id, number from audit where at < before order by at, account_id, number limit rows_max
  ), removed as (
    delete from audit a using old o where a.account_id = o.account_id and a.number = o.number
    returning a.account_id, a.number, a.hash
  ), started as (
    insert into audit_start as s (account_id, number, hash)
    select distinct on (account_id) account_id, number, hash from removed order by account_id, number desc
    on conflict (account_id) do update set number = excluded.number, hash = excluded.hash where s.number < excluded.number
  )
  select count(*) into gone from removed;
  return gone;
end $$;

-- The first line of an account that does not follow from the ones before, and how many there are.
create function verify_audit(of_account text) returns table (lines bigint, broken_at bigint)
  language sql stable security definer set search_path = public
begin atomic
  with line as (
    select a.number, a.hash, a.previous_hash, audit_hash(a) as computed,
           lag(a.hash) over (order by a.number) as former_hash, lag(a.number) over (order by a.number) as former_number
      from audit a where a.account_id = of_account
  )
  select count(*),
         min(l.number) filter (where l.hash <> l.computed
                               or l.previous_hash is distinct from coalesce(l.former_hash, s.hash)
                               or l.number <> coalesce(l.former_number, s.number, 0) + 1)
    from line l left join audit_start s on s.account_id = of_account;
end;

do $$
declare
  name text;
begin
  foreach name in array array['audit', 'audit_start'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
  end loop;
end $$;
create policy reader on audit for select to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));
create policy writer on audit for insert to psapi_api
  with check (environment = current_environment() and (current_account() is null or account_id = current_account()));
create policy writer_updates on audit for insert to psapi_updates with check (true);

grant select, insert on audit to psapi_api;
grant insert on audit to psapi_updates;
revoke execute on function link_audit_line(), purge_audit(timestamptz, integer), verify_audit(text) from public;
grant execute on function purge_audit(timestamptz, integer) to psapi_worker;
grant execute on function verify_audit(text) to psapi_api;

-- What is left of a deleted account goes: its events and attempts, endpoints, people, credentials, and its data key at last. Only who did
-- what stays, for its own time, and the bare row that these lines belong to.
-- works with: 031

alter table account add column purged_at timestamptz;
create index account_ended on account (deleted_at) where deleted_at is not null and purged_at is null;

-- Removes a part of what the account holds that was deleted first of those that were deleted before a moment; returns how many rows, and null
-- when no account waits for it. What population and feeds hold of an account is removed by those who work on them. Tables are found, not
-- listed, so that none is forgotten: what is not meant to go is named here. Called by workers.
create function purge_ended_account(ended_before timestamptz, now_at timestamptz, rows_max integer) returns integer
  language plpgsql security definer set search_path = public as $$
declare
  ended text;
  leaf record;
  gone integer;
  rows_gone integer := 0;
begin
  select a.id into ended from account a
   where a.deleted_at < ended_before and a.purged_at is null and not a.internal
     and not exists (select from pending p where p.account_id = a.id)
   order by a.deleted_at limit 1 for update skip locked;
  if not found then
    return null;
  end if;
  for leaf in
    select coalesce(l.relid, c.oid)::regclass as name
      from pg_class c
      join pg_attribute t on t.attrelid = c.oid and t.attname = 'account_id' and not t.attisdropped
      left join lateral pg_partition_tree(c.oid) as l on l.isleaf
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname not in ('audit', 'audit_start', 'nipr_feed') and c.relname not like 'population%'
  loop
    begin
      execute format('delete from %1$s where account_id = $1 and ctid = any (array(select ctid from %1$s where account_id = $1 limit $2))', leaf.name)
        using ended, rows_max;
      get diagnostics gone = row_count;
      rows_gone := rows_gone + gone;
    exception when foreign_key_violation then
      rows_gone := rows_gone + 1; -- after the rows that name these
    end;
  end loop;
  if rows_gone = 0 then
    update account set name = '', uid = null, metadata = '{}', throttle_rate = null, data_key = '', purged_at = now_at where id = ended;
  end if;
  return rows_gone;
end $$;
revoke execute on function purge_ended_account(timestamptz, timestamptz, integer) from public;
grant execute on function purge_ended_account(timestamptz, timestamptz, integer) to psapi_worker;

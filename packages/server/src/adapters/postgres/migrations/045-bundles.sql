-- What the process that accepts it sends itself, at once: the deliveries of one statement and account are one row here, where
-- each would be a row of `pending` with its index entries. Whoever wants to see what is pending, changes it, or takes the work
-- over, unpacks bundles first: each delivery of them that no attempt was recorded of becomes a row of `pending`.
-- works with: 044

create table pending_bundle (
  account_id text        collate "C" not null,
  id         uuid        not null,
  worker_id  uuid        not null, -- owns the shards of all its deliveries: see `unpack_of_former_owners`
  created_at timestamptz not null,
  deliveries text        not null, -- JSON: [[event id, delivery id, endpoint id, shard], …]
  primary key (account_id, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
        toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 50000, toast.autovacuum_vacuum_cost_delay = 0);
alter table pending_bundle alter column deliveries set storage external; -- gone before compressing it would pay

-- What is packed: deliveries of bundles that no attempt was recorded of.
create view packed_delivery with (security_invoker = true) as
  select b.account_id, b.id as bundle_id, e.id as event_id, (d ->> 1)::uuid as delivery_id, d ->> 2 as endpoint_id,
         (d ->> 3)::smallint as shard, e.created_at
    from pending_bundle b
   cross join lateral (select 'atmpt_' || ksuid_floor(b.created_at - interval '1 hour') as id offset 0) as first_attempt
   cross join lateral jsonb_array_elements(b.deliveries::jsonb) as d
    join event e on e.account_id = b.account_id and e.id = d ->> 0
   where not exists (select from attempt a
                      where a.account_id = b.account_id and a.event_id = d ->> 0 and a.delivery_id = (d ->> 1)::uuid
                        and a.id >= first_attempt.id);

-- A bundle is locked before its attempts are looked for, and a record of one of its deliveries locks it too (`for key share`):
-- so each delivery is recorded before, or finds its row afterwards. Returns the lanes of what became rows.
create function unpack_bundles(of_accounts text[], of_workers uuid[], made_before timestamptz)
  returns table (lane_account_id text, lane_endpoint_id text, lane_shard smallint)
  language plpgsql security definer set search_path = public as $$
declare
  bundle pending_bundle;
begin
  for bundle in
    select b.* from pending_bundle b
     where (b.account_id = any (of_accounts) or b.worker_id = any (of_workers)) and b.created_at < made_before
     order by b.account_id, b.id
       for update
  loop
    return query
      with unpacked as (
        insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
        select p.account_id, p.event_id, p.delivery_id, p.endpoint_id, p.shard, 0, 'event', p.created_at, p.created_at
          from packed_delivery p where p.account_id = bundle.account_id and p.bundle_id = bundle.id
        returning endpoint_id, shard
      )
      select distinct bundle.account_id, u.endpoint_id, u.shard from unpacked u;
    delete from pending_bundle b where b.account_id = bundle.account_id and b.id = bundle.id;
  end loop;
end $$;

-- For who may not see whose bundles they are.
create function unpack_accounts(of_accounts text[]) returns void
  language plpgsql security definer set search_path = public as $$
begin
  perform unpack_bundles(of_accounts, '{}', 'infinity');
end $$;
revoke execute on function unpack_bundles(text[], uuid[], timestamptz), unpack_accounts(text[]) from public;
grant execute on function unpack_bundles(text[], uuid[], timestamptz) to psapi_worker;
grant execute on function unpack_accounts(text[]) to psapi_api, psapi_worker;

-- Bundles are made and recorded under the shared lock of their worker (`hold_shards`), and while it owns their shards. So
-- there is none left of a worker when a shard of it gets another owner.
create function unpack_of_former_owners() returns trigger
  language plpgsql security definer set search_path = public as $$
declare
  former uuid[];
begin
  select array_agg(distinct o.owner order by o.owner) into former
    from old_shard o join new_shard n on n.number = o.number
   where o.owner is distinct from n.owner and o.owner is not null;
  if former is not null then
    perform pg_advisory_xact_lock(hashtextextended(f::text, 0)) from unnest(former) as f;
    perform unpack_bundles('{}', former, 'infinity');
  end if;
  return null;
end $$;
create trigger owner_changes after update on shard
  referencing old table as old_shard new table as new_shard
  for each statement execute function unpack_of_former_owners();

alter table pending_bundle enable row level security;
alter table pending_bundle force row level security;
create policy owner on pending_bundle to psapi_migrate using (true);
create policy accept on pending_bundle to psapi_accept using (true);
create policy worker on pending_bundle to psapi_worker using (true);
grant select on shard to psapi_accept;
grant select, insert on pending_bundle to psapi_accept;
grant select, update, delete on pending_bundle to psapi_worker;
grant select on packed_delivery to psapi_worker;

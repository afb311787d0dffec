-- While somebody holds a snapshot, bundles that are long gone can't be vacuumed, and each look for what is packed read them all:
-- after five minutes at 9,000 events a second that took more than a core. What is of a worker is found by its age now.
-- works with: 046

create index pending_bundle_of_worker on pending_bundle (worker_id, created_at);

-- Makes rows of what is left of a bundle that the caller has locked.
create function unpack_bundle(bundle pending_bundle)
  returns table (lane_account_id text, lane_endpoint_id text, lane_shard smallint)
  language plpgsql set search_path = public as $$
begin
  return query
    with unpacked as (
      insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
      select p.account_id, p.event_id, p.delivery_id, p.endpoint_id, p.shard, 0, 'event', p.created_at, p.created_at
        from packed_delivery p where p.account_id = bundle.account_id and p.bundle_id = bundle.id
      returning endpoint_id, shard
    )
    select distinct bundle.account_id, u.endpoint_id, u.shard from unpacked u;
  delete from pending_bundle b where b.account_id = bundle.account_id and b.id = bundle.id;
end $$;
revoke execute on function unpack_bundle(pending_bundle) from public;

-- Of the accounts all that is packed, of the workers what was made in this time: who knows that nothing older is left need not look
-- through what is gone. Planned when there was next to nothing, a look would read the whole table, and go on doing so.
create function unpack_bundles(of_accounts text[], of_workers uuid[], made_from timestamptz, made_before timestamptz)
  returns table (lane_account_id text, lane_endpoint_id text, lane_shard smallint)
  language plpgsql security definer set search_path = public set enable_seqscan = off as $$
declare
  bundle pending_bundle;
begin
  for bundle in
    select b.* from pending_bundle b where b.account_id = any (of_accounts) order by b.account_id, b.id for update
  loop
    return query select * from unpack_bundle(bundle);
  end loop;
  for bundle in
    select b.* from pending_bundle b
     where b.worker_id = any (of_workers) and b.created_at >= made_from and b.created_at < made_before
     order by b.account_id, b.id for update
  loop
    return query select * from unpack_bundle(bundle);
  end loop;
end $$;
revoke execute on function unpack_bundles(text[], uuid[], timestamptz, timestamptz) from public;
grant execute on function unpack_bundles(text[], uuid[], timestamptz, timestamptz) to psapi_worker;

create or replace function unpack_bundles(of_accounts text[], of_workers uuid[], made_before timestamptz)
  returns table (lane_account_id text, lane_endpoint_id text, lane_shard smallint)
  language sql security definer set search_path = public as $$
  select * from unpack_bundles(of_accounts, of_workers, '-infinity', made_before)
$$;

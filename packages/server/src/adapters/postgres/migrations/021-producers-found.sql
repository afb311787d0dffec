-- Finding producers by name, those without licenses, and what a run has changed for one account.
--
-- Names are found by the beginnings of their words. The words stand in a table that triggers keep, so that whatever writes
-- records need not know of it; a run that changes no name writes nothing here.

create function name_words(variadic names text[]) returns text[] language sql immutable parallel safe
  return array(select distinct word collate "C"
                 from regexp_split_to_table(lower(array_to_string(names, ' ')), '[^[:alnum:]]+') as word
                where word <> '');

create table producer_word (
  feed_id text   collate "C" not null,
  npn     bigint not null,
  word    text   collate "C" not null,
  primary key (feed_id, npn, word)
);
create index producer_word_first on producer_word (feed_id, word, npn);

create function add_producer_words() returns trigger language plpgsql as $$
begin
  insert into producer_word (feed_id, npn, word)
  select w.feed_id, w.npn, word
    from written w
   cross join lateral unnest(name_words(w.first_name, w.middle_name, w.last_name, w.suffix, w.company_name)) as word
      on conflict do nothing;
  return null;
end $$;

create function change_producer_words() returns trigger language plpgsql as $$
begin
  delete from producer_word where feed_id = new.feed_id and npn = new.npn;
  insert into producer_word (feed_id, npn, word)
  select new.feed_id, new.npn, word
    from unnest(name_words(new.first_name, new.middle_name, new.last_name, new.suffix, new.company_name)) as word;
  return null;
end $$;

create function delete_producer_words() returns trigger language plpgsql as $$
begin
  delete from producer_word p using deleted d where p.feed_id = d.feed_id and p.npn = d.npn;
  return null;
end $$;

create trigger words_added after insert on entity referencing new table as written
  for each statement execute function add_producer_words();
create trigger words_changed after update of first_name, middle_name, last_name, suffix, company_name on entity
  for each row when ((old.first_name, old.middle_name, old.last_name, old.suffix, old.company_name)
                     is distinct from (new.first_name, new.middle_name, new.last_name, new.suffix, new.company_name))
  execute function change_producer_words();
create trigger words_deleted after delete on entity referencing old table as deleted
  for each statement execute function delete_producer_words();

insert into producer_word (feed_id, npn, word)
select feed_id, npn, word
  from entity cross join lateral unnest(name_words(first_name, middle_name, last_name, suffix, company_name)) as word;

alter table producer_word enable row level security;
alter table producer_word force row level security;
create policy owner on producer_word to psapi_migrate using (true);
create policy api on producer_word for select to psapi_api using (feed_id = (select current_feed()));
create policy preload on producer_word for insert to psapi_api
  with check (feed_id = (select current_feed()) and feed_id = (select current_account()));
create policy updates on producer_word to psapi_updates using (true);
grant select, insert on producer_word to psapi_api;
grant select, insert, update, delete on producer_word to psapi_updates;

create index entity_without_licenses on entity (feed_id, npn) where no_licenses;

-- What a published run has changed of the producers that the account monitored then: records by kind.
alter table nipr_announcement
  add column producers_changed integer not null default 0,
  add column records_changed   jsonb   not null default '{}';
create policy own on nipr_announcement for select to psapi_api using (account_id = (select current_account()));
create index nipr_run_of_day on nipr_run (feed_id, run_date desc, scheduled_at desc);

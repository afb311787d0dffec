-- The dates that a population job is served with are days of its account's feed: a sandbox whose clock was set forward lives
-- on another day than everybody else. They are kept, since moving the clock again moves nothing that has happened.

alter table population_job
  add column created_on date,
  add column updated_on date;
update population_job
   set created_on = (accepted_at at time zone 'America/Chicago')::date, updated_on = (updated_at at time zone 'America/Chicago')::date;
alter table population_job
  alter column created_on set not null,
  alter column updated_on set not null;

create function date_population_job() returns trigger language plpgsql as $$
declare
  feed text := coalesce((select id from nipr_feed where account_id = new.account_id), 'production');
begin
  if tg_op = 'INSERT' then
    new.created_on := feed_date(feed, new.accepted_at);
  end if;
  new.updated_on := greatest(new.created_on, feed_date(feed, new.updated_at));
  return new;
end $$;

create trigger dated before insert or update of updated_at on population_job
  for each row execute function date_population_job();

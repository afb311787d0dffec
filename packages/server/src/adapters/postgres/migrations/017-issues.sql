-- What is wrong with endpoints, in groups that people can look after, and who is told of it.

-- Failed attempts at one endpoint of one class, from the first until it works again. Written with the failed attempts; deliveries
-- that succeed cost it nothing: whoever sweeps finds out that it works again.
create table issue (
  account_id        text        collate "C" not null,
  id                text        collate "C" not null,
  environment       text        not null,
  endpoint_id       text        collate "C" not null,
  failure_class     text        collate "C" not null,
  state             text        not null check (state in ('open', 'acknowledged', 'resolved')),
  first_at          timestamptz not null,
  last_at           timestamptz not null,
  failures          bigint      not null, -- attempts
  events            bigint      not null, -- whose first attempt failed so
  exhausted         bigint      not null, -- deliveries that were given up
  latest_attempt_id text        collate "C" not null,
  latest_event_id   text        collate "C" not null,
  latest_status     smallint    not null, -- code of its answer; 0 without one
  acknowledged_at   timestamptz,
  resolved_at       timestamptz,
  resolved_by       text        check (resolved_by in ('delivered', 'person', 'endpoint_deleted')),
  note              text,
  primary key (account_id, id),
  constraint resolved_has_a_reason check ((state = 'resolved') = (resolved_at is not null) and (state = 'resolved') = (resolved_by is not null))
) with (fillfactor = 70);
create unique index issue_unresolved on issue (account_id, endpoint_id, failure_class) where state <> 'resolved';
create index issue_sweep on issue (last_at) where state <> 'resolved';

-- Where an account wants to hear of what is wrong. `target`: the URL, or the address of a mail, sealed.
create table notification_channel (
  account_id   text        collate "C" not null references account,
  id           text        collate "C" not null,
  kind         text        not null check (kind in ('mail', 'chat', 'webhook')),
  name         text        not null,
  target       bytea       not null,
  secret       bytea, -- of a webhook, sealed
  rules        text[]      not null,
  resolved     boolean     not null,
  enabled      boolean     not null,
  last_sent_at timestamptz,
  last_failure text,
  created_at   timestamptz not null, -- of what was before, it is not told
  primary key (account_id, id),
  constraint webhook_has_a_secret check ((kind = 'webhook') = (secret is not null))
);
create table notification_rate (
  account_id     text     collate "C" primary key references account,
  percent        smallint not null check (percent between 1 and 100),
  window_minutes smallint not null check (window_minutes between 5 and 1440)
);

-- One thing that one channel is told, once: `subject` names it.
create table notice (
  account_id text        collate "C" not null,
  id         text        collate "C" not null,
  channel_id text        collate "C" not null,
  subject    text        collate "C" not null,
  details    jsonb       not null,
  attempts   smallint    not null default 0,
  due_at     timestamptz, -- null: sent, or given up
  sent_at    timestamptz,
  failure    text,
  created_at timestamptz not null,
  primary key (account_id, id),
  foreign key (account_id, channel_id) references notification_channel on delete cascade
);
create unique index notice_once on notice (account_id, channel_id, subject);
create index notice_due on notice (due_at) where due_at is not null;
create index notice_age on notice (id);

do $$
declare
  name text;
begin
  foreach name in array array['issue', 'notification_channel', 'notification_rate', 'notice'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    execute format('create policy api on %I to psapi_api using (account_id = current_account())', name);
    execute format('create policy worker on %I to psapi_worker using (true)', name);
  end loop;
end $$;

grant select on issue to psapi_api;
grant update (state, acknowledged_at, resolved_at, resolved_by, note) on issue to psapi_api;
grant select, insert, update, delete on issue to psapi_worker;
grant select, insert, update, delete on notification_channel, notification_rate to psapi_api;
grant select on notification_channel, notification_rate to psapi_worker;
grant update (last_sent_at, last_failure) on notification_channel to psapi_worker;
grant select, insert on notice to psapi_api;
grant select, insert, update, delete on notice to psapi_worker;

-- Whether the day's signal is late is read where notices are made.
create policy worker on nipr_run for select to psapi_worker using (true);
grant select on nipr_run to psapi_worker;

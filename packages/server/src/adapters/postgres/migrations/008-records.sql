-- The producers' data: what the daily runs and first loads bring, and the pull API reads.
--
-- Records belong to a feed, one world of NIPR data, and are stored once, however many accounts monitor the NPN: production
-- has one feed for all its accounts, each sandbox account has its own. A transaction of `psapi_api` sees the records of
-- the feed of its account; which of them the account monitors is for its statements to say.
--
-- `identity` tells which record of a later report is the same one, `content_hash` whether it has changed (producersync-api
-- 11, "Identity"). `updated_on` is the date of the last change and never goes back; what is served as `updatedAt` is the
-- later of it and `population.fresh_on` (producersync-api 7).

alter table account add column feed_id text collate "C" not null
  generated always as (case environment when 'production' then 'production' else id end) stored;

-- The feed whose records the current transaction may see; none while it names no account.
create function current_feed() returns text language sql stable parallel safe
  return case when current_account() is not null
              then case current_environment() when 'production' then 'production' when 'sandbox' then current_account() end end;

alter table population
  add column fresh_on date, -- since when the account can read the NPN; the first run published after that moves it, once
  add column fresh_run uuid; -- the run that has moved it
update population set fresh_on = (activated_at at time zone 'America/Chicago')::date where data_status = 'ready';
alter table population add constraint ready_has_fresh_date check (data_status <> 'ready' or fresh_on is not null);
-- Who monitors an NPN; and what the next run moves.
create index population_of_npn on population (npn) where active;
create index population_not_moved on population (account_id, npn) where active and data_status = 'ready' and fresh_run is null;

create sequence record_id increment by 1000; -- of all records of all feeds: each value begins a block of 1,000 ids
grant usage on sequence record_id to psapi_api, psapi_updates;

create table entity (
  feed_id        text    collate "C" not null,
  npn            bigint  not null check (npn between 1 and 9999999999),
  id             bigint  not null,
  type           text    not null check (type in ('INDIVIDUAL', 'FIRM')),
  fein_id        text,
  company_name   text,
  first_name     text,
  middle_name    text,
  last_name      text,
  suffix         text,
  date_of_birth  date,
  no_licenses    boolean not null, -- the report has none
  identity       bytea   not null,
  content_hash   bytea   not null,
  created_on     date    not null,
  updated_on     date    not null,
  nipr_deleted   boolean not null default false,
  transaction_id uuid    not null, -- of the run or load that last wrote the row
  changed_on     date    not null, -- latest `updated_on` of any record of the NPN
  primary key (feed_id, npn) include (changed_on) -- pulls pass over unchanged NPNs without reading them
);

create table address (
  feed_id           text    collate "C" not null,
  npn               bigint  not null,
  id                bigint  not null,
  type              text    check (type in ('BUSINESS', 'MAILING', 'RESIDENCE')),
  for_state         text,
  nipr_date_updated date,
  line1             text,
  line2             text,
  line3             text,
  city              text,
  state             text,
  zip               text,
  country           text,
  identity          bytea   not null,
  content_hash      bytea   not null,
  created_on        date    not null,
  updated_on        date    not null,
  nipr_deleted      boolean not null default false,
  transaction_id    uuid    not null,
  primary key (feed_id, npn, id)
);

create table contact_info (
  feed_id           text    collate "C" not null,
  npn               bigint  not null,
  id                bigint  not null,
  type              text    not null check (type in ('BUSINESS_PHONE', 'BUSINESS_EMAIL', 'FAX')),
  for_state         text,
  nipr_date_updated date,
  value             text    not null,
  identity          bytea   not null,
  content_hash      bytea   not null,
  created_on        date    not null,
  updated_on        date    not null,
  nipr_deleted      boolean not null default false,
  transaction_id    uuid    not null,
  primary key (feed_id, npn, id)
);

create table other_name (
  feed_id        text    collate "C" not null,
  npn            bigint  not null,
  id             bigint  not null,
  type           text    not null check (type in ('ALIAS', 'FIRM_BRANCH', 'PREVIOUS')),
  for_state      text,
  name           text    not null,
  identity       bytea   not null,
  content_hash   bytea   not null,
  created_on     date    not null,
  updated_on     date    not null,
  nipr_deleted   boolean not null default false,
  transaction_id uuid    not null,
  primary key (feed_id, npn, id)
);

create table license (
  feed_id              text    collate "C" not null,
  npn                  bigint  not null,
  id                   bigint  not null,
  for_state            text,
  nipr_date_updated    date,
  license_num          text,
  original_issue_date  date,
  expiration_date      date, -- null: perpetual or unknown
  license_class        text,
  license_class_code   text,
  residency_status     text    check (residency_status in ('R', 'NR')),
  active               boolean not null,
  agent_types          text[]  not null,
  renewal_type         text    not null
                       check (renewal_type in ('PERPETUAL', 'NO_RENEWAL_INFORMATION_AVAILABLE', 'RENEWAL_REQUIRED')),
  renewal_from         date,
  renewal_until        date,
  late_renewal_from    date,
  late_renewal_until   date,
  reinstatement_from   date,
  reinstatement_until  date,
  identity             bytea   not null,
  content_hash         bytea   not null,
  created_on           date    not null,
  updated_on           date    not null,
  nipr_deleted         boolean not null default false,
  transaction_id       uuid    not null,
  primary key (feed_id, npn, id)
);

create table license_loa (
  feed_id            text    collate "C" not null,
  npn                bigint  not null,
  id                 bigint  not null,
  license_id         bigint  not null,
  for_state          text,
  loa                text,
  loa_code           text,
  issue_date         date,
  status             text    check (status in ('Active', 'Cancelled', 'Inactive')),
  status_reason      text,
  status_reason_date date,
  ce_compliance      text    check (ce_compliance in ('EXEMPT', 'IN COMPLIANCE', 'N/A', 'NOT IN COMPLIANCE')),
  ce_credits_needed  double precision,
  ce_renewal_date    date,
  categories         text[]  not null, -- of the LOA's name: served as loaMapping
  identity           bytea   not null,
  content_hash       bytea   not null,
  created_on         date    not null,
  updated_on         date    not null,
  nipr_deleted       boolean not null default false,
  transaction_id     uuid    not null,
  primary key (feed_id, npn, id)
);

create table appointment (
  feed_id            text    collate "C" not null,
  npn                bigint  not null,
  id                 bigint  not null,
  for_state          text,
  company_name       text,
  fein_id            text,
  co_code            text, -- five digits
  loa                text,
  loa_code           text,
  status             text    check (status in ('APPOINTED', 'TERMINATED')),
  status_reason_date date,
  termination_reason text,
  renewal_date       date,
  county_code        text,
  categories         text[]  not null,
  identity           bytea   not null,
  content_hash       bytea   not null,
  created_on         date    not null,
  updated_on         date    not null,
  nipr_deleted       boolean not null default false,
  transaction_id     uuid    not null,
  primary key (feed_id, npn, id)
);

create table regulatory_action (
  feed_id                text    collate "C" not null,
  npn                    bigint  not null,
  id                     bigint  not null,
  for_state              text,
  action_id              text,
  action_date            date,
  effective_date         date,
  enter_date             date,
  penalty_fine_forfeiture bigint, -- USD
  length_of_order        double precision,
  file_ref               text,
  identity               bytea   not null,
  content_hash           bytea   not null,
  created_on             date    not null,
  updated_on             date    not null,
  nipr_deleted           boolean not null default false,
  transaction_id         uuid    not null,
  primary key (feed_id, npn, id)
);

create table regulatory_action_value (
  feed_id              text    collate "C" not null,
  npn                  bigint  not null,
  id                   bigint  not null,
  regulatory_action_id bigint  not null,
  type                 text    not null check (type in ('REASON', 'ORIGIN', 'DISPOSITION')),
  value                text    not null,
  identity             bytea   not null,
  content_hash         bytea   not null,
  created_on           date    not null,
  updated_on           date    not null,
  nipr_deleted         boolean not null default false,
  transaction_id       uuid    not null,
  primary key (feed_id, npn, id)
);

do $$
declare
  name text;
begin
  foreach name in array array['entity', 'address', 'contact_info', 'other_name', 'license', 'license_loa', 'appointment',
                              'regulatory_action', 'regulatory_action_value'] loop
    execute format('create unique index %I on %I (feed_id, id)', name || '_by_id', name);
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy owner on %I to psapi_migrate using (true)', name);
    -- as a subquery it is evaluated once for a statement, not for each row
    execute format('create policy api on %I for select to psapi_api using (feed_id = (select current_feed()))', name);
    -- what a new sandbox account starts with is stored with the account
    execute format('create policy preload on %I for insert to psapi_api
                      with check (feed_id = (select current_feed()) and feed_id = (select current_account()))', name);
    execute format('create policy updates on %I to psapi_updates using (true)', name);
    execute format('grant select, insert on %I to psapi_api', name);
    execute format('grant select, insert, update, delete on %I to psapi_updates', name);
  end loop;
end $$;

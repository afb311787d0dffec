-- Since when an endpoint is in its state. Written with what changes it, so nothing has to be looked up to show it.
alter table endpoint add column url_set_at   timestamptz; -- when it got another URL; null: it has its first one
alter table endpoint add column disabled_at  timestamptz;
alter table endpoint add column recovered_at timestamptz; -- last success that ended a failing streak, or last enabled
alter table endpoint add column paused_since timestamptz; -- its breaker is open: until paused_until nothing is sent
alter table endpoint add column paused_until timestamptz;
grant update (disabled_at, recovered_at, paused_since, paused_until) on endpoint to psapi_worker;
update endpoint set disabled_at = updated_at where disabled;

-- What one attempt shows beside its outcome, and who asked for it. Of `timings_ms` there are two more: how long it had been due
-- before it started, and the endpoint's time limit.
alter table pending add column requested_by text; -- null: a schedule, a task, or nobody knows
grant update (requested_by) on pending to psapi_api;
alter table attempt
  add column phase        text check (phase in ('dns', 'connect', 'tls', 'headers')), -- in which it timed out
  -- the address connected to (never one that is not allowed), TLS version and end of the certificate in Unix seconds, with blanks
  -- between and '-' for what is not known; one column, as each one costs every attempt
  add column connection   text,
  add column task_id      text collate "C",
  add column requested_by text;

-- What the log of deliveries looks up: a delivery is an event with an endpoint, and its last attempt says how it stands.
-- See docs/decisions/0030 for what each index costs those who accept and record.

-- The producer that an event of the service is about. It goes with the payload.
alter table event add column npn text collate "C";
create index event_npn on event (account_id, npn, id) where npn is not null;
create index event_test on event (account_id, id) where only_endpoint_id is not null;
grant update (npn) on event to psapi_api, psapi_worker;

-- In the order of their events, as the log shows them. Only the first of these has a row for what was simply delivered.
create index attempt_log_endpoint on attempt (account_id, endpoint_id, event_id);
create index attempt_log_class on attempt (account_id, failure_class, event_id) where failure_class is not null;
create index attempt_log_code on attempt (account_id, status_code, event_id) where status_code <> 200;
create index attempt_log_end on attempt (account_id, state, event_id) where state in ('dead_letter', 'canceled');
create index attempt_log_cause on attempt (account_id, cause, event_id) where cause <> 'event';
create index attempt_log_slow on attempt (account_id, event_id) where duration_ms > 3000;

-- Begins an id that is smaller than any of the 8 minutes before that of this event: for bounds that are computed for each row,
-- where `ksuid_floor` would cost more than what they spare. Of the 27 digits the fourth counts 494 s.
create function digit_before(digit text) returns text language sql immutable strict parallel safe
  return translate(digit, '123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
                          '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy');
create function ksuid_before(event_id text) returns text language sql immutable strict parallel safe
  return case when substr(event_id, 8, 1) <> '0' then substr(event_id, 5, 3) || digit_before(substr(event_id, 8, 1))
              when substr(event_id, 7, 1) <> '0' then substr(event_id, 5, 2) || digit_before(substr(event_id, 7, 1))
              when substr(event_id, 6, 1) <> '0' then substr(event_id, 5, 1) || digit_before(substr(event_id, 6, 1))
              else digit_before(substr(event_id, 5, 1)) end;

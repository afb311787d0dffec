-- The log of deliveries meets what retries without what waits for its first attempt. A row comes into this index with a failed attempt,
-- which writes all indexes of the row as it is.
-- works with: 037

create index pending_retrying on pending (account_id, event_id) where attempts_made > 0;

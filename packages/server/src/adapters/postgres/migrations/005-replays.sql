-- What lists of attempts and replays look up, and how far a replay has spread what it planned.

-- Attempts that failed, and cancellations: few beside those that delivered, and what is asked for when something is wrong.
create index attempt_failed on attempt (account_id, endpoint_id, id) where failure_class is not null;

-- Does the endpoint take this delivery no more? The same rule as `Lane.cancels`: a mark on the endpoint is obeyed at once,
-- by the owner and by whoever reads; the rows follow in batches.
create function is_canceled(delivery pending, target endpoint) returns boolean language sql immutable parallel safe
  return target.deleted_at is not null
      or (delivery.cause not in ('resend', 'test')
          and (target.disabled or coalesce(delivery.created_at < target.canceled_before, false)));

alter table task add column paced_until timestamptz; -- deliveries that a replay has planned are due up to this moment
comment on column task.position is 'id of the last event, or attempt, that was treated';

-- An environment key names no account and sees the tasks of all accounts of its environment.
drop policy api on task;
create policy api on task to psapi_api
  using (environment = current_environment() and (current_account() is null or account_id = current_account()));
create index task_of_environment on task (environment, id);

-- cancel-msgs lets a replay's deliveries count as made with their messages, so that the endpoint's mark covers them.
grant update (created_at) on pending to psapi_api;

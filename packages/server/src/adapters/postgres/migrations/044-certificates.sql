-- When the certificate ends that an endpoint's receiver has shown: people are told some days before.
-- works with: 031

alter table endpoint add column certificate_ends_at timestamptz; -- null: none has been seen since the URL was set
grant update (certificate_ends_at) on endpoint to psapi_worker;
create index endpoint_certificate on endpoint (certificate_ends_at) where certificate_ends_at is not null and deleted_at is null;
create index notice_of_certificate on notice (account_id) where details ->> 'rule' = 'certificate_ending';

-- The database roles of the service. On a server of your own, run this once in the service's database, as a superuser or as a
-- user who may create roles and owns the database:
--
--   psql -d producersync -c "set roles.login = 'psapi'" -f roles.sql
--
-- `roles.login` is the user of DATABASE_URL (default psapi). When it does not exist it is made, without a password: give it one
-- with \password psapi. It must not be a superuser, nor have BYPASSRLS. Safe to run again, and needed again when a release adds roles.
-- With a login for each role (DATABASE_URL_API …), run it once for each login.
--
--   psapi_migrate  owns the schema           psapi_api      serves the API, one account at a time
--   psapi_accept   accepts events            psapi_worker   delivers            psapi_updates  loads populations and daily runs
do $$
declare
  login text := coalesce(nullif(current_setting('roles.login', true), ''), 'psapi');
  role_name text;
begin
  if not exists (select from pg_roles where rolname = login) then
    execute format('create role %I login noinherit nosuperuser nocreatedb nocreaterole nobypassrls', login);
  end if;
  foreach role_name in array array['psapi_migrate', 'psapi_api', 'psapi_accept', 'psapi_worker', 'psapi_updates'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin noinherit nosuperuser nocreatedb nocreaterole nobypassrls', role_name);
    end if;
    if not pg_has_role(login, role_name, 'member') then
      execute format('grant %I to %I', role_name, login);
    end if;
    execute format('grant connect on database %I to %I', current_database(), role_name);
  end loop;
  execute format('grant connect on database %I to %I', current_database(), login);
  execute format('grant create, temporary on database %I to psapi_migrate', current_database());
end
$$;
grant usage, create on schema public to psapi_migrate;
grant usage on schema public to psapi_api, psapi_accept, psapi_worker, psapi_updates;

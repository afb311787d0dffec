import type { Environment } from '#src/accounts/principal.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { EventTypeSettings } from '#src/events/event-type-store.ts'

/** Adds or replaces types, in one statement; those of the service itself stay as they are. */
export async function saveTypes(
  tx: Queryable,
  environment: Environment,
  types: readonly (EventTypeSettings & { name: string })[],
  now: Date,
): Promise<void> {
  await tx.query`
    insert into event_type (environment, name, description, group_name, archived, deprecated, feature_flags, schemas,
                            created_at, updated_at)
    select ${environment}, t.name, t.description, t.group_name, t.archived, t.deprecated,
           array(select json_array_elements_text(t.flags::json)), t.schemas::json, ${now}::timestamptz, ${now}::timestamptz
      from unnest(${types.map(({ name }) => name)}::text[], ${types.map(({ description }) => description)}::text[],
                  ${types.map(({ groupName }) => groupName)}::text[], ${types.map(({ archived }) => archived)}::boolean[],
                  ${types.map(({ deprecated }) => deprecated)}::boolean[],
                  ${types.map(({ featureFlags }) => JSON.stringify(featureFlags))}::text[],
                  ${types.map(({ schemas }) => schemas)}::text[])
             as t (name, description, group_name, archived, deprecated, flags, schemas)
    on conflict (environment, name) do update
       set description = excluded.description, group_name = excluded.group_name, archived = excluded.archived,
           deprecated = excluded.deprecated, feature_flags = excluded.feature_flags, schemas = excluded.schemas,
           updated_at = excluded.updated_at
     where not event_type.built_in`
}

/** Archives all types but these and those of the service itself. */
export async function archiveOthers(
  tx: Queryable,
  environment: Environment,
  names: readonly string[],
  now: Date,
): Promise<void> {
  await tx.query`
    update event_type set archived = true, updated_at = ${now}
     where environment = ${environment} and not archived and not built_in and name <> all (${names}::text[])`
}

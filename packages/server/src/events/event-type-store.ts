import type { Environment, Principal } from '#src/accounts/principal.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type Sql, sql } from '#src/adapters/postgres/sql.ts'
import type { EventType } from './event-type.ts'
import { PRODUCERSYNC_GROUP, PRODUCERSYNC_SCHEMA_VERSION, producersyncTypes } from './producersync-types.ts'

/**
 * Which types somebody sees: an app token those without feature flags and those that share one with it, an environment
 * key (`all`) every one. Delivery does not ask.
 */
export type Sight = 'all' | { featureFlags: readonly string[] }

export function sightOf(principal: Principal): Sight {
  return 'featureFlags' in principal ? { featureFlags: [...principal.featureFlags] } : 'all'
}

type EventTypeRow = {
  name: string
  description: string
  group_name: string | null
  archived: boolean
  deprecated: boolean
  opt_in: boolean
  built_in: boolean
  feature_flags: string[]
  schemas: string | null
  created_at: Date
  updated_at: Date
}

// the schemas as text: parsed by the driver, long numbers in them would change
const columns = sql`name, description, group_name, archived, deprecated, opt_in, built_in, feature_flags,
  schemas::text as schemas, created_at, updated_at`

function toEventType(row: EventTypeRow): EventType {
  return {
    name: row.name,
    description: row.description,
    groupName: row.group_name,
    archived: row.archived,
    deprecated: row.deprecated,
    optIn: row.opt_in,
    builtIn: row.built_in,
    featureFlags: row.feature_flags,
    schemas: row.schemas,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function first(rows: EventTypeRow[]): EventType | undefined {
  const [row] = rows
  return row && toEventType(row)
}

/** Flags to compare with, or null where every type is seen. */
function flagsOf(sight: Sight): readonly string[] | null {
  return sight === 'all' ? null : sight.featureFlags
}

/** The rows of a page of event types, by name, and one more when there are more. */
export async function listEventTypes(
  tx: Queryable,
  environment: Environment,
  sight: Sight,
  page: Page,
  includeArchived: boolean,
): Promise<EventType[]> {
  const flags = flagsOf(sight)
  const within = sql`environment = ${environment} and (not archived or ${includeArchived}::boolean)
           and (${flags}::text[] is null or feature_flags = '{}' or feature_flags && ${flags}::text[])
           and (${page.above}::text is null or name > ${page.above}) and (${page.below}::text is null or name < ${page.below})`
  const rows =
    page.read === 'ascending'
      ? await tx.query<EventTypeRow>`select ${columns} from event_type where ${within} order by name limit ${page.limit + 1}`
      : await tx.query<EventTypeRow>`select ${columns} from event_type where ${within} order by name desc limit ${page.limit + 1}`
  return rows.map(toEventType)
}

/** The type, archived or not; undefined also when it is hidden. */
export async function readEventType(
  tx: Queryable,
  environment: Environment,
  sight: Sight,
  name: string,
): Promise<EventType | undefined> {
  const flags = flagsOf(sight)
  return first(
    await tx.query<EventTypeRow>`
      select ${columns} from event_type
       where environment = ${environment} and name = ${name}
         and (${flags}::text[] is null or feature_flags = '{}' or feature_flags && ${flags}::text[])`,
  )
}

/** As `readEventType`, seeing all; the row stays as it is read until the transaction ends. */
export async function lockEventType(
  tx: Queryable,
  environment: Environment,
  name: string,
): Promise<EventType | undefined> {
  return first(
    await tx.query<EventTypeRow>`
      select ${columns} from event_type where environment = ${environment} and name = ${name} for no key update`,
  )
}

/** Those of these names that there are, archived or not, in the order of their names; their rows stay until the transaction ends. */
export async function lockEventTypes(
  tx: Queryable,
  environment: Environment,
  names: readonly string[],
): Promise<EventType[]> {
  const rows = await tx.query<EventTypeRow>`
    select ${columns} from event_type
     where environment = ${environment} and name = any (${names}::text[])
     order by name for no key update`
  return rows.map(toEventType)
}

/** All types that are not archived, by name. */
export async function liveEventTypes(tx: Queryable, environment: Environment): Promise<EventType[]> {
  const rows = await tx.query<EventTypeRow>`
    select ${columns} from event_type where environment = ${environment} and not archived order by name`
  return rows.map(toEventType)
}

/** Schemas of types by name, as JSON text; what is not registered is missing. */
export async function readSchemas(
  tx: Queryable,
  environment: Environment,
  names: readonly string[],
): Promise<Map<string, string | null>> {
  const rows = await tx.query<{ name: string; schemas: string | null }>`
    select name, schemas::text as schemas from event_type
     where environment = ${environment} and name = any (${names}::text[])`
  return new Map(rows.map(({ name, schemas }) => [name, schemas]))
}

/** Which of these names are neither a live type nor a group of live types, as far as `sight` goes; in the order given. */
export async function unknownEventTypes(
  tx: Queryable,
  environment: Environment,
  sight: Sight,
  names: readonly string[],
): Promise<string[]> {
  const flags = flagsOf(sight)
  const rows = await tx.query<{ name: string }>`
    select wanted.name
      from unnest(${names}::text[]) with ordinality as wanted (name, place)
     where not exists (select from event_type t
                        where t.environment = ${environment} and not t.archived and wanted.name = any (t.match_names)
                          and (${flags}::text[] is null or t.feature_flags = '{}' or t.feature_flags && ${flags}::text[]))
     order by wanted.place`
  return rows.map((row) => row.name)
}

/**
 * Is a type one of these, or in one of these groups? Looked up when it is asked, so types that have joined a group count.
 * @param type         the column that names it
 * @param environment  its name, or the column that has it
 * @param names        of types and of groups; null: any
 */
export function isAmong(type: Sql, environment: Sql | string, names: readonly string[] | null): Sql {
  return sql`(${names}::text[] is null or ${type} = any (${names}::text[])
              or exists (select from event_type y
                          where y.environment = ${environment} and y.name = ${type} and y.group_name is not null
                            and group_and_parents(y.group_name) && ${names}::text[]))`
}

/** The types that are among these names, which are of types or of groups: those names, and what is registered in the groups. */
export async function typesAmong(tx: Queryable, environment: string, names: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ name: string }>`
    select name from event_type
     where environment = ${environment} and group_name is not null and group_and_parents(group_name) && ${names}::text[]`
  return [...new Set([...names, ...rows.map(({ name }) => name)])]
}

/** What a customer says of a type. */
export type EventTypeSettings = Pick<
  EventType,
  'description' | 'groupName' | 'archived' | 'deprecated' | 'featureFlags' | 'schemas'
>

/**
 * Adds a type, or brings an archived one back with these settings alone.
 * @returns undefined when a live type has the name: the constraint decides between callers at the same moment
 */
export async function addEventType(
  tx: Queryable,
  environment: Environment,
  name: string,
  type: EventTypeSettings,
  now: Date,
): Promise<EventType | undefined> {
  return first(
    await tx.query<EventTypeRow>`
      insert into event_type (environment, name, description, group_name, archived, deprecated, feature_flags, schemas,
                              created_at, updated_at)
      values (${environment}, ${name}, ${type.description}, ${type.groupName}, ${type.archived}, ${type.deprecated},
              ${type.featureFlags}::text[], ${type.schemas}::json, ${now}, ${now})
      on conflict (environment, name) do update
         set description = excluded.description, group_name = excluded.group_name, archived = excluded.archived,
             deprecated = excluded.deprecated, feature_flags = excluded.feature_flags, schemas = excluded.schemas,
             updated_at = excluded.updated_at
       where event_type.archived and not event_type.built_in
      returning ${columns}`,
  )
}

/**
 * Adds or replaces a type.
 * @returns undefined when the name is that of a built-in type
 */
export async function putEventType(
  tx: Queryable,
  environment: Environment,
  name: string,
  type: EventTypeSettings,
  now: Date,
): Promise<{ type: EventType; created: boolean } | undefined> {
  const [row] = await tx.query<EventTypeRow & { created: boolean }>`
    insert into event_type (environment, name, description, group_name, archived, deprecated, feature_flags, schemas,
                            created_at, updated_at)
    values (${environment}, ${name}, ${type.description}, ${type.groupName}, ${type.archived}, ${type.deprecated},
            ${type.featureFlags}::text[], ${type.schemas}::json, ${now}, ${now})
    on conflict (environment, name) do update
       set description = excluded.description, group_name = excluded.group_name, archived = excluded.archived,
           deprecated = excluded.deprecated, feature_flags = excluded.feature_flags, schemas = excluded.schemas,
           updated_at = excluded.updated_at
     where not event_type.built_in
    returning ${columns}, xmax = 0 as created` // a row that was there carries the mark of its update
  return row && { type: toEventType(row), created: row.created }
}

/** Replaces the settings of a type whose row the transaction holds. */
export async function saveEventType(
  tx: Queryable,
  environment: Environment,
  name: string,
  type: EventTypeSettings,
  now: Date,
): Promise<EventType | undefined> {
  return first(
    await tx.query<EventTypeRow>`
      update event_type
         set description = ${type.description}, group_name = ${type.groupName}, archived = ${type.archived},
             deprecated = ${type.deprecated}, feature_flags = ${type.featureFlags}::text[],
             schemas = ${type.schemas}::json, updated_at = ${now}
       where environment = ${environment} and name = ${name} and not built_in
      returning ${columns}`,
  )
}

export async function removeEventType(tx: Queryable, environment: Environment, name: string): Promise<void> {
  await tx.query`delete from event_type where environment = ${environment} and name = ${name} and not built_in`
}

/**
 * Makes the service's own types what this release says they are, in a transaction that sees the environment. Repeated,
 * it changes nothing; a customer's type of such a name becomes the service's.
 */
export async function seedEventTypes(tx: Queryable, environment: Environment, now: Date): Promise<void> {
  for (const type of producersyncTypes) {
    const schemas = JSON.stringify({ [PRODUCERSYNC_SCHEMA_VERSION]: type.schema })
    await tx.query`
      insert into event_type (environment, name, description, group_name, opt_in, built_in, schemas, created_at, updated_at)
      values (${environment}, ${type.name}, ${type.description}, ${PRODUCERSYNC_GROUP}, ${type.optIn}, true,
              ${schemas}::json, ${now}, ${now})
      on conflict (environment, name) do update
         set description = excluded.description, group_name = excluded.group_name, opt_in = excluded.opt_in,
             built_in = true, archived = false, deprecated = false, feature_flags = '{}', schemas = excluded.schemas,
             updated_at = excluded.updated_at
       where not event_type.built_in or event_type.description <> excluded.description
          or event_type.group_name is distinct from excluded.group_name or event_type.opt_in <> excluded.opt_in
          or event_type.schemas::text is distinct from excluded.schemas::text`
  }
}

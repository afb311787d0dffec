import { actingFor } from '#src/accounts/store.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { shadesOf } from './shades.ts'

/** How an account has its portal; null: as it comes. */
export type AccountSettings = {
  timeZone: string | null
  name: string | null
  accent: string | null
  radius: number | null
  hasLogo: boolean
  updatedAt: Date | null
}
/** What to change; absent stays as it is. */
export type AccountSettingsChange = Partial<Pick<AccountSettings, 'timeZone' | 'name' | 'accent' | 'radius'>>
export type Logo = { contentType: string; bytes: Buffer }

type SettingsRow = {
  time_zone: string | null
  name: string | null
  accent: string | null
  radius: number | null
  has_logo: boolean
  updated_at: Date
}

const UNSET: AccountSettings = {
  timeZone: null,
  name: null,
  accent: null,
  radius: null,
  hasLogo: false,
  updatedAt: null,
}

export async function readAccountSettings(tx: Queryable, accountId: string): Promise<AccountSettings> {
  const [row] = await tx.query<SettingsRow>`
    select time_zone, name, accent, radius, logo is not null as has_logo, updated_at
      from account_settings where account_id = ${accountId}`
  return row ? toSettings(row) : UNSET
}

/** @returns the settings before and after */
export async function changeAccountSettings(
  tx: Queryable,
  accountId: string,
  change: AccountSettingsChange,
  now: Date,
): Promise<{ before: AccountSettings; after: AccountSettings }> {
  await tx.query`
    insert into account_settings (account_id, updated_at) values (${accountId}, ${now}) on conflict (account_id) do nothing`
  await tx.query`select account_id from account_settings where account_id = ${accountId} for update`
  const before = await readAccountSettings(tx, accountId)
  const { timeZone, name, accent, radius } = { ...before, ...change }
  await tx.query`
    update account_settings
       set time_zone = ${timeZone}, name = ${name}, accent = ${accent}, radius = ${radius}, updated_at = ${now}
     where account_id = ${accountId}`
  return { before, after: await readAccountSettings(tx, accountId) }
}

export async function readLogo(tx: Queryable, accountId: string): Promise<Logo | undefined> {
  const [row] = await tx.query<{ logo: Buffer; logo_type: string }>`
    select logo, logo_type from account_settings where account_id = ${accountId} and logo is not null`
  return row && { contentType: row.logo_type, bytes: row.logo }
}

/** @param logo  null: none any more */
export async function writeLogo(tx: Queryable, accountId: string, logo: Logo | null, now: Date): Promise<void> {
  await tx.query`
    insert into account_settings (account_id, logo, logo_type, updated_at)
    values (${accountId}, ${logo?.bytes ?? null}, ${logo?.contentType ?? null}, ${now})
    on conflict (account_id) do update set logo = excluded.logo, logo_type = excluded.logo_type, updated_at = excluded.updated_at`
}

/**
 * Reads what an account has set, and what the operator has set for the accounts of its environment.
 * @param operatorsId  the environment's internal account, which holds the latter
 */
export async function readLook(
  tx: Queryable,
  { accountId, operatorsId }: { accountId: string; operatorsId: string },
): Promise<{ own: AccountSettings; operators: AccountSettings }> {
  const own = await readAccountSettings(tx, accountId)
  return { own, operators: await actingFor(tx, operatorsId, () => readAccountSettings(tx, operatorsId)) }
}

/** BrandingOut. */
export function brandingOf({ name, accent, radius, hasLogo }: AccountSettings) {
  return { name, accent, radius, hasLogo }
}

/** PortalLookOut: what is shown where the account's own wishes come before the operator's. */
export function lookOf(own: AccountSettings, operators: AccountSettings) {
  const accent = own.accent ?? operators.accent
  return {
    name: own.name ?? operators.name,
    radius: own.radius ?? operators.radius,
    hasLogo: own.hasLogo || operators.hasLogo,
    colours: accent === null ? null : shadesOf(accent),
  }
}

function toSettings(row: SettingsRow): AccountSettings {
  return {
    timeZone: row.time_zone,
    name: row.name,
    accent: row.accent,
    radius: row.radius,
    hasLogo: row.has_logo,
    updatedAt: row.updated_at,
  }
}

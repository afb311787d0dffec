import type { Queryable } from '#src/adapters/postgres/database.ts'

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

/** AccountSettingsOut. */
export function accountSettingsOf({ timeZone, name, accent, radius, hasLogo, updatedAt }: AccountSettings) {
  return { timeZone, branding: { name, accent, radius, hasLogo }, updatedAt }
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

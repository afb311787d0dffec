import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { InternalAccounts } from '#src/accounts/internal-account.ts'
import { actingFor } from '#src/accounts/store.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { invalidInput, notFound } from '#src/domain-error.ts'
import { LOGO_BODY_BYTES_MAX, readLogoBytes } from './logo.ts'
import { AccountSettingsOut, AccountSettingsPatch, LogoIn, LogoOut } from './settings-schemas.ts'
import { brandingOf, changeAccountSettings, lookOf, readLogo, readLook, writeLogo } from './settings-store.ts'

/** Zone and look of an account's portal. Source: portal S16, 11. */
export function registerAccountSettingsRoutes(
  routes: FastifyInstance,
  { api, clock, operators }: { api: Database; clock: Clock; operators: Pick<InternalAccounts, 'of'> },
): void {
  /** Whose settings count, in this order. */
  const idsOf = async ({ account, principal }: FastifyRequest) => ({
    accountId: account.id,
    operatorsId: (await operators.of(principal.environment)).id,
  })

  const readable = { config: { access: 'ViewBase' } } as const
  const changeable = { config: { access: 'ManageAccount' } } as const

  const get = described(readable, {
    id: 'v1.account-settings.get',
    summary: 'Read zone and look of the portal',
    answers: { 200: AccountSettingsOut },
  })
  routes.get('/app/:app_id/settings', get, async (request) => {
    const ids = await idsOf(request)
    const found = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) => readLook(tx, ids))
    return answerOf(found)
  })

  const patch = described(changeable, {
    id: 'v1.account-settings.patch',
    summary: 'Change zone and look of the portal',
    body: AccountSettingsPatch,
    answers: { 200: AccountSettingsOut },
  })
  routes.patch('/app/:app_id/settings', patch, async (request) => {
    const { accent, ...change } = bodyOf(request, AccountSettingsPatch)
    if (change.timeZone != null && !isTimeZone(change.timeZone)) {
      throw invalidInput({ loc: ['body', 'timeZone'], msg: 'must be an IANA time zone', type: 'value_error' })
    }
    const wanted = { ...change, ...(accent === undefined ? {} : { accent: accent?.toLowerCase() ?? null }) }
    const ids = await idsOf(request)
    return await recorded(api, request, async (tx) => {
      const { before, after } = await changeAccountSettings(tx, request.account.id, wanted, clock.now())
      request.audit.say({ before, after })
      return answerOf(await readLook(tx, ids))
    })
  })

  const getLogo = described(readable, {
    id: 'v1.account-settings.get-logo',
    summary: 'Read the logo that is shown, as it was put: the account’s own, else the operator’s',
    answers: { 200: LogoOut },
  })
  routes.get('/app/:app_id/settings/logo', getLogo, async (request) => {
    const { accountId, operatorsId } = await idsOf(request)
    const logo = await api.transaction(
      { settings: settingsOf(request), readOnly: true },
      async (tx) =>
        (await readLogo(tx, accountId)) ?? (await actingFor(tx, operatorsId, () => readLogo(tx, operatorsId))),
    )
    if (!logo) throw notFound()
    return { contentType: logo.contentType, data: logo.bytes.toString('base64') }
  })

  const putLogo = described(
    { config: { access: 'ManageAccount', json: { longStrings: ['data'] } }, bodyLimit: LOGO_BODY_BYTES_MAX } as const,
    {
      id: 'v1.account-settings.put-logo',
      summary: 'Set the logo: PNG or WebP, at most 100,000 bytes',
      body: LogoIn,
      answers: { 204: null },
    },
  )
  routes.put('/app/:app_id/settings/logo', putLogo, async (request, reply) => {
    const { contentType, data } = bodyOf(request, LogoIn)
    const bytes = readLogoBytes(contentType, data)
    await recorded(api, request, async (tx) => {
      request.audit.say({ withheld: ['logo'] })
      await writeLogo(tx, request.account.id, { contentType, bytes }, clock.now())
    })
    return await reply.code(204).send()
  })

  const deleteLogo = described(changeable, {
    id: 'v1.account-settings.delete-logo',
    summary: 'Take the logo away',
    answers: { 204: null },
  })
  routes.delete('/app/:app_id/settings/logo', deleteLogo, async (request, reply) => {
    await recorded(api, request, async (tx) => {
      request.audit.say({ withheld: ['logo'] })
      await writeLogo(tx, request.account.id, null, clock.now())
    })
    return await reply.code(204).send()
  })
}

function answerOf({ own, operators }: Awaited<ReturnType<typeof readLook>>) {
  const { timeZone, updatedAt } = own
  return { timeZone, branding: brandingOf(own), look: lookOf(own, operators), updatedAt }
}

function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '' && /^[A-Za-z]/.test(text)
  } catch {
    return false
  }
}

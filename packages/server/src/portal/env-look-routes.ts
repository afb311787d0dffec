import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { InternalAccounts } from '#src/accounts/internal-account.ts'
import { actingFor } from '#src/accounts/store.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { insufficientAccess } from '#src/adapters/http/management.ts'
import { described } from '#src/adapters/http/operation.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { notFound } from '#src/domain-error.ts'
import { LOGO_BODY_BYTES_MAX, readLogoBytes } from './logo.ts'
import { EnvLookOut, EnvLookPatch, LogoIn, LogoOut } from './settings-schemas.ts'
import {
  type AccountSettings,
  brandingOf,
  changeAccountSettings,
  type Logo,
  lookOf,
  readAccountSettings,
  readLogo,
  writeLogo,
} from './settings-store.ts'

/** How the portal looks to all accounts of the environment that set nothing themselves. Source: portal 11. */
export function registerEnvLookRoutes(
  routes: FastifyInstance,
  { api, clock, operators }: { api: Database; clock: Clock; operators: Pick<InternalAccounts, 'of'> },
): void {
  const readable = { config: { access: 'staff' } } as const
  const changeable = { config: { access: 'staff', find: refuseSupport } } as const

  /** The operator's settings are those of the environment's internal account. */
  async function read<T>(request: FastifyRequest, work: (tx: Queryable, id: string) => Promise<T>): Promise<T> {
    const { id } = await operators.of(request.principal.environment)
    return await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      actingFor(tx, id, () => work(tx, id)),
    )
  }
  async function write<T>(request: FastifyRequest, work: (tx: Queryable, id: string) => Promise<T>): Promise<T> {
    const { id } = await operators.of(request.principal.environment)
    return await recorded(api, request, (tx) => actingFor(tx, id, () => work(tx, id)))
  }

  const get = described(readable, {
    id: 'v1.env.look.get',
    summary: 'Read the look of the portal of all accounts',
    answers: { 200: EnvLookOut },
    refusals: ['not_found'],
  })
  routes.get('/env/look', get, async (request) => answerOf(await read(request, readAccountSettings)))

  const patch = described(changeable, {
    id: 'v1.env.look.patch',
    summary: 'Change the look of the portal of all accounts',
    body: EnvLookPatch,
    answers: { 200: EnvLookOut },
    refusals: ['not_found'],
  })
  routes.patch('/env/look', patch, async (request) => {
    const { accent, ...change } = bodyOf(request, EnvLookPatch)
    const wanted = { ...change, ...(accent === undefined ? {} : { accent: accent?.toLowerCase() ?? null }) }
    return await write(request, async (tx, id) => {
      const { before, after } = await changeAccountSettings(tx, id, wanted, clock.now())
      request.audit.say({ before: brandingOf(before), after: brandingOf(after) })
      return answerOf(after)
    })
  })

  const getLogo = described(readable, {
    id: 'v1.env.look.get-logo',
    summary: 'Read the logo of all accounts, as it was put',
    answers: { 200: LogoOut },
    refusals: ['not_found'],
  })
  routes.get('/env/look/logo', getLogo, async (request) => {
    const logo = await read(request, readLogo)
    if (!logo) throw notFound()
    return { contentType: logo.contentType, data: logo.bytes.toString('base64') }
  })

  async function replaceLogo(request: FastifyRequest, logo: Logo | null): Promise<void> {
    await write(request, async (tx, id) => {
      request.audit.say({ withheld: ['logo'] })
      await writeLogo(tx, id, logo, clock.now())
    })
  }

  const putLogo = described(
    { config: { ...changeable.config, json: { longStrings: ['data'] } }, bodyLimit: LOGO_BODY_BYTES_MAX } as const,
    {
      id: 'v1.env.look.put-logo',
      summary: 'Set the logo of all accounts: PNG or WebP, at most 100,000 bytes',
      body: LogoIn,
      answers: { 204: null },
      refusals: ['not_found'],
    },
  )
  routes.put('/env/look/logo', putLogo, async (request, reply) => {
    const { contentType, data } = bodyOf(request, LogoIn)
    await replaceLogo(request, { contentType, bytes: readLogoBytes(contentType, data) })
    return await reply.code(204).send()
  })

  const deleteLogo = described(changeable, {
    id: 'v1.env.look.delete-logo',
    summary: 'Take the logo of all accounts away',
    answers: { 204: null },
    refusals: ['not_found'],
  })
  routes.delete('/env/look/logo', deleteLogo, async (request, reply) => {
    await replaceLogo(request, null)
    return await reply.code(204).send()
  })
}

/** Support looks on. */
async function refuseSupport({ principal }: FastifyRequest): Promise<void> {
  if (principal.kind === 'staff' && principal.role === 'support') throw insufficientAccess()
}

function answerOf(settings: AccountSettings) {
  return { branding: brandingOf(settings), look: lookOf(settings, settings), updatedAt: settings.updatedAt }
}

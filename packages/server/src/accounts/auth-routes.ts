import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { insufficientAccess } from '#src/adapters/http/management.ts'
import { described } from '#src/adapters/http/operation.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { VERSION } from '#src/version.ts'
import { WhoamiOut } from './answer-schemas.ts'
import type { Environments } from './environments.ts'
import { revokeAppToken } from './tokens.ts'

export type AuthParts = { api: Database; clock: Clock; environments: Pick<Environments, 'of'> }

const NoBody = Type.Object({}, { title: 'EmptyIn' })

/** What a token says about itself: `/auth/whoami` and `/auth/logout` (webhook-api 2.2). */
export function registerAuthRoutes(routes: FastifyInstance, { api, clock, environments }: AuthParts): void {
  const whoami = described(
    { config: { access: 'ViewBase' } },
    { id: 'v1.authentication.whoami', summary: 'What a token says about itself', answers: { 200: WhoamiOut } },
  )
  routes.get('/auth/whoami', whoami, async ({ principal }) => {
    const { id } = await environments.of(principal.environment)
    return {
      envId: id,
      appId: principal.accountId,
      permissionSource: principal.kind === 'access' ? 'OidcJwt' : 'RegionalAuthToken',
      sessionId: 'sessionId' in principal ? principal.sessionId : null,
      person: ('person' in principal && principal.person) || null,
      role: ('role' in principal && principal.role) || null,
      expiresAt: principal.expiresAt ?? null,
      version: VERSION,
    }
  })

  const logout = described(
    { config: { access: 'ViewBase', find: refuseOtherTokens } },
    { id: 'v1.authentication.logout', summary: 'End the calling app token', body: NoBody, answers: { 204: null } },
  )
  routes.post('/auth/logout', logout, async (request, reply) => {
    bodyOf(request, NoBody)
    const { accountId, tokenId } = request.principal
    if (accountId === null) throw insufficientAccess()
    request.audit.say({ target: { kind: 'token', id: tokenId } })
    await recorded(api, request, (tx) => revokeAppToken(tx, accountId, tokenId, clock.now()))
    return await reply.code(204).send()
  })
}

async function refuseOtherTokens({ principal }: FastifyRequest): Promise<void> {
  if (principal.kind !== 'app') throw insufficientAccess()
}

import type { FastifyRequest } from 'fastify'
import type { Access } from '#src/accounts/access.ts'
import { holds } from '#src/adapters/http/management.ts'
import { bearerOf } from '#src/adapters/http/routes.ts'
import { DomainError } from '#src/domain-error.ts'

/**
 * May the caller of a request that is being answered for long still have its answer: is the token good, with its right, and the
 * account there?
 * @throws what the database throws
 */
export async function isStillAllowed(access: Access, request: FastifyRequest): Promise<boolean> {
  try {
    const principal = await access.authenticate(bearerOf(request.headers.authorization))
    await access.accountOf(principal, request.account.id, { maxAgeMs: 1_000 })
    return holds(principal, request.routeOptions.config.access)
  } catch (error) {
    if (error instanceof DomainError && (error.code === 'unauthenticated' || error.code === 'not_found')) return false
    throw error
  }
}

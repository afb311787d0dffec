import type { FastifyInstance, FastifyReply } from 'fastify'
import { DomainError } from '#src/domain-error.ts'
import type { Health } from './health.ts'

const open = { config: { access: 'none' } } as const

/** `/health` and `/health/ping` of the management API, without a token (webhook-api 8). */
export function registerHealthRoutes(routes: FastifyInstance, health: Health): void {
  routes.get('/health', open, async (_request, reply) => {
    const isWell = (await health.answers()) && health.durabilityFaults.length === 0 && (await health.hasWorker())
    if (!isWell) throw new DomainError('unavailable', 'The service cannot deliver now.', { retryAfterSeconds: 1 })
    return await nothing(reply)
  })
  routes.get('/health/ping', open, async (_request, reply) => await nothing(reply))
}

async function nothing(reply: FastifyReply): Promise<FastifyReply> {
  return await reply.code(204).send()
}

import type { FastifyInstance, FastifyReply } from 'fastify'
import { described } from '#src/adapters/http/operation.ts'
import { DomainError } from '#src/domain-error.ts'
import type { Health } from './health.ts'

const open = { config: { access: 'none' } } as const
const nothingMore = { answers: { 204: null } }

/** `/health` and `/health/ping` of the management API, without a token (webhook-api 8). */
export function registerHealthRoutes(routes: FastifyInstance, health: Health): void {
  const isWell = described(open, { id: 'v1.health.get', summary: 'Can the service deliver now?', ...nothingMore })
  routes.get('/health', isWell, async (_request, reply) => {
    const delivers = (await health.answers()) && health.durabilityFaults.length === 0 && (await health.hasWorker())
    if (!delivers) throw new DomainError('unavailable', 'The service cannot deliver now.', { retryAfterSeconds: 1 })
    return await nothing(reply)
  })
  const ping = described(open, { id: 'v1.health.ping', summary: 'Does this process answer?', ...nothingMore })
  routes.get('/health/ping', ping, async (_request, reply) => await nothing(reply))
}

async function nothing(reply: FastifyReply): Promise<FastifyReply> {
  return await reply.code(204).send()
}

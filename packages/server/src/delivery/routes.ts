import type { FastifyInstance } from 'fastify'
import { decorateAddressed } from './addressed.ts'
import { type AttemptParts, registerAttemptRoutes } from './attempt-routes.ts'
import { type ReplayParts, registerReplayRoutes } from './replay-routes.ts'
import { registerTaskRoutes } from './tasks-routes.ts'

export type DeliveryParts = AttemptParts & ReplayParts

/** What has been attempted, sending it again, and the work that this makes. */
export function registerDeliveryRoutes(routes: FastifyInstance, parts: DeliveryParts): void {
  decorateAddressed(routes)
  registerAttemptRoutes(routes, parts)
  registerReplayRoutes(routes, parts)
  registerTaskRoutes(routes, parts)
}

import type { FastifyInstance } from 'fastify'
import { described } from '#src/adapters/http/operation.ts'
import { addressing, attemptOf, eventOf } from '#src/attempts/addressed.ts'
import { readAttemptHeaders } from '#src/attempts/store.ts'
import { notFound } from '#src/domain-error.ts'
import { AttemptDetailOut, TimelineOut } from './answer-schemas.ts'
import { attemptDetailOut } from './detail-answers.ts'
import { readAttemptDetail } from './detail-store.ts'
import { timelineOut } from './timeline-answers.ts'
import { readTimeline } from './timeline-store.ts'
import { type DeliveryLogParts, viewOf, within } from './view.ts'

/** One event at all endpoints, and one attempt with all that is known of it. Source: portal 2, S6 to S8 */
export function registerEventLogRoutes(routes: FastifyInstance, parts: DeliveryLogParts): void {
  const read = addressing(parts.api, 'ViewBase')

  const timeline = described(read, {
    id: 'v1.message.timeline',
    summary: 'Read what became of a message at every endpoint',
    description:
      'Also at those that did not get it, and why. Of an endpoint’s filters only how they are now is known: where it was ' +
      'changed after the event, `changedAt` says so.',
    answers: { 200: TimelineOut },
  })
  routes.get('/app/:app_id/msg/:msg_id/timeline', timeline, async (request) => {
    const { scope, shown } = await viewOf(request, parts)
    const event = eventOf(request)
    const found = await within(request, parts, (tx) => readTimeline(tx, scope, event.id))
    if (!found) throw notFound()
    return timelineOut(found, event, shown)
  })

  const detail = described(read, {
    id: 'v1.message-attempt.detail',
    summary: 'Read all that is known of an attempt',
    description: 'Values of sensitive headers are withheld. Nothing is told of an address that is not allowed.',
    answers: { 200: AttemptDetailOut },
  })
  routes.get('/app/:app_id/msg/:msg_id/attempt/:attempt_id/detail', detail, async (request) => {
    const attempt = attemptOf(request)
    const named = [request.account.id, attempt.eventId, attempt.id] as const
    const { shown } = await viewOf(request, parts)
    const { headers, facts } = await within(request, parts, async (tx) => ({
      headers: await readAttemptHeaders(tx, ...named),
      facts: await readAttemptDetail(tx, ...named),
    }))
    if (!headers || !facts) throw notFound()
    return attemptDetailOut(attempt, headers, facts, shown)
  })
}

import { createSigner } from '@producersync/webhooks/node'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import type { DataKeys } from '#src/accounts/encryption.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { described } from '#src/adapters/http/operation.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'
import { openSecret } from '#src/endpoints/sealed.ts'
import { readSecrets } from '#src/endpoints/store.ts'
import { addressing, endpointOf, eventOf } from './addressed.ts'
import { SignedAgainOut } from './answer-schemas.ts'

const NoBody = Type.Object({}, { title: 'EmptyIn' })

/** A fresh signature for the bytes of an event, to be sent by hand: receivers refuse one after 5 minutes. Source: portal S6.4. */
export function registerSignRoutes(
  routes: FastifyInstance,
  { api, clock, dataKeys }: { api: Database; clock: Clock; dataKeys: Pick<DataKeys, 'read'> },
): void {
  const sign = described(addressing(api, 'CreateAttempts'), {
    id: 'v1.message.sign',
    summary: 'Sign a message for an endpoint again, as an attempt made now would be',
    description:
      'Nothing is sent. With these headers and the payload as it is stored, the endpoint accepts it for 5 minutes.',
    body: NoBody,
    answers: { 200: SignedAgainOut },
    refusals: ['conflict'],
  })
  routes.post('/app/:app_id/msg/:msg_id/endpoint/:endpoint_id/sign', sign, async (request) => {
    bodyOf(request, NoBody)
    const { id, payload } = eventOf(request)
    const endpoint = endpointOf(request)
    if (!payload) throw new DomainError('conflict', 'The payload of this message is not kept any more.')
    return await recorded(api, request, async (tx) => {
      const now = clock.now()
      const key = await dataKeys.read(tx, endpoint.accountId)
      const secrets = await readSecrets(tx, endpoint.accountId, endpoint.id, now)
      const timestamp = Math.floor(now.getTime() / 1_000)
      const signature = createSigner(secrets.map(({ secret }) => openSecret(key, endpoint, secret)))(
        id,
        timestamp,
        payload,
      )
      return {
        url: endpoint.url,
        headers: { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature },
      }
    })
  })
}

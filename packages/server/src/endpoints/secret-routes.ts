import { hash } from 'node:crypto'
import { verifyingSecretOf } from '@producersync/webhooks/node'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Capability } from '#src/accounts/principal.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { SigningSecretPage } from './answer-schemas.ts'
import { parseEndpointName } from './endpoint.ts'
import type { EndpointParts } from './routes.ts'
import { announceChange } from './save.ts'
import { openSecret } from './sealed.ts'
import type { SigningSecret } from './signing-secret.ts'
import { endSecret, lockEndpoint, readEndpoint, readSecrets, type SealedSecret, touchEndpoint } from './store.ts'

const FINGERPRINT_DIGITS = 16

/** Which secrets sign for an endpoint, without showing them, and how one that overlaps is ended. Source: portal S11. */
export function registerSecretRoutes(
  routes: FastifyInstance,
  { api, clock, ids, dataKeys, wake }: Pick<EndpointParts, 'api' | 'clock' | 'ids' | 'dataKeys' | 'wake'>,
): void {
  function addressed(access: Capability) {
    const find = async (request: FastifyRequest) => {
      const name = parseEndpointName(pathValue(request, 'endpoint_id') ?? '')
      const secretId = pathValue(request, 'secret_id')
      request.endpoint = await api.transaction({ settings: settingsOf(request), readOnly: true }, async (tx) => {
        const endpoint = name && (await readEndpoint(tx, request.account.id, name))
        if (!endpoint) throw notFound()
        if (secretId === undefined) return endpoint
        const secrets = await readSecrets(tx, endpoint.accountId, endpoint.id, clock.now())
        if (!secrets.some(({ id }) => id === secretId)) throw notFound()
        return endpoint
      })
    }
    return { config: { access, find } } as const
  }

  const list = described(addressed('ViewBase'), {
    id: 'v1.endpoint.secret.list',
    summary: 'List the secrets that sign for an endpoint, without showing them',
    description: 'The current one first. All of them are in one page: at most eleven sign at a time.',
    answers: { 200: SigningSecretPage },
  })
  routes.get('/app/:app_id/endpoint/:endpoint_id/secret/list', list, async (request) => {
    const { endpoint, account } = request
    const data = await api.transaction({ settings: settingsOf(request), readOnly: true }, async (tx) => {
      const key = await dataKeys.read(tx, account.id)
      const secrets = await readSecrets(tx, account.id, endpoint.id, clock.now())
      return secrets.map((sealed) => toAnswer(sealed, openSecret(key, endpoint, sealed.secret)))
    })
    return { data, iterator: data.at(-1)?.id ?? null, done: true }
  })

  const end = described(addressed('ManageEndpointSecret'), {
    id: 'v1.endpoint.secret.delete',
    summary: 'Let a former secret of an endpoint sign no longer',
    answers: { 204: null },
    refusals: ['conflict'],
  })
  routes.delete('/app/:app_id/endpoint/:endpoint_id/secret/:secret_id', end, async (request, reply) => {
    const { endpoint } = request
    const secretId = pathValue(request, 'secret_id') ?? ''
    const announced = await recorded(api, request, async (tx) => {
      const now = clock.now()
      const held = await lockEndpoint(tx, endpoint.accountId, endpoint.id)
      const ended = held !== undefined && (await endSecret(tx, endpoint, secretId, now))
      if (!ended) throw notFound()
      if (ended === 'current') throw new DomainError('conflict', 'The current secret is replaced, not ended.')
      await touchEndpoint(tx, endpoint, now)
      request.audit.say({ target: { kind: 'endpoint', id: endpoint.id }, withheld: ['secret'] })
      return await announceChange(tx, endpoint, ['endpoint.updated'], { ids, clock })
    })
    wake.lanes([{ accountId: endpoint.accountId, endpointId: endpoint.id, shard: endpoint.shard }, ...announced])
    return await reply.code(204).send()
  })
}

function toAnswer({ id, createdAt, expiresAt }: SealedSecret, secret: SigningSecret) {
  const verifying = verifyingSecretOf(secret)
  const isAsymmetric = verifying.startsWith('whpk_')
  return {
    id,
    kind: isAsymmetric ? 'ed25519' : 'hmac-sha256',
    fingerprint: hash('sha256', verifying).slice(0, FINGERPRINT_DIGITS),
    publicKey: isAsymmetric ? verifying : null,
    current: expiresAt === null,
    createdAt,
    expiresAt,
  }
}

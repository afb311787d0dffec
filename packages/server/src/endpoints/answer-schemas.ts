import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, mapOf, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { SIGNATURE_VERDICTS } from './endpoint.ts'

const throttleRate = nullable(Type.Integer({ minimum: 1, maximum: 65_535 }))
const names = nullable(Type.Array(Type.String()))

/** What an endpoint and a message's destination both show. */
export const destinationFields = {
  id: idText('ep_'),
  url: Type.String({ format: 'uri' }),
  description: Type.String(),
  uid: nullable(Type.String()),
  disabled: Type.Boolean(),
  eventTypes: names,
  filterTypes: names,
  channels: names,
  throttleRate,
  rateLimit: throttleRate,
  version: Type.Literal(1),
  createdAt: momentText(),
  updatedAt: momentText(),
}

const endpointFields = {
  ...destinationFields,
  metadata: mapOf(Type.String()),
  timeoutMs: Type.Integer({ minimum: 1_000, maximum: 30_000 }),
  retrySchedule: nullable(Type.Array(Type.Integer(), { description: 'Waits in seconds; null: as the environment.' })),
  maxConcurrency: nullable(Type.Integer({ minimum: 1, maximum: 256 })),
  ordering: oneOf(['none', 'fifo']),
  failingSince: nullable(momentText()),
  signatureCheck: nullable(
    Type.Object(
      { verdict: oneOf(SIGNATURE_VERDICTS), checkedAt: momentText() },
      { title: 'EndpointSignatureCheck', description: 'The latest, while it is of this URL and secret.' },
    ),
  ),
  disabledReason: nullable(oneOf(['manual', 'failures', 'gone', 'receiver_request'])),
}
export const EndpointOut = Type.Object(endpointFields, { title: 'EndpointOut' })
export const EndpointPage = pageOf('EndpointOut', EndpointOut)

const { channels: _, signatureCheck: __, ...operationalFields } = endpointFields
export const OperationalEndpointOut = Type.Object(operationalFields, { title: 'OperationalWebhookEndpointOut' })
export const OperationalEndpointPage = pageOf('OperationalWebhookEndpointOut', OperationalEndpointOut)

export const EndpointHeadersOut = Type.Object(
  {
    headers: mapOf(Type.String()),
    sensitive: Type.Array(Type.String(), { description: 'Names of headers whose values are not shown.' }),
  },
  { title: 'EndpointHeadersOut' },
)

export const EndpointSecretOut = Type.Object(
  { key: Type.String({ description: '`whsec_…`, or the public key `whpk_…` of an Ed25519 one.' }) },
  { title: 'EndpointSecretOut' },
)

/** A signing secret without itself: `GET E/secret/list`; `DELETE E/secret/{secret_id}` ends one that overlaps. */
const SigningSecretOut = Type.Object(
  {
    id: Type.String(),
    kind: oneOf(['hmac-sha256', 'ed25519']),
    fingerprint: Type.String({ description: 'First 16 hexadecimal digits of the SHA-256 of `whsec_…` or `whpk_…`.' }),
    publicKey: nullable(Type.String({ description: '`whpk_…`, of an Ed25519 one.' })),
    current: Type.Boolean({ description: 'The newest one; the others sign beside it until they expire.' }),
    createdAt: momentText(),
    expiresAt: nullable(momentText()),
  },
  { title: 'SigningSecretOut' },
)
export const SigningSecretPage = pageOf('SigningSecretOut', SigningSecretOut)

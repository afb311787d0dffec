import {
  generateEd25519Secret,
  generateSecret,
  parseSigningSecret,
  type SigningSecret,
  VerificationError,
} from '@producersync/webhooks/node'
import { invalidInput } from '#src/domain-error.ts'

export type { SigningSecret } from '@producersync/webhooks/node'

/** Former secrets that still sign while receivers change over. */
export const OLD_SECRETS_MAX = 10
export const GRACE_SECONDS_MAX = 604_800
export const GRACE_SECONDS_DEFAULT = 86_400

/**
 * Reads a secret that a customer brings along.
 * @param text   `whsec_` (may be missing) + Base64 of 24 to 64 bytes, or `whsk_` + Base64 of an Ed25519 key
 * @param field  the body's member that holds it
 * @throws DomainError invalid_input, without anything of the secret
 */
export function readSecret(text: string, field: string): SigningSecret {
  try {
    return parseSigningSecret(text)
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    const msg = 'not a signing secret: whsec_ and Base64 of 24 to 64 bytes, or whsk_ and Base64 of an Ed25519 key'
    throw invalidInput({ loc: ['body', field], msg, type: 'value_error' })
  }
}

export function newSecret(): SigningSecret {
  return generateSecret()
}

/** A generated secret of the same kind: receivers change a key, not how they verify. */
export function successorOf(current: SigningSecret): SigningSecret {
  return current.startsWith('whsk_') ? generateEd25519Secret() : generateSecret()
}

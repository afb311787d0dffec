import {
  generateEd25519Secret,
  generateSecret,
  parseSigningSecret,
  type SigningSecret,
  VerificationError,
} from '@producersync/webhooks/node'

export type { SigningSecret } from '@producersync/webhooks/node'

/** Former secrets that still sign while receivers change over. */
export const OLD_SECRETS_MAX = 10
export const GRACE_SECONDS_MAX = 604_800
export const GRACE_SECONDS_DEFAULT = 86_400

/**
 * Reads a secret that a customer brings along; undefined when it is none.
 * @param text  `whsec_` (may be missing) + Base64 of 24 to 64 bytes, or `whsk_` + Base64 of an Ed25519 key
 */
export function readSecret(text: string): SigningSecret | undefined {
  try {
    return parseSigningSecret(text)
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}

/** What such a secret looks like, for people. */
export const SECRET_EXPECTED = 'must be whsec_ and Base64 of 24 to 64 bytes, or whsk_ and Base64 of an Ed25519 key'

export function newSecret(): SigningSecret {
  return generateSecret()
}

/** A generated secret of the same kind: receivers change a key, not how they verify. */
export function successorOf(current: SigningSecret): SigningSecret {
  return current.startsWith('whsk_') ? generateEd25519Secret() : generateSecret()
}

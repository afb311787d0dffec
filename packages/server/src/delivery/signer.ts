import { createSigner, type Signer } from '@producersync/webhooks/node'
import { successorOf } from '#src/endpoints/signing-secret.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { Signing } from '#src/events/accept.ts'

/**
 * A signer by all secrets that sign at `now`, current first.
 * @returns `until`: when the first of them ends and another signer is needed; null: not before a change
 */
export function createLaneSigner(secrets: Target['secrets'], now: Date): { signer: Signer; until: Date | null } {
  const valid = secrets.filter(({ signsUntil }) => signsUntil === null || signsUntil > now)
  const ends = valid.flatMap(({ signsUntil }) => signsUntil?.getTime() ?? [])
  return {
    signer: createSigner(valid.map(({ secret }) => secret)),
    until: ends.length === 0 ? null : new Date(Math.min(...ends)),
  }
}

/** The signer of a test that is signed in a way of its own. Where no former secret signs any more, all that do. */
export function createTestSigner(signing: Signing, secrets: Target['secrets'], now: Date): Signer {
  const valid = secrets.filter(({ signsUntil }) => signsUntil === null || signsUntil > now)
  const chosen = valid.filter(({ signsUntil }) => {
    if (signing === 'newest') return signsUntil === null
    return signing !== 'previous' || signsUntil !== null
  })
  const signed = (chosen.length > 0 ? chosen : valid).map(({ secret }) => secret)
  return createSigner(signing === 'wrong' ? signed.map(successorOf) : signed)
}

import { createSigner, type Signer } from '@producersync/webhooks/node'
import type { Target } from '#src/endpoints/target.ts'

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

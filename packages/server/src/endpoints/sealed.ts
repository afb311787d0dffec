import { parseSigningSecret, type SigningSecret } from '@producersync/webhooks/node'
import { open, type SealedFor, type SealingKey, seal } from '#src/accounts/encryption.ts'
import type { Headers } from './headers.ts'

/** Which endpoint sealed bytes belong to: moved to another one they do not open. */
export type Owner = { accountId: string; id: string }

export function sealSecret(key: SealingKey, owner: Owner, secret: SigningSecret): Buffer {
  return seal(key, Buffer.from(secret), place(owner, 'signing-secret'))
}

/** @throws CannotOpen */
export function openSecret(key: SealingKey, owner: Owner, sealed: Buffer): SigningSecret {
  return parseSigningSecret(open(key, sealed, place(owner, 'signing-secret')).toString())
}

/** Names and values together, as values may be credentials; null when there are none. */
export function sealHeaders(key: SealingKey, owner: Owner, headers: Headers): Buffer | null {
  if (headers.size === 0) return null
  return seal(key, Buffer.from(JSON.stringify([...headers])), place(owner, 'headers'))
}

/** @throws CannotOpen */
export function openHeaders(key: SealingKey, owner: Owner, sealed: Buffer | null): Headers {
  if (sealed === null) return new Map()
  const pairs: [string, string][] = JSON.parse(open(key, sealed, place(owner, 'headers')).toString())
  return new Map(pairs)
}

function place({ accountId, id }: Owner, purpose: string): SealedFor {
  return { accountId, objectId: id, purpose }
}

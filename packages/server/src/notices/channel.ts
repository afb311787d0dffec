import { parseSigningSecret, type SigningSecret } from '@producersync/webhooks/node'
import { open, type SealingKey, seal } from '#src/accounts/encryption.ts'
import type { ChannelKind, NoticeRule } from './rules.ts'

export const CHANNEL_ID_PREFIX = 'nch_'

/** Where an account wants to hear of what is wrong. */
export type Channel = {
  id: string // nch_…
  accountId: string
  kind: ChannelKind
  name: string
  target: string // the URL, or the address of a mail
  secret: SigningSecret | null // of a webhook
  rules: NoticeRule[]
  resolved: boolean // also told that an issue is resolved
  enabled: boolean
  lastSentAt: Date | null
  lastFailure: string | null
}

type Owner = Pick<Channel, 'id' | 'accountId'>

export function sealTarget(key: SealingKey, owner: Owner, target: string): Buffer {
  return seal(key, Buffer.from(target), placeOf(owner, 'notice-target'))
}

export function openTarget(key: SealingKey, owner: Owner, sealed: Buffer): string {
  return open(key, sealed, placeOf(owner, 'notice-target')).toString()
}

export function sealChannelSecret(key: SealingKey, owner: Owner, secret: SigningSecret | null): Buffer | null {
  return secret && seal(key, Buffer.from(secret), placeOf(owner, 'notice-secret'))
}

export function openChannelSecret(key: SealingKey, owner: Owner, sealed: Buffer | null): SigningSecret | null {
  return sealed && parseSigningSecret(open(key, sealed, placeOf(owner, 'notice-secret')).toString())
}

function placeOf({ accountId, id }: Owner, purpose: string) {
  return { accountId, objectId: id, purpose }
}

import { createHmac } from 'node:crypto'
import { parseSigningSecret, type SigningSecret } from '@producersync/webhooks/node'
import type { SealingKey } from '#src/accounts/encryption.ts'

/**
 * The signing secret of a device in an account: always the same, so that what a developer has configured once stays right.
 * @param key     the account's
 * @param device  as the device names itself
 */
export function secretOfDevice(key: SealingKey, device: string): SigningSecret {
  const bytes = createHmac('sha256', key.key)
    .update(JSON.stringify(['cli session', device]))
    .digest()
  return parseSigningSecret(`whsec_${bytes.toString('base64')}`)
}

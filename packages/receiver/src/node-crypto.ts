import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { isAmong } from './claim.ts'
import type { Signatures } from './headers.ts'
import { pkcs8Of, type SigningKey, type VerifyingKey } from './keys.ts'

/** Makes the signer of one key, of whatever length: it signs `prefix` + `body` and gives `v1,…` or `v1a,…`. */
export function signerBy(key: SigningKey): (prefix: string, body: Uint8Array) => string {
  if (key.version === 'v1a') {
    const privateKey = ed25519Key(key.seed)
    return (prefix, body) => {
      const content = Buffer.concat([Buffer.from(prefix), body])
      return `v1a,${sign(null, content, privateKey).toString('base64')}`
    }
  }
  const secretKey = createSecretKey(key.secret) // with the raw key instead, an HMAC takes five times as long
  return (prefix, body) => `v1,${createHmac('sha256', secretKey).update(prefix).update(body).digest('base64')}`
}

/** Whether one of the signatures over `prefix` + `body` is this key's. An HMAC takes the two as they are: no copy of the body. */
export function hasSigned(key: VerifyingKey, prefix: string, body: Uint8Array, signatures: Signatures): boolean {
  if (key.version === 'v1') {
    return isAmong(signatures.v1, createHmac('sha256', key.secret).update(prefix).update(body).digest())
  }
  const x = Buffer.from(key.publicKey).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const content = Buffer.concat([Buffer.from(prefix), body])
  return signatures.v1a.some((signature) => verify(null, content, publicKey, signature))
}

/** The public key that belongs to an Ed25519 seed, 32 bytes. */
export function publicKeyOf(seed: Uint8Array): Buffer {
  const { x = '' } = createPublicKey(ed25519Key(seed)).export({ format: 'jwk' })
  return Buffer.from(x, 'base64url')
}

function ed25519Key(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(pkcs8Of(seed)), format: 'der', type: 'pkcs8' })
}

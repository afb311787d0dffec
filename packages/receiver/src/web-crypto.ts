import { encodeBase64 } from './base64.ts'
import { isAmong } from './claim.ts'
import type { Signatures } from './headers.ts'
import { pkcs8Of, type SigningKey, type VerifyingKey } from './keys.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Signs `content` with one key, of whatever length: `v1,…` or `v1a,…`. */
export async function signatureBy(key: SigningKey, content: Bytes): Promise<string> {
  const bytes = key.version === 'v1' ? await hmac(key.secret, content) : await ed25519(key.seed, content)
  return `${key.version},${encodeBase64(bytes)}`
}

/** Whether one of the signatures over `content` is this key's. */
export async function hasSigned(key: VerifyingKey, content: Bytes, signatures: Signatures): Promise<boolean> {
  if (key.version === 'v1') return isAmong(signatures.v1, await hmac(key.secret, content))
  const publicKey = await crypto.subtle.importKey('raw', key.publicKey, 'Ed25519', false, ['verify'])
  for (const signature of signatures.v1a) {
    if (await crypto.subtle.verify('Ed25519', publicKey, signature, content)) return true
  }
  return false
}

async function hmac(secret: Bytes, content: Bytes): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, content))
}

async function ed25519(seed: Bytes, content: Bytes): Promise<Bytes> {
  const key = await crypto.subtle.importKey('pkcs8', pkcs8Of(seed), 'Ed25519', false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('Ed25519', key, content))
}

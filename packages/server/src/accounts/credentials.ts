import { createHash, randomInt } from 'node:crypto'

/** What each credential begins with, so that people and secret scanners can tell them. None holds a dot (webhook-api 18.9). */
export type CredentialPrefix = 'sk_' | 'appsk_' | 'at_' | 'cs_' | 'lk_' | 'ps_' | 'cl_'

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 43 // 62^43 > 2^256
const BEARER = /^(?:sk|appsk|at)_[0-9A-Za-z]{43}$/

/** A new credential of 256 random bits: the prefix and 43 base-62 characters. Shown once; only its hash is stored. */
export function newCredential(prefix: CredentialPrefix): string {
  return prefix + Array.from({ length: LENGTH }, () => DIGITS.charAt(randomInt(DIGITS.length))).join('')
}

/** What is stored of a credential and looked up by. A slow hash would only be a lever for denial of service: nothing here can be guessed. */
export function credentialHash(credential: string): Buffer {
  return createHash('sha256').update(credential).digest()
}

/** Could this be a bearer token of ours? Anything else is refused without asking the database. */
export function isBearer(text: string): boolean {
  return BEARER.test(text)
}

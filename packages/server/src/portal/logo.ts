import { invalidInput } from '#src/domain-error.ts'
import { LOGO_BYTES_MAX, type LOGO_TYPES } from './settings-schemas.ts'

/** 100,000 bytes as Base64, and the JSON around them. */
export const LOGO_BODY_BYTES_MAX = 140_000
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/**
 * The bytes of a logo, which are what they say they are: a browser that is handed them shows an image or nothing.
 * @param data  Base64
 * @throws DomainError invalid_input
 */
export function readLogoBytes(contentType: (typeof LOGO_TYPES)[number], data: string): Buffer {
  if (!BASE64.test(data)) throw refused('must be Base64')
  const bytes = Buffer.from(data, 'base64')
  if (bytes.length > LOGO_BYTES_MAX) throw refused(`must be at most ${LOGO_BYTES_MAX} bytes`)
  const isIt = contentType === 'image/png' ? isPng(bytes) : isWebp(bytes)
  if (!isIt) throw refused(`must be of the type ${contentType}`)
  return bytes
}

function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, PNG.length).equals(PNG)
}

/** RIFF, four bytes of length, WEBP. */
function isWebp(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP'
}

function refused(msg: string): Error {
  return invalidInput({ loc: ['body', 'data'], msg, type: 'value_error' })
}

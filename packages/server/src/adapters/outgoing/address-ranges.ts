import ipaddr from 'ipaddr.js'

/** An IP address as its bytes, most significant first: 4 for IPv4, 16 for IPv6. */
export type AddressBytes = Uint8Array

/** A CIDR range: the leading `prefixBits` of its addresses, as a number. */
export type AddressRange = { bits: 32 | 128; prefixBits: number; prefix: bigint }

const DECIMAL_BYTE = /^(0|[1-9][0-9]{0,2})$/

/** Reads four decimal bytes without leading zeros; legacy spellings (hex, octal, fewer parts) are none. */
export function parseIPv4(text: string): AddressBytes | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => DECIMAL_BYTE.test(part) && Number(part) <= 255)) return undefined
  return Uint8Array.from(parts, Number)
}

/** Reads an IPv6 address in any spelling, without brackets; a zone id is refused. */
export function parseIPv6(text: string): AddressBytes | undefined {
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined
  return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray())
}

export function parseAddress(text: string): AddressBytes | undefined {
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text)
}

/** The one spelling that addresses are compared and dialled by. */
export function formatAddress(bytes: AddressBytes): string {
  return bytes.length === 4 ? bytes.join('.') : new ipaddr.IPv6([...bytes]).toString()
}

/**
 * Reads `address` or `address/bits`; bits of the address beyond the prefix are ignored.
 * @throws TypeError when it is neither
 */
export function parseRange(text: string): AddressRange {
  const [addressText = '', bitsText, ...rest] = text.split('/')
  const bytes = parseAddress(addressText)
  const bits = bytes?.length === 4 ? 32 : 128
  const prefixBits = bitsText === undefined ? bits : Number(bitsText)
  const readable = bytes && rest.length === 0 && (bitsText === undefined || /^[0-9]{1,3}$/.test(bitsText))
  if (!readable || prefixBits > bits) throw new TypeError(`Not an address range: ${text}`)
  return { bits, prefixBits, prefix: toBigInt(bytes) >> BigInt(bits - prefixBits) }
}

export function isWithin(bytes: AddressBytes, ranges: readonly AddressRange[]): boolean {
  const bits = bytes.length * 8
  const value = toBigInt(bytes)
  return ranges.some((range) => range.bits === bits && value >> BigInt(bits - range.prefixBits) === range.prefix)
}

function toBigInt(bytes: AddressBytes): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

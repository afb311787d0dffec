import ipaddr from 'ipaddr.js'
import { type LocalDate, parseLocalDate } from '#src/updates/local-date.ts'

/** How the text of a setting is read. Each throws an error whose message says what is wrong, without the setting's name. */

export function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

export function parseDatabaseUrl(text: string): string {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) throw new Error('must be a postgresql:// URL')
  return text
}

export function parsePublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username) {
    throw new Error('must be an http or https URL without user, query or fragment')
  }
  return url.href.replace(/\/+$/, '')
}

export function parseSmtpUrl(text: string): string {
  if (!/^smtps?:\/\/[^/]/.test(text) || !URL.canParse(text)) throw new Error('must be an smtp:// or smtps:// URL')
  return text
}

export function parseMailAddress(text: string): string {
  if (!/^[^\s@<>]+@[^\s@<>]+$/.test(text)) throw new Error('must be a mail address such as webhooks@northwind.example')
  return text
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('must be a port from 0 to 65535')
  return port
}

export function parsePath(text: string): string {
  if (text.includes('\0')) throw new Error('must be a path')
  return text
}

export function parseAddress(text: string): string {
  if (!ipaddr.isValid(text)) throw new Error(`"${text}" is not an IP address`)
  return text
}

export function parseAddressAndPort(text: string): string {
  const [, v6, v4, port] = /^(?:\[([0-9a-f:]+)\]|([\d.]+)):(\d+)$/i.exec(text) ?? []
  const address = v6 ?? v4
  if (!address || !ipaddr.isValid(address) || !(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new Error(`"${text}" is not address:port, such as 127.0.0.1:3000 or [::1]:3000`)
  }
  return text
}

export function parseRange(text: string): string {
  if (!ipaddr.isValidCIDR(text)) throw new Error(`"${text}" is not a range such as 203.0.113.0/24`)
  return text
}

const FEED_NAMES = ['none', 'nipr', 'simulator'] as const
export type FeedName = (typeof FEED_NAMES)[number]

export function parseFeed(text: string): FeedName {
  const name = FEED_NAMES.find((known) => known === text)
  if (!name) throw new Error(`must be one of ${FEED_NAMES.join(', ')}`)
  return name
}

export function parseServiceUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password) {
    throw new Error('must be an http or https URL without user, password, query or fragment')
  }
  return url
}

export function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.origin !== text) {
    throw new Error(`"${text}" is not an origin such as https://app.example.com`)
  }
  return text
}

export function parseWord(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) throw new Error('must be 1 to 64 letters, digits, ., _ and -')
  return text
}

export function parseTimeOfDay(text: string): number {
  const [, hours, minutes] = /^([01][0-9]|2[0-3]):([0-5][0-9])$/.exec(text) ?? []
  if (hours === undefined || minutes === undefined) throw new Error('must be a time of day such as 10:15')
  return Number(hours) * 60 + Number(minutes)
}

export function parseDay(text: string): LocalDate {
  const day = parseLocalDate(text)
  if (!day) throw new Error(`"${text}" is no date such as 2026-12-25`)
  return day
}

/** The word with the fewest letters to change. */
export function nearest(text: string, words: readonly string[]): string {
  return words.reduce((best, word) => (distance(text, word) < distance(text, best) ? word : best), words[0] ?? '')
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted))
    }
    row = next
  }
  return row[b.length] ?? 0
}

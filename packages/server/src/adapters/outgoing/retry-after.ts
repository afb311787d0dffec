/** The longest wait a receiver can ask for. */
export const RETRY_AFTER_MS_MAX = 24 * 60 * 60 * 1000

const SECONDS = /^[0-9]{1,15}$/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const TIME = '(?<hour>[01][0-9]|2[0-3]):(?<minute>[0-5][0-9]):(?<second>[0-5][0-9]|60)'
const HTTP_DATES = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>[0-9]{2}) (?<month>[A-Z][a-z]{2}) (?<year>[0-9]{4}) ${TIME} GMT$`), // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>[0-9]{2})-(?<month>[A-Z][a-z]{2})-(?<year>[0-9]{2}) ${TIME} GMT$`), // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[0-9]{2}| [0-9]) ${TIME} (?<year>[0-9]{4})$`), // Sun Nov  6 08:49:37 1994
]

/**
 * How long a `Retry-After` asks to wait, in ms from `now`, cut at 24 h; `undefined` when it cannot be read, is
 * given more than once, or lies in the past.
 * @see RFC 9110, 10.2.3 (seconds or HTTP date) and 5.6.7 (the three forms of a date)
 */
export function parseRetryAfter(value: string | readonly string[] | undefined, now: Date): number | undefined {
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  const ms = SECONDS.test(text) ? Number(text) * 1000 : readHttpDateMs(text, now) - now.getTime()
  return ms >= 0 ? Math.min(ms, RETRY_AFTER_MS_MAX) : undefined
}

/** Milliseconds since the epoch, `NaN` when the text is no HTTP date. */
function readHttpDateMs(text: string, now: Date): number {
  for (const form of HTTP_DATES) {
    const { year = '', month = '', day, hour, minute, second } = form.exec(text)?.groups ?? {}
    if (day === undefined) continue
    const monthIndex = MONTHS.indexOf(month)
    const ms = Date.UTC(readYear(year, now), monthIndex, Number(day), Number(hour), Number(minute), Number(second))
    // Date.UTC carries over what a month does not have
    return monthIndex >= 0 && new Date(ms - leapSecondMs(second)).getUTCDate() === Number(day) ? ms : Number.NaN
  }
  return Number.NaN
}

function leapSecondMs(second: string | undefined): number {
  return second === '60' ? 1000 : 0
}

/** A two-digit year more than 50 years ahead lies in the century before. */
function readYear(year: string, now: Date): number {
  if (year.length === 4) return Number(year)
  const thisYear = now.getUTCFullYear()
  const sameCentury = Math.floor(thisYear / 100) * 100 + Number(year)
  return sameCentury > thisYear + 50 ? sameCentury - 100 : sameCentury
}

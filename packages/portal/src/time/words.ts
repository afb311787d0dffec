/** How a moment is written: with its day, to the second or the millisecond, or as a day alone. */
export type MomentForm = 'short' | 'seconds' | 'exact' | 'time' | 'hour' | 'day'

const FORMS: Record<MomentForm, Intl.DateTimeFormatOptions> = {
  short: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', timeZoneName: 'short' },
  seconds: {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  },
  exact: {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    timeZoneName: 'short',
  },
  time: { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
  hour: { hour: '2-digit', minute: '2-digit', timeZoneName: 'short' },
  day: { day: 'numeric', month: 'short', year: 'numeric' },
}

const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(form: MomentForm, zone: string): Intl.DateTimeFormat {
  const key = `${form} ${zone}`
  let format = formats.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', { ...FORMS[form], timeZone: zone, hourCycle: 'h23' })
    formats.set(key, format)
  }
  return format
}

/**
 * A moment in a zone, always with the zone's name: `23 Nov, 09:12:44 EST`. The names of American zones are the American ones,
 * which en-GB writes as offsets.
 */
export function momentWords(at: Date, zone: string, form: MomentForm = 'seconds'): string {
  const text = formatOf(form, zone)
    .formatToParts(at)
    .map((part) => (part.type === 'timeZoneName' ? zoneName(at, zone) : part.value))
    .join('')
  return text.replace(/ at /, ', ')
}

/** The zone's short name at that moment: `EST`, `EDT`, `UTC`, `GMT+5:30`. */
export function zoneName(at: Date, zone: string): string {
  const key = `name ${zone}`
  let format = formats.get(key)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'short' })
    formats.set(key, format)
  }
  return format.formatToParts(at).find((part) => part.type === 'timeZoneName')?.value ?? zone
}

const STEPS: [unit: string, seconds: number][] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
]

/** A span in its largest unit, rounded down: `4 min`, `0 s`. */
function spanWords(ms: number): string {
  const seconds = Math.floor(Math.abs(ms) / 1000)
  const [unit, size] = STEPS.find(([, size]) => seconds >= size) ?? ['s', 1]
  return `${Math.floor(seconds / size)} ${unit}`
}

/** `4 min ago`, `in 2 h`. */
export function ageWords(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  return ms >= 0 ? `${spanWords(ms)} ago` : `in ${spanWords(ms)}`
}

/** A duration as measured: `88 ms`, `1.42 s`, `2 min 51 s`. */
export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1_000)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 3_600) return joined(seconds, 60, 'min', 's')
  if (seconds < 86_400) return joined(Math.round(seconds / 60), 60, 'h', 'min')
  return joined(Math.round(seconds / 3_600), 24, 'days', 'h').replace(/^1 days/, '1 day')
}

function joined(count: number, per: number, large: string, small: string): string {
  const rest = count % per
  return `${Math.floor(count / per)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

function trim(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1).replace(/\.?0+$/, '')
}

/** A day without a time, such as a run date: `Mon 23 Nov`, with its year where that is another one. */
export function dayWords(date: string, now = new Date()): string {
  const isThisYear = date.startsWith(String(now.getUTCFullYear()))
  return (isThisYear ? DAY : DAY_OF_YEAR).format(new Date(`${date}T00:00:00Z`)).replace(',', '')
}

/** A date that is no run's: `31 May 2027`. */
export function dateWords(date: string): string {
  return DATE.format(new Date(`${date}T00:00:00Z`))
}

const DATE = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' })
const DAY_PARTS = { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' } as const
const DAY = new Intl.DateTimeFormat('en-GB', DAY_PARTS)
const DAY_OF_YEAR = new Intl.DateTimeFormat('en-GB', { ...DAY_PARTS, year: 'numeric' })

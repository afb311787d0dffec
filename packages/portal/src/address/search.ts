/** Search parameters that several screens share, with the values each can have. Source: portal 3. */

const readers = {
  state: listOf((word) => /^[a-z_]{1,32}$/.test(word)),
  type: listOf((word) => /^[a-zA-Z0-9\-_.*]{1,256}$/.test(word)),
  endpoint: listOf((word) => /^[a-zA-Z0-9\-_.]{1,256}$/.test(word)),
  class: listOf((word) => /^[a-z_0-9]{1,64}$/.test(word)),
  code: listOf((word) => /^(0|[1-5]([0-9]{2}|xx))$/.test(word)),
  npn: oneThat((word) => /^[1-9][0-9]{0,9}$/.test(word)),
  q: oneThat((word) => word.length <= 256),
  test: oneThat((word) => word === 'true' || word === 'false'),
  trigger: listOf((word) => /^[a-z_]{1,32}$/.test(word)),
  from: oneThat(isMomentOrAge),
  to: oneThat(isMomentOrAge),
  sort: oneThat((word) => /^-?[a-zA-Z]{1,32}$/.test(word)),
  cursor: oneThat((word) => word.length <= 512),
  cols: listOf((word) => /^[a-zA-Z]{1,32}$/.test(word)),
}

type Readers = typeof readers
export type SharedName = keyof Readers
export type Shared = { [Name in SharedName]?: NonNullable<ReturnType<Readers[Name]>> }

/** All parameters of an address, as they stand there: unknown ones are kept. */
export type RawSearch = Readonly<Record<string, string | undefined>>

/** `?a=1&a=2` is read as `a=1,2`. */
export function parseSearch(text: string): RawSearch {
  const search: Record<string, string> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === '__proto__') continue
    search[name] = Object.hasOwn(search, name) ? `${search[name]},${value}` : value
  }
  return search
}

export function stringifySearch(search: Readonly<Record<string, unknown>>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === 'string' && value !== '') params.append(name, value)
  }
  // as people would write them
  const text = params.toString().replaceAll('%2C', ',').replaceAll('%3A', ':')
  return text === '' ? '' : `?${text}`
}

/** What a parameter may say on a screen, by its name. Those that are not named may say what their readers take. */
export type Known = Readonly<Record<string, (text: string) => boolean>>

/** Some of these words, separated by commas. */
export function someOf(words: readonly string[]): (text: string) => boolean {
  return (text) => text.split(',').every((word) => word === '' || words.includes(word))
}

/** One of these words. */
export function oneOf(words: readonly string[]): (text: string) => boolean {
  return (text) => words.includes(text)
}

/** The shared parameters, and the names of those, also of the screen's own, whose value says nothing here. */
export function readShared(search: RawSearch, known: Known = {}): { values: Shared; faults: string[] } {
  const values: Record<string, unknown> = {}
  const faults: string[] = []
  for (const name of new Set([...Object.keys(readers), ...Object.keys(known)])) {
    const text = search[name]
    if (text === undefined || text === '') continue
    const isKnown = known[name]?.(text) ?? true
    const value = isShared(name) ? readers[name](text) : text
    if (value === undefined || !isKnown) faults.push(name)
    else if (isShared(name)) values[name] = value
  }
  return { values, faults }
}

function isShared(name: string): name is SharedName {
  return Object.hasOwn(readers, name)
}

/** Shared parameters as an address has them; undefined takes one away. */
export function writeShared(values: Shared): RawSearch {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') || undefined : value]),
  )
}

function listOf(isValue: (word: string) => boolean): (text: string) => string[] | undefined {
  return (text) => {
    const words = [...new Set(text.split(',').filter((word) => word !== ''))]
    return words.length > 0 && words.every(isValue) ? words : undefined
  }
}

function oneThat(isValue: (word: string) => boolean): (text: string) => string | undefined {
  return (text) => (isValue(text) ? text : undefined)
}

const AGE = /^-([1-9][0-9]{0,4})(m|h|d)$/

/** An instant in UTC, or an age such as `-24h`. */
function isMomentOrAge(word: string): boolean {
  if (AGE.test(word)) return true
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/.test(word) && !Number.isNaN(Date.parse(word))
}

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The instant that `from` or `to` means now; undefined for none. */
export function instantOf(word: string | undefined, now: Date): Date | undefined {
  if (word === undefined) return undefined
  const [, count, unit] = AGE.exec(word) ?? []
  if (count === undefined) return new Date(word)
  return new Date(now.getTime() - Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS])
}

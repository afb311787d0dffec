import type { LocalDate } from '../updates/local-date.ts'
import type { Chance } from './chance.ts'
import type { Oddities } from './oddities.ts'

/** How a value is written: the usual way first, then the ways of odd reports. A blank key is for values that are null. */
type Spellings<T extends string> = Readonly<Record<T | '', readonly [string, ...string[]]>>

export const LOA_STATUS: Spellings<'Active' | 'Cancelled' | 'Inactive'> = {
  Active: ['Active', 'ACTIVE', 'aCtive'],
  Cancelled: ['Cancelled', 'canceled', 'REVOKED', 'Terminated', 'surrendered'],
  Inactive: ['Inactive', 'EXPIRED', 'lapsed', 'Suspended'],
  '': ['', 'Pending', ' '],
}
export const APPOINTMENT_STATUS: Spellings<'APPOINTED' | 'TERMINATED'> = {
  APPOINTED: ['Appointed', 'ACTIVE', 'appointed'],
  TERMINATED: ['Terminated', 'inactive', 'CANCELLED'],
  '': ['', 'Unknown', '  '],
}
export const RESIDENCY: Spellings<'R' | 'NR'> = {
  R: ['R', 'Resident', 'r'],
  NR: ['NR', 'Non-Resident', 'nr'],
  '': ['', 'X'],
}
export const ADDRESS_TYPE: Spellings<'BUSINESS' | 'MAILING' | 'RESIDENCE'> = {
  BUSINESS: ['Business', 'B', 'BUSINESS'],
  MAILING: ['Mailing', 'M', 'mailing'],
  RESIDENCE: ['Residence', 'R', 'RESIDENT'],
  '': ['', 'Other'],
}
export const OTHER_NAME_TYPE: Spellings<'ALIAS' | 'FIRM_BRANCH' | 'PREVIOUS'> = {
  ALIAS: ['Alias', 'AKA', ''],
  FIRM_BRANCH: ['Firm Branch', 'BRANCH NAME'],
  PREVIOUS: ['Previous', 'prev name', 'Formerly known as'],
  '': [''],
}
export const CE_COMPLIANCE: Spellings<'EXEMPT' | 'IN COMPLIANCE' | 'N/A' | 'NOT IN COMPLIANCE'> = {
  EXEMPT: ['EXEMPT', 'Exempt'],
  'IN COMPLIANCE': ['IN COMPLIANCE', 'In  Compliance'],
  'N/A': ['N/A', 'n/a'],
  'NOT IN COMPLIANCE': ['NOT IN COMPLIANCE', 'not in compliance'],
  '': ['', ' '],
}
export const YES_OR_NO: Spellings<'yes' | 'no'> = {
  yes: ['Yes', 'Y', 'true', 'YES'],
  no: ['No', 'N', 'FALSE', 'no'],
  '': [''],
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const [IMPOSSIBLE_DATE, UNREADABLE_NUMBER] = ['02/30/2024', 'n/a']

/** Writes the values of one report, the usual way or in the ways of an odd one. */
export class Speller {
  readonly #odd: Oddities
  readonly #chance: Chance

  /** @param chance of this report alone */
  constructor(odd: Oddities, chance: Chance) {
    this.#odd = odd
    this.#chance = chance
  }

  /** An element with a text; without one it is empty, or left out. */
  text(name: string, value: string | null): string {
    return this.#element(name, value === null ? '' : this.#written(value))
  }

  word<T extends string>(name: string, value: T | null, spellings: Spellings<T>): string {
    return this.#element(name, escapeXml(this.spelling(value, spellings), this.#odd.latin))
  }

  /** One of the ways to write a word. */
  spelling<T extends string>(value: T | null, spellings: Spellings<T>): string {
    const ways = spellings[value ?? '']
    return this.#odd.mixedCase || (value === null && this.#odd.blankStatus) ? this.#chance.pick(ways) : ways[0]
  }

  date(name: string, value: LocalDate | null): string {
    if (value !== null) return this.#element(name, this.#day(value))
    return this.#element(name, this.#odd.missingDates && this.#chance.is(0.3) ? IMPOSSIBLE_DATE : '')
  }

  /** A license that never expires has a date that never comes. */
  expiry(name: string, value: LocalDate | null, perpetual: boolean): string {
    return perpetual ? this.#element(name, this.#chance.pick(['12/31/9999', '12/31/2999'])) : this.date(name, value)
  }

  amount(name: string, value: number | null): string {
    if (value === null)
      return this.#element(name, this.#odd.otherSpellings ? this.#chance.pick(['', UNREADABLE_NUMBER]) : '')
    const ways = [String(value), `$${value.toLocaleString('en-US')}.00`, `${value}.75 USD`]
    return this.#element(name, this.#odd.otherSpellings ? this.#chance.pick(ways) : String(value))
  }

  /** A company's number, at times without its zeros. */
  coCode(name: string, value: string | null): string {
    const isShort = this.#odd.otherSpellings && this.#chance.is(0.5)
    return this.text(name, isShort ? (value?.replace(/^0+(?=.)/, '') ?? null) : value)
  }

  rows<T>(rows: readonly T[]): readonly T[] {
    return this.#odd.reorderedRows ? this.#chance.shuffled(rows) : rows
  }

  /** Something that no reader knows. */
  extra(): string {
    return this.#odd.otherSpellings
      ? '<NEW_SECTION at="1"><STATUS>Active</STATUS><ADDRESS/></NEW_SECTION><!-- x -->'
      : ''
  }

  #day(value: LocalDate): string {
    const [year, month, day] = value.split('-')
    const usual = `${month}/${day}/${year}`
    return this.#odd.otherSpellings ? this.#chance.pick([usual, value, `${year}${month}${day}`]) : usual
  }

  #written(value: string): string {
    if (!this.#odd.otherSpellings) return escapeXml(value, this.#odd.latin)
    const way = this.#chance.whole(0, 3)
    if (way === 0 && !this.#odd.latin) return `<![CDATA[${value}]]>`
    const escaped = escapeXml(value, this.#odd.latin || way === 1)
    return way === 2 ? `\n  ${escaped.replaceAll(' ', ' \t ')} ` : escaped
  }

  #element(name: string, content: string): string {
    if (content !== '') return `<${name}>${content}</${name}>`
    return this.#odd.otherSpellings && this.#chance.is(0.5) ? '' : `<${name}/>`
  }
}

/** @param wide characters beyond ASCII are written as references */
export function escapeXml(text: string, wide: boolean): string {
  if (/^[ -%'-;=?-~]*$/.test(text)) return text
  const escaped = text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character)
  return wide
    ? escaped.replace(/[^\0-\u00ff]/gu, (character) => `&#x${character.codePointAt(0)?.toString(16)};`)
    : escaped
}

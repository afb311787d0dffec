import { createHash } from 'node:crypto'
import { PREVIEW_PARTS, type PreviewMode, type PreviewPart, type PreviewReason } from './preview.ts'

/** An NPN that is to join or to leave. `line`: null when it stands on none. */
export type Wish = { npn: number; line: number | null; joins: boolean }

/** A row of a part. `npn` is null for what is none; `text`: as given, where it is not the NPN. */
export type PartRow = { npn: number | null; line: number | null; text: string | null; reason: PreviewReason | null }

export type Parts = Record<PreviewPart, PartRow[]>

/** The population as a difference sees it. `active`: of the wishes at least; of a replace, all of it. */
export type KnownPopulation = { active: ReadonlySet<number>; size: number; max: number }

export function noParts(): Parts {
  return { add: [], remove: [], same: [], repeated: [], invalid: [] }
}

/**
 * What wishes do to a population. Distinct NPNs only. What leaves makes room for what joins; what finds none is invalid.
 * @returns also `sizeAfter`
 */
export function differ(
  mode: PreviewMode,
  wishes: readonly Wish[],
  { active, size, max }: KnownPopulation,
): { parts: Pick<Parts, 'add' | 'remove' | 'same' | 'invalid'>; sizeAfter: number } {
  const parts = noParts()
  const joining: PartRow[] = []
  for (const { npn, line, joins } of wishes) {
    const row = { npn, line, text: null, reason: null }
    if (active.has(npn) === joins) {
      parts.same.push({ ...row, reason: joins ? 'already_active' : 'not_active' })
    } else if (joins) {
      joining.push(row)
    } else {
      parts.remove.push(row)
    }
  }
  if (mode === 'replace') {
    const wanted = new Set(wishes.map(({ npn }) => npn))
    const leaving = [...active].filter((npn) => !wanted.has(npn)).sort((one, other) => one - other)
    for (const npn of leaving) parts.remove.push({ npn, line: null, text: null, reason: null })
  }
  const room = Math.max(0, max - size + parts.remove.length)
  for (const [index, row] of joining.entries()) {
    if (index < room) parts.add.push(row)
    else parts.invalid.push({ ...row, reason: 'limit_reached' })
  }
  return { parts, sizeAfter: size - parts.remove.length + parts.add.length }
}

/** The wishes that made these parts: to see what they would do now. */
export function wishesOf(mode: PreviewMode, parts: Parts): Wish[] {
  const wish = ({ npn, line }: PartRow, joins: boolean): Wish[] => (npn === null ? [] : [{ npn, line, joins }])
  return [
    ...parts.add.flatMap((row) => wish(row, true)),
    ...parts.same.flatMap((row) => wish(row, row.reason === 'already_active')),
    ...parts.invalid.flatMap((row) => (row.reason === 'limit_reached' ? wish(row, true) : [])),
    ...(mode === 'replace' ? [] : parts.remove.flatMap((row) => wish(row, false))),
  ].sort((one, other) => (one.line ?? 0) - (other.line ?? 0))
}

/** Equal for differences that do the same, whatever the order of their rows. */
export function digestOf({ add, remove }: Pick<Parts, 'add' | 'remove'>): Buffer {
  const hash = createHash('sha256')
  for (const rows of [add, remove]) {
    const npns = Float64Array.from(rows, ({ npn }) => npn ?? 0).sort()
    hash.update(`${npns.length}:`).update(npns)
  }
  return hash.digest()
}

export type Counts = Record<PreviewPart, number>

export function countsOf(parts: Parts): Counts {
  return Object.fromEntries(PREVIEW_PARTS.map((part) => [part, parts[part].length])) as Counts
}

const UNCONFIRMED_REMOVALS_MAX = 1_000
const UNCONFIRMED_SHARE_MAX = 0.1

/** Does a replace remove so much that somebody should say that it is meant? Source: portal, P2. */
export function mustConfirm(mode: PreviewMode, removed: number, sizeBefore: number): boolean {
  return mode === 'replace' && (removed > UNCONFIRMED_REMOVALS_MAX || removed > UNCONFIRMED_SHARE_MAX * sizeBefore)
}

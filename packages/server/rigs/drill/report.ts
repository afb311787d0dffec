import { commitOf } from '../chaos/commit.ts'
import type { Options, Part } from './options.ts'

export type Broken = { promise: string; detail: string }
/** What a part has counted; its promises are judged where they are counted. */
export type PartReport = { part: Part; figures: Record<string, number | string>; broken: Broken[] }
/** A part that could not be run here, and why. */
export type Skipped = { part: string; reason: string }

export type Report = {
  command: 'drill'
  ok: boolean
  seed: number
  durationS: number
  commit: string
  node: string
  parts: Record<string, Record<string, number | string>>
  broken: Broken[]
  skipped: Skipped[]
  error: string | null
}

export function reportRun(
  options: Options,
  parts: readonly PartReport[],
  skipped: readonly Skipped[],
  durationS: number,
): Report {
  const broken = parts.flatMap((part) => part.broken)
  return {
    command: 'drill',
    ok: broken.length === 0 && skipped.length === 0,
    seed: options.seed,
    durationS: Math.round(durationS * 10) / 10,
    commit: commitOf(),
    node: process.version,
    parts: Object.fromEntries(parts.map(({ part, figures }) => [part, figures])),
    broken,
    skipped: [...skipped],
    error: null,
  }
}

export function reportFailure(options: Options, error: string): Report {
  return { ...reportRun(options, [], [], 0), ok: false, error }
}

export function exitCodeOf({ broken, skipped, error }: Report): 0 | 1 | 2 {
  if (broken.length > 0) return 1
  return error !== null || skipped.length > 0 ? 2 : 0
}

/** Promises of a part, counted as they are looked at. */
export class Judgement {
  readonly broken: Broken[] = []

  /** @param offenders  what breaks it; the first few are named */
  none(promise: string, offenders: Iterable<string>): number {
    const all = [...offenders]
    if (all.length > 0) {
      const more = all.length > SHOWN_MAX ? ` and ${all.length - SHOWN_MAX} more` : ''
      this.broken.push({ promise, detail: `${all.slice(0, SHOWN_MAX).join(', ')}${more}` })
    }
    return all.length
  }

  holds(promise: string, isSo: boolean, detail: string): void {
    if (!isSo) this.broken.push({ promise, detail })
  }
}

const SHOWN_MAX = 5

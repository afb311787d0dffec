import { randomUUID } from 'node:crypto'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { countsOf, differ, digestOf, type Parts, type Wish } from './difference.ts'
import type { PreviewMode } from './preview.ts'
import { type Preview, readActive, readActiveOf, readCounted, savePreview } from './store.ts'

const PREVIEW_MS = 86_400_000
const NPNS_PER_READ = 20_000
/** Fewer wishes than this share of the population are looked up one by one; else it is read whole. */
const LOOKED_UP_SHARE_MAX = 0.2

/** A list before it is held against the population. `repeated` and `invalid`: what it holds of these by itself. */
export type Draft = Pick<Preview, 'mode' | 'format' | 'column' | 'blank'> &
  Pick<Parts, 'repeated' | 'invalid'> & { wishes: readonly Wish[] }

export type Compared = { preview: Preview; parts: Parts }

/**
 * Holds a list against the population as it is now. The transaction should be of one view, or be followed by a check of
 * `populationChange`.
 */
export async function compare(
  tx: Queryable,
  clock: Clock,
  account: { id: string; populationMax: number },
  draft: Draft,
): Promise<Compared> {
  const { size, changes } = await readCounted(tx, account.id)
  const active = await activeAmong(tx, account.id, draft.mode, draft.wishes, size)
  const { parts, sizeAfter } = differ(draft.mode, draft.wishes, { active, size, max: account.populationMax })
  const all = { ...parts, repeated: draft.repeated, invalid: [...draft.invalid, ...parts.invalid] }
  const now = clock.now()
  const preview = {
    id: randomUUID(),
    mode: draft.mode,
    format: draft.format,
    column: draft.column,
    blank: draft.blank,
    counts: countsOf(all),
    sizeBefore: size,
    sizeAfter,
    populationChange: changes,
    digest: digestOf(all),
    createdAt: now,
    expiresAt: addMs(now, PREVIEW_MS),
    changeId: null,
  }
  return { preview, parts: all }
}

/** As `compare`, and keeps it. */
export async function makePreview(
  tx: Queryable,
  clock: Clock,
  account: { id: string; populationMax: number },
  draft: Draft,
): Promise<Preview> {
  const { preview, parts } = await compare(tx, clock, account, draft)
  await savePreview(tx, account.id, preview, parts)
  return preview
}

async function activeAmong(
  tx: Queryable,
  accountId: string,
  mode: PreviewMode,
  wishes: readonly Wish[],
  size: number,
): Promise<Set<number>> {
  const active = new Set<number>()
  if (mode !== 'replace' && wishes.length <= LOOKED_UP_SHARE_MAX * size) {
    for (let start = 0; start < wishes.length; start += NPNS_PER_READ) {
      const npns = wishes.slice(start, start + NPNS_PER_READ).map(({ npn }) => npn)
      for (const npn of await readActiveOf(tx, accountId, npns)) active.add(npn)
    }
    return active
  }
  for (let after = 0; ; ) {
    const npns = await readActive(tx, accountId, after, NPNS_PER_READ)
    for (const npn of npns) active.add(npn)
    after = npns.at(-1) ?? after
    if (npns.length < NPNS_PER_READ) return active
  }
}

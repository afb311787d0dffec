import { csvLine } from '#src/adapters/http/csv.ts'
import { mustConfirm, type PartRow } from './difference.ts'
import { PREVIEW_REASONS, type PreviewPart } from './preview.ts'
import type { Preview } from './store.ts'

/**
 * @param populationMax  NPNs that the account may monitor
 * @param endpoints  how many endpoints want an event of it
 */
export function previewOut(preview: Preview, populationMax: number, endpoints: number): object {
  const { counts, sizeBefore, sizeAfter } = preview
  const { add, remove, same, repeated, invalid } = counts
  return {
    id: preview.id,
    mode: preview.mode,
    format: preview.format,
    column: preview.column,
    counts: { ...{ add, remove, same, repeated, invalid }, rows: rowsOf(preview), blank: preview.blank },
    population: { before: sizeBefore, after: sizeAfter, max: populationMax },
    events: { activated: add, deactivated: remove, endpoints },
    mustConfirm: mustConfirm(preview.mode, remove, sizeBefore),
    createdAt: preview.createdAt.toISOString(),
    expiresAt: preview.expiresAt.toISOString(),
    jobId: preview.changeId,
  }
}

/** What a replace removes stands on no row of the list. */
function rowsOf({ mode, counts }: Preview): number {
  const { add, remove, same, repeated, invalid } = counts
  return add + same + repeated + invalid + (mode === 'replace' ? 0 : remove)
}

export function previewRowOut(part: PreviewPart, row: PartRow): object {
  return { line: row.line, value: shownOf(row), part, reason: row.reason, message: messageOf(row) }
}

export const CSV_HEAD = csvLine(['line', 'value', 'part', 'reason', 'message'])

export function previewCsv(part: PreviewPart, row: PartRow): string {
  return csvLine([row.line === null ? null : String(row.line), shownOf(row), part, row.reason, messageOf(row)])
}

function shownOf({ npn, text }: PartRow): string {
  return text ?? String(npn)
}

function messageOf({ reason }: PartRow): string | null {
  return reason && PREVIEW_REASONS[reason]
}

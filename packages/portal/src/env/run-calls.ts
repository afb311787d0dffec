import type { OperatorRun, RunAnnouncement } from '@producersync/server/contract'

export const RUNS_PATH = '/v1/admin/runs'

/** A page of the ProducerSync API's lists. */
export type V2Page<Name extends string, Row> = {
  embedded?: Record<Name, Row[]>
  links: { self: { href: string }; next: { href: string } }
}

export type AnnouncementsPage = V2Page<'announcements', RunAnnouncement>

export type RunsPage = V2Page<'runs', OperatorRun>

/** Where the next page begins; undefined when this one was not full. */
export function nextToken(page: V2Page<string, unknown>, rows: number, size: number): string | undefined {
  if (rows < size) return undefined
  return new URL(page.links.next.href).searchParams.get('continuationToken') ?? undefined
}

/** From being taken up to being published; null for what has not come so far. */
export function durationOf({ startedAt, publishedAt }: OperatorRun): number | null {
  return startedAt === null || publishedAt === null ? null : Date.parse(publishedAt) - Date.parse(startedAt)
}

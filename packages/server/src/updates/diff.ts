import type { RecordKind } from '#src/producers/record.ts'

/** A record as a report has it. `identity` and `contentHash`: hexadecimal. */
export type ReportedRecord = {
  kind: RecordKind
  identity: string
  contentHash: string
  fields: object
  /** LOAs of a license, values of a regulatory action. */
  embedded: ReportedRecord[]
}

/** A stored record of the same producer, without its fields. */
export type StoredRecord = {
  kind: RecordKind
  id: number
  parentId: number | null
  identity: string
  contentHash: string
  niprDeleted: boolean
}

export type RecordChange =
  | { action: 'insert' | 'update'; kind: RecordKind; id: number; identity: string; contentHash: string; fields: object }
  | { action: 'delete'; kind: RecordKind; id: number }

/**
 * What has to be written so that the stored records of a producer are those of a newer report. Records of one identity
 * are paired: equal content first, then in the order of the report; what has no partner is new, or has vanished. One
 * that had vanished and is back keeps its id. A changed embedded record is a change of its parent, whose hash holds it.
 * Source: producersync-api 11, "Identity".
 * @param nextId  gives an id that no record has had
 */
export function differences(
  stored: readonly StoredRecord[],
  reported: readonly ReportedRecord[],
  nextId: () => number,
): RecordChange[] {
  const changes: RecordChange[] = []
  const candidates = groupBy(stored, (record) => placeOf(record, record.parentId))
  const unpaired = new Set(stored)

  const compare = (records: readonly ReportedRecord[], parent: { kind: RecordKind; id: number } | null): void => {
    for (const [place, same] of groupBy(records, (record) => placeOf(record, parent?.id ?? null))) {
      for (const [record, partner] of paired(same, candidates.get(place) ?? [])) {
        if (partner) unpaired.delete(partner)
        const id = partner?.id ?? nextId()
        if (!partner || partner.niprDeleted || partner.contentHash !== record.contentHash) {
          const { kind, identity, contentHash } = record
          const fields = parent ? { [PARENT_FIELDS[kind] ?? '']: parent.id, ...record.fields } : record.fields
          changes.push({ action: partner ? 'update' : 'insert', kind, id, identity, contentHash, fields })
        }
        compare(record.embedded, { kind: record.kind, id })
      }
    }
  }
  compare(reported, null)
  for (const { kind, id, niprDeleted } of unpaired) if (!niprDeleted) changes.push({ action: 'delete', kind, id })
  return changes
}

const PARENT_FIELDS: Partial<Record<RecordKind, string>> = {
  license_loa: 'licenseId',
  regulatory_action_value: 'regulatoryActionId',
}

/** Where records can be the same one: of one kind and identity, within one parent. */
function placeOf(record: { kind: RecordKind; identity: string }, parentId: number | null): string {
  return `${record.kind} ${parentId ?? ''} ${record.identity}`
}

/** Each reported record with the stored one that it is, if any. Records that had vanished come last. */
function paired(
  reported: readonly ReportedRecord[],
  stored: readonly StoredRecord[],
): Map<ReportedRecord, StoredRecord | undefined> {
  const partners = new Map<ReportedRecord, StoredRecord | undefined>(reported.map((record) => [record, undefined]))
  const free = new Set(stored.toSorted((a, b) => Number(a.niprDeleted) - Number(b.niprDeleted) || a.id - b.id))
  const assign = (isPartner: (record: ReportedRecord, candidate: StoredRecord) => boolean) => {
    for (const record of reported) {
      if (partners.get(record)) continue
      const partner = [...free].find((candidate) => isPartner(record, candidate))
      if (!partner) continue
      partners.set(record, partner)
      free.delete(partner)
    }
  }
  const isEqual = (record: ReportedRecord, candidate: StoredRecord) => record.contentHash === candidate.contentHash
  if (stored.length > 0) {
    assign((record, candidate) => !candidate.niprDeleted && isEqual(record, candidate))
    assign((_, candidate) => !candidate.niprDeleted)
    assign(isEqual)
    assign(() => true)
  }
  return partners
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

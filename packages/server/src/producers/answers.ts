import type { Served, ServedKind } from './answer-schemas.ts'
import type { RecordRow } from './store.ts'

/** What is embedded in the licenses or regulatory actions of a page, by the id of its parent. */
export type Embedded = {
  licenseLoas: ReadonlyMap<number, Served<'licenseLoas'>[]>
  regulatoryActionValues: ReadonlyMap<number, Served<'regulatoryActionValues'>[]>
}

/** By kind of record, how a row is answered. */
export type Answers = { [Kind in ServedKind]: (row: RecordRow<Kind>, embedded: Embedded) => Served<Kind> }

/** How the records of each kind are answered: their fields, and their links with absolute addresses. */
export function answersFor(publicUrl: string): Answers {
  const v1 = (kind: ServedKind, id: number) => ({ href: `${publicUrl}/v1/${kind}/${id}` })
  const entity = (npn: string) => ({ href: `${publicUrl}/v2/entities/${npn}` })
  const ofEntity = <Kind extends ServedKind>(kind: Kind) => {
    return <Row extends { id: number; npn: string }>(row: Row) => ({
      ...row,
      links: { self: v1(kind, row.id), entity: entity(row.npn) },
    })
  }
  return {
    entities: ({ residentLicenseId, ...row }) => {
      const self = entity(row.npn)
      const list = (kind: ServedKind) => ({ href: `${self.href}/${kind}` })
      const links = {
        self,
        addresses: list('addresses'),
        contactInfos: list('contactInfos'),
        appointments: list('appointments'),
        licenses: list('licenses'),
      }
      if (residentLicenseId === null) return { ...row, links }
      return { ...row, links: { ...links, residentLicense: v1('licenses', residentLicenseId) } }
    },
    addresses: ofEntity('addresses'),
    contactInfos: ofEntity('contactInfos'),
    otherNames: ofEntity('otherNames'),
    appointments: ofEntity('appointments'),
    licenses: (row, { licenseLoas }) => ({
      ...row,
      licenseLoas: licenseLoas.get(row.id) ?? [],
      links: {
        self: v1('licenses', row.id),
        entity: entity(row.npn),
        licenseLoas: { href: `${publicUrl}/v2/licenses/${row.id}/licenseLoas` },
      },
    }),
    licenseLoas: (row) => ({
      ...row,
      links: { self: v1('licenseLoas', row.id), license: v1('licenses', row.licenseId) },
    }),
    regulatoryActions: (row, { regulatoryActionValues }) => ({
      ...row,
      regulatoryActionValues: regulatoryActionValues.get(row.id) ?? [],
      links: {
        self: v1('regulatoryActions', row.id),
        entity: entity(row.npn),
        regulatoryActionValues: { href: `${publicUrl}/v2/regulatoryActions/${row.id}/regulatoryActionValues` },
      },
    }),
    regulatoryActionValues: (row) => ({
      ...row,
      links: {
        self: v1('regulatoryActionValues', row.id),
        regulatoryAction: v1('regulatoryActions', row.regulatoryActionId),
      },
    }),
  }
}

import { createHash } from 'node:crypto'
import type { Api, Json } from './api.ts'

/** The lists that a client pulls after an announcement. Source: producersync-api 8, "Recommended client". */
export const LISTS = [
  'addresses',
  'appointments',
  'contactInfos',
  'entities',
  'licenses',
  'otherNames',
  'regulatoryActions',
] as const
export type ListName = (typeof LISTS)[number]

type Page = { embedded?: Record<string, Json[]>; links: { next: { href: string } } }

const PAGE = 1_000

/** What an account's client has copied, by the public API alone: of each record the hash of its fields. */
export class Mirror {
  readonly #api: Api
  /** By NPN, then by list and id. */
  readonly #records = new Map<string, Map<string, string>>()
  pulled = 0
  pullMs = 0

  constructor(api: Api) {
    this.#api = api
  }

  get npns(): Pick<ReadonlyMap<string, unknown>, 'has' | 'keys' | 'size'> {
    return this.#records
  }

  /** The account has left it: what was copied of it is to go. */
  drop(npn: string): void {
    this.#records.delete(npn)
  }

  /** Upserts by id what the lists give. @param since a date; without it everything */
  async pull(since?: string): Promise<void> {
    const startedAt = performance.now()
    for (const list of LISTS) {
      const from = since === undefined ? '' : `updatedSince=${since}&`
      let page = (await this.#api.get(`/v2/${list}?${from}size=${PAGE}`)) as Page
      while (page.embedded) {
        const next = this.#api.get(page.links.next.href) // on its way while this one is kept
        for (const record of page.embedded[list] ?? []) this.#keep(list, record)
        page = (await next) as Page
      }
    }
    this.pullMs += performance.now() - startedAt
  }

  /** Of a producer, the hashes of the records that are there. */
  recordsOf(npn: string): string[] {
    return [...(this.#records.get(npn)?.values() ?? [])].filter((hash) => hash !== '').sort()
  }

  #keep(list: ListName, record: Json): void {
    this.pulled += 1
    const npn = String(record.npn)
    const records = this.#records.get(npn) ?? new Map<string, string>()
    this.#records.set(npn, records)
    records.set(
      `${list} ${String(record.id)}`,
      record.niprDeleted === true ? '' : hashOf(list, servedFields(list, record)),
    )
  }
}

export function hashOf(list: ListName, fields: object): string {
  return createHash('sha256')
    .update(`${list} ${canonical(fields)}`)
    .digest('base64')
    .slice(0, 16)
}

/** The fields of a served record that its report gives, embedded records with them. */
function servedFields(list: ListName, record: Json): object {
  const {
    id: _,
    npn: __,
    links: ___,
    transactionId: ____,
    createdAt: _____,
    updatedAt: ______,
    niprDeleted: _______,
    ...own
  } = record
  if (list === 'entities') {
    const { subscriptionCount: _count, ...entity } = own
    return entity
  }
  if (list === 'licenses') return { ...own, licenseLoas: embedded(own.licenseLoas, ['licenseId']) }
  if (list === 'regulatoryActions')
    return { ...own, regulatoryActionValues: embedded(own.regulatoryActionValues, ['regulatoryActionId']) }
  return own
}

function embedded(rows: unknown, parents: readonly string[]): object[] {
  if (!Array.isArray(rows)) throw new Error('a record without what it embeds')
  const named = ['id', 'npn', 'links', 'transactionId', 'createdAt', 'updatedAt', 'niprDeleted', ...parents]
  return rows
    .filter((row: Json) => row.niprDeleted !== true)
    .map((row: Json) => Object.fromEntries(Object.entries(row).filter(([name]) => !named.includes(name))))
}

/** JSON with sorted members; lists of objects are sorted too: the order of a report is no fact. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).sort().join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}

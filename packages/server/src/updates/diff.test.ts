import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differences, type RecordChange, type ReportedRecord, type StoredRecord } from './diff.ts'

const address = (identity: string, contentHash: string): ReportedRecord => ({
  kind: 'address',
  identity,
  contentHash,
  fields: { line1: contentHash },
  embedded: [],
})
const loa = (identity: string, contentHash = 'x'): ReportedRecord => ({
  kind: 'license_loa',
  identity,
  contentHash,
  fields: {},
  embedded: [],
})
/** Its content is that of its own, and of what it embeds. */
const license = (identity: string, own: string, embedded: ReportedRecord[]): ReportedRecord => ({
  kind: 'license',
  identity,
  contentHash: [own, ...embedded.map((each) => `${each.identity}${each.contentHash}`).sort()].join(),
  fields: {},
  embedded,
})

/** What is stored once the changes are written. */
function apply(stored: readonly StoredRecord[], changes: readonly RecordChange[]): StoredRecord[] {
  const all = new Map(stored.map((record) => [record.id, record]))
  for (const change of changes) {
    const before = all.get(change.id)
    if (change.action === 'delete') {
      if (before) all.set(change.id, { ...before, niprDeleted: true })
      continue
    }
    const { kind, id, identity, contentHash, fields } = change
    const parentId = 'licenseId' in fields ? Number(fields.licenseId) : null
    all.set(id, { kind, id, parentId, identity, contentHash, niprDeleted: false })
  }
  return [...all.values()]
}

function store(reported: readonly ReportedRecord[]): StoredRecord[] {
  return apply([], differences([], reported, counter()))
}

function counter(from = 1): () => number {
  let next = from
  return () => next++
}

/** Changes as `action id`, of new records as `insert`. */
function told(stored: readonly StoredRecord[], reported: readonly ReportedRecord[]): string[] {
  return differences(stored, reported, counter(100))
    .map(({ action, id }) => `${action} ${id}`)
    .sort()
}

describe('identity', () => {
  test('of one identity, equal content is paired first, then the order of the report', () => {
    const stored = store([address('A', '1'), address('A', '2'), address('A', '3')]) // ids 1, 2, 3
    expect(told(stored, [address('A', '3'), address('A', '1'), address('A', '2')])).toEqual([])
    expect(told(stored, [address('A', '2'), address('A', '9'), address('A', '3')])).toEqual(['update 1'])
    expect(told(stored, [address('A', '3')])).toEqual(['delete 1', 'delete 2'])
    expect(told(stored, [address('A', '9')])).toEqual(['delete 2', 'delete 3', 'update 1'])
    expect(told(stored, [...['1', '2', '3', '4'].map((content) => address('A', content)), address('B', '1')])).toEqual([
      'insert 100',
      'insert 101',
    ])
  })

  test('rule 28: a record that had vanished and is back has its id; one that is there is not put in its place', () => {
    const [first, second] = store([address('A', '1'), address('A', '2')])
    if (!first || !second) throw new Error('two were stored')
    const stored = [{ ...first, niprDeleted: true }, second]
    expect(told(stored, [address('A', '2'), address('A', '1')])).toEqual(['update 1'])
    expect(told(stored, [address('A', '1')])).toEqual(['update 2'])
    expect(told([{ ...first, niprDeleted: true }], [address('A', '1')])).toEqual(['update 1'])
  })

  test('rule 29: an embedded record is its parent’s, and its change is its parent’s too', () => {
    const stored = store([license('L', 'own', [loa('P'), loa('C')]), license('M', 'own', [loa('P')])])
    const idOf = (kind: string, parentId: number | null, identity: string) =>
      stored.find((each) => each.kind === kind && each.parentId === parentId && each.identity === identity)?.id ?? 0
    const [l, m] = [idOf('license', null, 'L'), idOf('license', null, 'M')]
    const reordered = [license('M', 'own', [loa('P')]), license('L', 'own', [loa('C'), loa('P')])]
    expect(told(stored, reordered)).toEqual([])
    const cancelled = [license('L', 'own', [loa('P', 'y'), loa('C')]), license('M', 'own', [loa('P')])]
    expect(told(stored, cancelled)).toEqual([`update ${idOf('license_loa', l, 'P')}`, `update ${l}`].sort())
    const without = [license('L', 'own', [loa('P'), loa('C')])]
    expect(told(stored, without)).toEqual([`delete ${m}`, `delete ${idOf('license_loa', m, 'P')}`].sort())
  })
})

const reports = fc.array(
  fc.record({
    identity: fc.constantFrom('A', 'B'),
    own: fc.constantFrom('1', '2'),
    loas: fc.array(fc.tuple(fc.constantFrom('P', 'C'), fc.constantFrom('x', 'y')), { maxLength: 3 }),
  }),
  { maxLength: 4 },
)

test('whatever is stored, the changes make it what the report says, and a second time there are none', () => {
  fc.assert(
    fc.property(fc.array(reports, { maxLength: 4 }), (history) => {
      const nextId = counter()
      let stored: StoredRecord[] = []
      for (const each of history) {
        const reported = each.map(({ identity, own, loas }) =>
          license(
            identity,
            own,
            loas.map(([name, content]) => loa(name, content)),
          ),
        )
        const ids = stored.map(({ id }) => id)
        stored = apply(stored, differences(stored, reported, nextId))
        expect(liveTrees(stored)).toEqual(reported.map(treeOf).sort())
        expect(differences(stored, reported, nextId)).toEqual([])
        expect(differences(stored, reported.toReversed(), nextId)).toEqual([])
        expect(stored.map(({ id }) => id)).toEqual(expect.arrayContaining(ids)) // nothing is forgotten
      }
    }),
  )
})

function treeOf({ identity, contentHash }: ReportedRecord): string {
  return `${identity} ${contentHash}`
}

/** Of live licenses, with the content that their live embedded records give. */
function liveTrees(stored: readonly StoredRecord[]): string[] {
  const live = stored.filter(({ niprDeleted }) => !niprDeleted)
  return live
    .filter(({ kind }) => kind === 'license')
    .map(({ id, identity, contentHash }) => {
      const embedded = live.filter((each) => each.parentId === id).map((each) => `${each.identity}${each.contentHash}`)
      return `${identity} ${[contentHash.split(',')[0], ...embedded.sort()].join()}`
    })
    .sort()
}

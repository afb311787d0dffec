import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { prepare, sql } from './sql.ts'

describe('sql', () => {
  test('every value is a parameter, never text', () => {
    const statement = sql`select * from t where a = ${"'; drop table t; --"} and b = ${7}`
    expect(statement.text).toBe('select * from t where a = $1 and b = $2')
    expect(statement.values).toEqual(["'; drop table t; --", 7])
  })

  test('a nested statement is inlined and its parameters renumbered', () => {
    const condition = sql`b = ${2} and c = ${3}`
    const both = sql`(${condition} or d = ${4})`
    const statement = sql`select ${1}::int where ${both} limit ${5}`
    expect(statement.text).toBe('select $1::int where (b = $2 and c = $3 or d = $4) limit $5')
    expect(statement.values).toEqual([1, 2, 3, 4, 5])
  })

  test('a statement that only looks like one is a parameter', () => {
    const fake = { text: 'now()', values: [] }
    expect(sql`select ${fake}`).toMatchObject({ text: 'select $1', values: [fake] })
  })

  test('one template always has the same name, another text another name, and a composed one none', () => {
    const read = (id: number) => sql`select ${id}::int as id`
    expect(read(1).name).toBe(read(2).name)
    expect(sql`select ${1}::int as id`.name).toBe(read(1).name)
    expect(sql`select ${1}::int as other`.name).not.toBe(read(1).name)
    expect(sql`select ${sql`now()`}`.name).toBeUndefined()
  })

  test('a composed statement that is prepared has one name for one text, and keeps text and values', () => {
    const of = (id: number) => sql`select ${id}::int ${sql`limit ${1}`}`
    expect(prepare(of(1))).toEqual({ text: 'select $1::int limit $2', values: [1, 1], name: prepare(of(2)).name })
    expect(prepare(sql`select ${1}::int ${sql`limit ${1} offset 0`}`).name).not.toBe(prepare(of(1)).name)
  })

  test('however statements are nested, the n-th parameter of the text is the n-th value', () => {
    type Tree = { leaf: number } | { branch: Tree[] }
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.record({ leaf: fc.integer() }),
        fc.record({ branch: fc.array(tie('tree'), { maxLength: 4 }) }),
      ),
    }))
    const leaves = (node: Tree): number[] => ('leaf' in node ? [node.leaf] : node.branch.flatMap(leaves))
    const build = (node: Tree): ReturnType<typeof sql> =>
      'leaf' in node ? sql`<${node.leaf}>` : node.branch.reduce((all, child) => sql`${all}[${build(child)}]`, sql`.`)
    fc.assert(
      fc.property(tree, (node) => {
        const { text, values } = build(node)
        expect(values).toEqual(leaves(node))
        expect([...text.matchAll(/\$(\d+)/g)].map(([, index]) => Number(index))).toEqual(values.map((_, i) => i + 1))
      }),
    )
  })
})

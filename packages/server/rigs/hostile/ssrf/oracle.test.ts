import { expect, test } from 'vitest'
import { randomOf } from '../../chaos/chance.ts'
import { CANARIES, LOOPBACK, UNSENDABLE } from './canaries.ts'
import { corpusOf } from './corpus.ts'
import { compare } from './oracle.ts'
import { isPublic, NEIGHBOURS, SPECIAL_IPV4 } from './registries.ts'

test('the policy says of 100,000 addresses what the registries say', () => {
  expect(compare(randomOf('oracle'), 100_000)).toMatchObject({ addresses: 100_000, disagreements: [], total: 0 })
})

test('each edge of a special range is refused, and its neighbour outside is public unless another range begins there', () => {
  for (const [first, last] of SPECIAL_IPV4) expect([isPublic(first), isPublic(last)]).toEqual([false, false])
  for (const address of NEIGHBOURS) expect(isPublic(address)).toBe(true)
})

test('every canary is an address that nothing may be sent to', () => {
  for (const address of [...CANARIES.map((canary) => canary.address), ...LOOPBACK, ...UNSENDABLE])
    expect([address, isPublic(address)]).toEqual([address, false])
})

test('the corpus has 150 cases and more, each once, of both kinds', () => {
  const cases = corpusOf('11.77.0.2')
  expect(cases.length).toBeGreaterThanOrEqual(150)
  expect(new Set(cases.map(({ url }) => url)).size).toBe(cases.length)
  expect(cases.filter(({ allowed }) => allowed).length).toBeGreaterThan(30)
})

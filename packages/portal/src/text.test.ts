import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const FOLDER = import.meta.dirname
const CATALOGUES = readdirSync(FOLDER).filter((file) => /^text(-\w+)?\.ts$/.test(file))
const LITERAL = /'((?:[^'\\\n]|\\.)*)'|"([^"\n]*)"|`((?:[^`\\]|\\.)*)`/g

/** How the pages write, and never otherwise: the same word is spelled in one way on all of them. */
const NEVER: readonly [what: string, found: RegExp][] = [
  ['“cancelled” and “cancelling” have two l', /\bcancel(ed|ing)\b/i],
  ['a licence is a noun, a catalogue ends in -ue, and a colour has a u', /\b(licenses?|catalogs?|colors?)\b/i],
  ['an ID is written in capitals', /\b(ids?|uids?)\b/],
  ['as Intl writes it, a per cent sign follows its number', /[\d}] %/],
  ['an ellipsis is one character', /\.\.\./],
  ['a dash is no hyphen', / - /],
  ['apostrophes and quotation marks are curved', /\w'\w|"/],
]

/** The texts of a catalogue; what is put into them is left out. */
function textsOf(file: string): string[] {
  const code = readFileSync(`${FOLDER}/${file}`, 'utf8').replaceAll(/^import .*$|\/\*\*[\s\S]*?\*\//gm, '')
  return [...code.matchAll(LITERAL)]
    .map(([, quoted, doubled, template]) => quoted ?? doubled ?? template?.replaceAll(/\$\{[^}]*\}/g, '0') ?? '')
    .filter((text) => /[A-Z ]/.test(text))
}

test('there are catalogues, and texts in each', () => {
  expect(CATALOGUES.length).toBeGreaterThan(4)
  for (const file of CATALOGUES) expect(textsOf(file).length, file).toBeGreaterThan(20)
})

test.each(NEVER)('%s', (_what, found) => {
  expect(CATALOGUES.flatMap(textsOf).filter((text) => found.test(text))).toEqual([])
})

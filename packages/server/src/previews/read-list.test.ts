import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DomainError } from '#src/domain-error.ts'
import { classify } from './classify.ts'
import { collect } from './collect.ts'
import { readFile, readJson } from './read-list.ts'

/** Reads bytes that come in pieces of so many. */
async function read(bytes: Uint8Array | string, pieceBytes = 7) {
  const whole = Buffer.from(bytes)
  async function* pieces() {
    for (let at = 0; at < whole.length; at += pieceBytes) yield whole.subarray(at, at + pieceBytes)
  }
  const list = await readFile(pieces())
  const { wishes, repeated, invalid, blank } = await collect(list, true, 100)
  return {
    form: list.form,
    npns: wishes.map(({ npn, line }) => [npn, line]),
    repeated: repeated.map(({ npn, line }) => [npn, line]),
    invalid: invalid.map(({ line, text, reason }) => [line, text, reason]),
    blank,
  }
}

async function faultOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof DomainError) return error.message
  throw new Error('it was not refused')
}

const utf16be = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()

test.each<[what: string, file: Uint8Array | string]>([
  ['plain', 'name,NPN\nJoe,15645555\nAnn,19855109\n'],
  ['semicolons, Windows', 'name;NPN\r\nJoe;15645555\r\nAnn;19855109'],
  ['tabs, quotes, blanks', '"name"\t" npn "\n"Joe, ""the"" Ann"\t" 15645555 "\nAnn\t"19855109"\n'],
  ['a byte order mark', '\ufeffname,N.P.N.\nJoe,15645555\nAnn,19855109\n'],
  ['UTF-16, little end first', Buffer.from('\ufeffname\tnpn\r\nJoé\t15645555\r\nAnn\t19855109\r\n', 'utf16le')],
  ['UTF-16, big end first', utf16be('name\tnpn\nJoé\t15645555\nAnn\t19855109\n')],
  ['UTF-16 without a mark', Buffer.from('name,npn\nJoe,15645555\nAnn,19855109\n', 'utf16le')],
  ['names in an old encoding', Buffer.from('name,npn\nJos\xe9,15645555\nAnn,19855109\n', 'latin1')],
  ['another name', 'National Producer Number,x\n15645555,1\n19855109,2\n'],
])('the column of NPNs is found by its header: %s', async (_, file) => {
  for (const pieceBytes of [1, 7, 1_000]) {
    const { form, npns, invalid } = await read(file, pieceBytes)
    expect({ format: form.format, npns, invalid }).toEqual({
      format: 'csv',
      npns: [
        [15645555, 2],
        [19855109, 3],
      ],
      invalid: [],
    })
  }
})

test('without a header each line holds one NPN or several, and blank ones count', async () => {
  expect(await read('15645555\n\n 19855109 ,1\r\n2 3\t4;\n')).toEqual({
    form: { format: 'text', column: null },
    npns: [
      [15645555, 1],
      [19855109, 3],
      [1, 3],
      [2, 4],
      [3, 4],
      [4, 4],
    ],
    repeated: [],
    invalid: [],
    blank: 2,
  })
})

test('what a spreadsheet has done to a value is named, with its line', async () => {
  const file =
    'npn,name\n1.56E+07,a\n"15,645,555",b\n15,645,555,c\n15645555.0,d\n0015645555,e\n12345678901,f\nx,g\n15645555,h\n'
  const { npns, invalid } = await read(file)
  expect(npns).toEqual([[15645555, 9]])
  expect(invalid).toEqual([
    [2, '1.56E+07', 'scientific_notation'],
    [3, '15,645,555', 'thousands_separators'],
    [4, '15,645,555', 'thousands_separators'],
    [5, '15645555.0', 'decimal'],
    [6, '0015645555', 'leading_zeros'],
    [7, '12345678901', 'too_long'],
    [8, 'x', 'malformed'],
  ])
  const pasted = await read('15,645,555\n15.645.555\n15 645 555\n1,56E+07\n-1\n=1+1\n')
  expect(pasted.invalid.map(([, , reason]) => reason)).toEqual([
    'thousands_separators',
    'thousands_separators',
    'thousands_separators',
    'scientific_notation',
    'malformed',
    'malformed',
  ])
})

test('every distinct NPN counts at its first place, and the others are repeated', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), async (npns) => {
      const { npns: first, repeated } = await read(`npn\n${npns.join('\n')}\n`, 64)
      expect(first).toEqual([...new Set(npns)].map((npn) => [npn, npns.indexOf(npn) + 2]))
      expect(first.length + repeated.length).toBe(npns.length)
    }),
    { numRuns: 30 },
  )
})

test('what cannot be read is refused, naming the place and not the content', async () => {
  expect(await faultOf(read('name,phone\nJoe,555\n'))).toMatch(/no column of the name "npn"/)
  expect(await faultOf(read(Buffer.from('PK\x03\x04\0\0npn')))).toMatch(/is no text/)
  expect(await faultOf(read('npn\n"15645555\n1\n'))).toMatch(/a quote has no end/)
  expect(await faultOf(read(Array.from({ length: 101 }, (_, index) => index + 1).join('\n')))).toMatch(
    /more than the 100 NPNs/,
  )
  expect(await faultOf((async () => readJson(Buffer.from('["1",2]')))())).toMatch(/\[1\]: must be a string/)
  expect(await faultOf((async () => readJson(Buffer.from('{}')))())).toMatch(/JSON list/)
})

test('an NPN is what producersync-api 1 says, and every other text has a reason', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const found = classify(text)
      expect('npn' in found).toBe(/^[1-9][0-9]{0,9}$/.test(text))
    }),
  )
  expect(classify('9999999999')).toEqual({ npn: 9_999_999_999 })
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { XmlReader } from './xml-reader.ts'
import { XmlRefused } from './xml-refused.ts'

/** What is read of a document, in one line; also the most that was held. */
function read(chunks: Uint8Array[], charset?: string): { events: string; heldMax: number } {
  let events = ''
  let heldMax = 0
  const reader = new XmlReader(
    {
      open(name, attributes) {
        const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}=${value}`)
        events += `<${name}${pairs.join('')}>`
      },
      text(text) {
        events += text
      },
      close(name) {
        events += `</${name}>`
      },
    },
    charset,
  )
  for (const chunk of chunks) {
    reader.write(chunk)
    heldMax = Math.max(heldMax, reader.held)
  }
  reader.end()
  return { events, heldMax }
}

function readText(text: string): string {
  return read([Buffer.from(text)]).events
}

function refusalOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof XmlRefused) return error.reason
    throw error
  }
  return 'read'
}

const DOCUMENT = `<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- ü --><a:PDB xmlns:a="urn:x" b="1 &lt; 2">x &amp; y\r\n<ÖÄ/><![CDATA[<z>&]]>&#x1F600;é€😀<?pi x?></a:PDB> `
const EVENTS = '<PDB xmlns:a=urn:x b=1 < 2>x & y\n<ÖÄ></ÖÄ><z>&😀é€😀</PDB>'

test('a document is the same however it is cut', () => {
  const bytes = Buffer.from(DOCUMENT)
  for (let at = 0; at <= bytes.length; at += 1)
    expect(read([bytes.subarray(0, at), bytes.subarray(at)]).events).toBe(EVENTS)
  expect(read([...bytes].map((byte) => Buffer.from([byte]))).events).toBe(EVENTS)
  expect(read([Buffer.from([0xef, 0xbb, 0xbf]), bytes]).events).toBe(EVENTS)
})

test('a document cut off at any byte is refused', () => {
  const bytes = Buffer.from(DOCUMENT.trimEnd())
  for (let length = 0; length < bytes.length; length += 1)
    expect(
      refusalOf(() => read([bytes.subarray(0, length)])),
      `${length} bytes`,
    ).toMatch(/^(not well-formed|encoding)$/)
})

test('UTF-8 and ISO-8859-1 are read: by the mark, else the header, else the declaration; others are refused', () => {
  const latin = Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>Muñoz &amp; Fils</a>', 'latin1')
  for (const size of [1, 5, 1000]) {
    const chunks = Array.from({ length: Math.ceil(latin.length / size) }, (_, i) =>
      latin.subarray(i * size, (i + 1) * size),
    )
    expect(read(chunks).events).toBe('<a>Muñoz & Fils</a>')
  }
  expect(read([Buffer.from('<a>ñ</a>', 'latin1')], 'ISO-8859-1').events).toBe('<a>ñ</a>')
  expect(read([Buffer.from('<a>ñ</a>')], 'utf-8').events).toBe('<a>ñ</a>')
  expect(read([Buffer.from('<?xml version="1.0" encoding="latin1"?><a>ñ</a>')], 'UTF-8').events).toBe('<a>ñ</a>')
  const refused = [
    Buffer.from('<a>ñ</a>', 'latin1'),
    Buffer.from('<?xml version="1.0" encoding="UTF-16"?><a/>'),
    Buffer.from('\ufeff<a/>', 'utf16le'),
    Buffer.from([0x3c, 0x61, 0x3e, 0xc3]), // ends within a character
  ]
  for (const bytes of refused) expect(refusalOf(() => read([bytes]))).toMatch(/^(encoding|not well-formed)$/)
  expect(refusalOf(() => read([], 'toString'))).toBe('encoding')
})

test('what is not well-formed is refused', () => {
  const broken = [
    '',
    'x',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a/>x',
    '<a b="1" b="2"/>',
    '<a b=1/>',
    '<a>&</a>',
    '<a>&eacute;</a>',
  ]
  broken.push('<a>\u0000</a>', '<a>&#0;</a>', '<a>]]></a>', '<1/>', '<a><!-- -- --></a>', ' <?xml version="1.0"?><a/>')
  for (const text of broken)
    expect(
      refusalOf(() => readText(text)),
      text,
    ).toBe('not well-formed')
})

test('document types are refused: no entity of theirs is ever looked at', () => {
  const bomb = `<!DOCTYPE a [<!ENTITY x0 "ha">${Array.from({ length: 30 }, (_, i) => `<!ENTITY x${i + 1} "&x${i};&x${i};">`).join('')}]><a>&x30;</a>`
  const external = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
  const parameter = '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1/x">%x;]><a/>'
  for (const text of [bomb, external, parameter, '<!DOCTYPE a><a/>', '<!DOCTYPE a SYSTEM "a.dtd"><a/>'])
    expect(refusalOf(() => readText(text))).toBe('a document type')
  expect(refusalOf(() => readText('<a>&x30;</a>'))).toBe('not well-formed')
})

test('every item has a bound, and nothing held grows beyond it', () => {
  const chunk = Buffer.from('x'.repeat(50_000))
  const starts = [
    '<a>',
    '<a><',
    '<a b="',
    '<a><!--',
    '<a><![CDATA[',
    '<a><?x ',
    '<a>&',
    '<!DOCTYPE a [<!--',
    '</',
    '<a></',
  ]
  for (const start of starts) {
    let heldMax = 0
    const reader = new XmlReader({ open() {}, text() {}, close() {} })
    const reason = refusalOf(() => {
      reader.write(Buffer.from(start))
      for (let i = 0; i < 100; i += 1) {
        reader.write(chunk)
        heldMax = Math.max(heldMax, reader.held)
      }
    })
    expect(reason, start).toMatch(/^(too large an item|not well-formed)$/)
    expect(heldMax, start).toBeLessThan(1_100_000)
  }
  expect(refusalOf(() => readText('<a>'.repeat(200_000)))).toBe('too deep')
  const manyAttributes = Array.from({ length: 200_000 }, (_, i) => ` a${i}="1"`).join('')
  expect(refusalOf(() => readText(`<a${manyAttributes}/>`))).toBe('too large an item')
})

test('a long document is read in the space of its largest item', () => {
  const row = Buffer.from(`<row a="1">${'text '.repeat(100)}</row>`.repeat(100))
  const chunks = [Buffer.from('<a>'), ...Array.from({ length: 100 }, () => row), Buffer.from('</a>')]
  let heldMax = 0
  let rows = 0
  const reader = new XmlReader({
    open() {
      rows += 1
    },
    text() {},
    close() {},
  })
  for (const piece of chunks) {
    reader.write(piece)
    heldMax = Math.max(heldMax, reader.held)
  }
  reader.end()
  expect(rows).toBe(10_001)
  expect(heldMax).toBeLessThan(17_000)
})

test('any bytes are read or refused, never anything else', () => {
  const pieces = fc.constantFrom(
    ...[
      '<',
      '>',
      '/',
      '&',
      ';',
      '<a>',
      '</a>',
      '<!',
      '[CDATA[',
      ']]>',
      '--',
      '<!DOCTYPE',
      '"',
      '=',
      ' b',
      '#x',
      '<?',
      '?>',
      '\r',
    ],
  )
  const documents = fc.array(fc.oneof(pieces, fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 40 })
  fc.assert(
    fc.property(documents, fc.nat(20), fc.boolean(), (texts, size, isLatin) => {
      const bytes = Buffer.from(texts.join(''), isLatin ? 'latin1' : 'utf8')
      const chunks = Array.from({ length: Math.ceil(bytes.length / (size + 1)) }, (_, i) =>
        bytes.subarray(i * (size + 1), (i + 1) * (size + 1)),
      )
      expect(refusalOf(() => read(chunks))).toBeTypeOf('string')
    }),
    { seed: 14, numRuns: 600 },
  )
})

test('a document with one byte changed is read or refused', () => {
  const bytes = Buffer.from(DOCUMENT)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(bytes)
      changed[at] = value
      expect(refusalOf(() => read([changed]))).toBeTypeOf('string')
    }),
    { seed: 15, numRuns: 600 },
  )
})

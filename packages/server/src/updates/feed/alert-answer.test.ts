import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AlertAnswerReader } from './alert-answer.ts'
import { type AlertKind, ReportBroken } from './feed.ts'

const ACORD = 'http://www.acord.org/schema/data/draft/ReusableDataComponents/1'

function person(npn: string): string {
  return `<a:Person key="P${npn}"><a:ExternalIdentifier><a:TypeCode>NAICProducerCode</a:TypeCode><a:Id> ${npn} </a:Id></a:ExternalIdentifier></a:Person>`
}

function report(people: string, status = 'Completed', root = 'LicensingReportProcessResult'): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?><a:${root} xmlns:a="${ACORD}"><a:MessageHeader><a:MessageId>1</a:MessageId></a:MessageHeader>` +
    `<a:MessageResult><a:StatusCode>${status}</a:StatusCode></a:MessageResult><a:LicensingReport>${people}</a:LicensingReport></a:${root}>`
  )
}

function envelope(inReport: string): string {
  return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><r xmlns="n"><alertsReport>\n <alertsReport>${inReport}</alertsReport></alertsReport></r></s:Body></s:Envelope>`
}

const INCLUDE = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:rep%40x"/>'

type Part = { id: string; type: string; body: Buffer | string; encoding?: string }

function multipart(boundary: string, parts: readonly Part[]): Buffer {
  const written = parts.flatMap(({ id, type, body, encoding }) => [
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-ID: <${id}>\r\n${encoding ? `Content-Transfer-Encoding: ${encoding}\r\n` : ''}\r\n`,
    ),
    Buffer.from(body),
  ])
  return Buffer.concat([...written, Buffer.from(`\r\n--${boundary}--\r\n`)])
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = 1 + (sizes[i % sizes.length] ?? 0)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

/** What an answer gives: NPNs, a fault's code, or why it is broken; anything else throws. */
function read(contentType: string, chunks: readonly Buffer[], kind: AlertKind = 'LICENSING'): string[] | string {
  const npns: string[] = []
  try {
    const reader = new AlertAnswerReader(contentType, kind)
    for (const chunk of chunks) {
      reader.write(chunk)
      for (const batch of reader.take()) npns.push(...batch)
    }
    const end = reader.end()
    for (const batch of reader.take()) npns.push(...batch)
    return end.kind === 'fault' ? `fault ${end.code}` : end.kind === 'done' ? 'done' : npns
  } catch (error) {
    if (error instanceof ReportBroken) return error.failure.cause
    throw error
  }
}

const MTOM = 'multipart/related; type="application/xop+xml"; start-info="text/xml"'
const ROOT: Part = { id: 'root@x', type: 'application/xop+xml; charset=UTF-8', body: envelope(INCLUDE) }

function reportPart(body: Buffer | string): Part {
  return { id: 'rep@x', type: 'application/octet-stream', body }
}

test('rule 32: any order of parts, boundary and chunking, and inline base64, give the same NPNs', () => {
  const npns = fc.array(fc.integer({ min: 1, max: 9_999_999_999 }).map(String), { maxLength: 30 })
  const boundaries = fc.constantFrom('b', 'uuid:2bb9-11', '----=_Part_1_2.3', "MIME'boundary+(x)")
  const shape = fc.record({
    // where the envelope stands among the report and parts that nobody asked for
    order: fc.constantFrom([0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 1, 0], [2, 3, 1, 0], [1, 2, 0, 3]),
    boundary: boundaries,
    encoding: fc.constantFrom('binary', '8bit', 'base64', undefined),
    lineEnd: fc.constantFrom('', '\n', '\r\n', '&#13;\n', '&#xD;\n', ' '),
    lineLength: fc.integer({ min: 1, max: 80 }),
    sizes: fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }),
  })
  fc.assert(
    fc.property(npns, shape, (expected, { order, boundary, encoding, lineEnd, lineLength, sizes }) => {
      const xml = report(expected.map(person).join(''))
      const base64 = Buffer.from(xml).toString('base64')
      const folded = base64.replace(new RegExp(`.{1,${lineLength}}`, 'g'), `$&${lineEnd}`)
      const body = encoding === 'base64' ? base64.replace(/.{1,76}/g, '$&\r\n') : xml
      const others: Part[] = [
        { id: 'other@x', type: 'application/octet-stream', body: report(person('666')) },
        { id: 'image@x', type: 'image/png', body: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255]) },
      ]
      const parts = [ROOT, { ...reportPart(body), encoding }, ...others]
      const written = multipart(
        boundary,
        order.flatMap((i) => parts[i] ?? []),
      )
      const start = order[0] === 0 ? '' : '; start="<root@x>"'
      expect(read(`${MTOM}; boundary="${boundary}"${start}`, cut(written, sizes))).toEqual(expected)
      expect(read('text/xml; charset=utf-8', cut(Buffer.from(envelope(folded)), sizes))).toEqual(expected)
    }),
    { seed: 21, numRuns: 150 },
  )
})

test('rule 32: what is held does not grow with the report, wherever its envelope is', () => {
  const people = Array.from({ length: 2000 }, (_, i) => person(String(10_000_000 + i))).join('')
  const filler = Buffer.from(`${people}<a:Address key="x"><a:Line>${'y'.repeat(2000)}</a:Line></a:Address>`)
  const [start = '', end = ''] = report('|').split('|')
  const repeats = 20
  const chunksOf = function* (before: Buffer, after: Buffer, encode: (bytes: Buffer) => Buffer): Generator<Buffer> {
    yield before
    // a multiple of 3 bytes, so that pieces of base64 can stand one after the other
    const whole = Buffer.concat([Buffer.from(start.padEnd(Math.ceil(start.length / 3) * 3, ' ')), filler])
    const piece = Buffer.concat([filler, Buffer.alloc((3 - (filler.length % 3)) % 3, ' ')])
    yield encode(Buffer.concat([whole, Buffer.alloc((3 - (whole.length % 3)) % 3, ' ')]))
    for (let i = 1; i < repeats; i += 1) yield encode(piece)
    yield encode(Buffer.from(end))
    yield after
  }
  const plain = (bytes: Buffer) => bytes
  const [rootFirst, reportFirst] = [multipart('b', [ROOT, reportPart('|')]), multipart('b', [reportPart('|'), ROOT])]
  const around = (whole: Buffer): [Buffer, Buffer] => {
    const at = whole.indexOf('|')
    return [whole.subarray(0, at), whole.subarray(at + 1)]
  }
  const [inlineBefore, inlineAfter] = around(Buffer.from(envelope('|')))
  const cases: [string, Generator<Buffer>][] = [
    [`${MTOM}; boundary=b`, chunksOf(...around(rootFirst), plain)],
    [`${MTOM}; boundary=b; start="<root@x>"`, chunksOf(...around(reportFirst), plain)],
    ['text/xml', chunksOf(inlineBefore, inlineAfter, (bytes) => Buffer.from(bytes.toString('base64')))],
  ]
  for (const [contentType, chunks] of cases) {
    const reader = new AlertAnswerReader(contentType, 'LICENSING')
    let heldMax = 0
    let bytes = 0
    let count = 0
    for (const chunk of chunks)
      for (let at = 0; at < chunk.length; at += 65_536) {
        const piece = chunk.subarray(at, at + 65_536)
        bytes += piece.length
        reader.write(piece)
        for (const batch of reader.take()) count += batch.length
        heldMax = Math.max(heldMax, reader.held)
      }
    reader.end()
    for (const batch of reader.take()) count += batch.length
    expect(count).toBe(repeats * 2000)
    expect(bytes).toBeGreaterThan(5_000_000)
    expect(heldMax, contentType).toBeLessThan(20_000)
  }
})

test('rule 30: an answer that is cut off at any byte is broken, never a shorter report', () => {
  const people = ['15645555', '7'].map(person).join('')
  const whole = multipart('b', [ROOT, reportPart(report(people))])
  const turned = multipart('b', [reportPart(report(people)), ROOT])
  const inline = Buffer.from(envelope(Buffer.from(report(people)).toString('base64')))
  const cases: [string, Buffer, number][] = [
    [`${MTOM}; boundary=b`, whole, whole.length - '\r\n'.length],
    [`${MTOM}; boundary=b; start="<root@x>"`, turned, turned.length - '\r\n'.length],
    ['text/xml', inline, inline.length],
  ]
  for (const [contentType, bytes, needed] of cases) {
    expect(read(contentType, [bytes])).toEqual(['15645555', '7'])
    for (let length = 0; length < needed; length += 1)
      expect(read(contentType, [bytes.subarray(0, length)]), `${contentType} ${length}`).toBeTypeOf('string')
  }
})

test('rule 30: a foreign, empty or failed report is broken; so is one that the envelope does not name', () => {
  const mtom = (parts: readonly Part[]) => read(`${MTOM}; boundary=b`, [multipart('b', parts)])
  const one = person('7')
  expect(mtom([ROOT, reportPart(report(one))])).toEqual(['7'])
  expect(mtom([ROOT, reportPart(report(one, 'Completed with Errors'))])).toBe('an error report')
  expect(mtom([ROOT, reportPart(report(one, 'REJECTED'))])).toBe('an error report')
  expect(mtom([ROOT, reportPart(report(one, 'Completed', 'RIRSReportProcessResult'))])).toBe('a foreign report')
  expect(mtom([ROOT, reportPart('<html/>')])).toBe('a foreign report')
  expect(mtom([ROOT, reportPart('')])).toBe('XML: not well-formed')
  expect(mtom([ROOT, reportPart(`<!DOCTYPE a>${report(one)}`)])).toMatch(/^XML: /)
  expect(mtom([ROOT])).toBe('an answer without report')
  expect(mtom([ROOT, { ...reportPart(report(one)), id: 'else@x' }])).toBe('an answer without report')
  expect(
    mtom([
      { ...ROOT, body: envelope('<xop:Include xmlns:xop="x" href="file:///etc/passwd"/>') },
      reportPart(report(one)),
    ]),
  ).toBe('an answer without report')
  expect(mtom([ROOT, reportPart(report(one)), reportPart(report(one))])).toBe('two parts of one name')
  expect(mtom([ROOT, { ...reportPart(report(one)), encoding: 'quoted-printable' }])).toBe('transfer encoding')
  expect(mtom([])).toBe('an answer without envelope')
  const inline = (text: string) => read('text/xml', [Buffer.from(envelope(text))])
  const base64 = Buffer.from(report(one)).toString('base64')
  expect(inline(base64)).toEqual(['7'])
  for (const bad of [
    `${base64}=`,
    `*${base64}`,
    `${base64.slice(0, 40)}<!-- -->${base64.slice(40)}`,
    `${base64}AAAA`,
    `&lt;${base64}`,
  ])
    expect(inline(bad), bad.slice(0, 8)).toMatch(/base64|XML/)
  // more than the report, after bytes that end with its last digits
  const unpadded = Buffer.from(report(one).padEnd(Math.ceil(report(one).length / 3) * 3)).toString('base64')
  expect(inline(unpadded)).toEqual(['7'])
  for (const more of ['A', 'ICA', '<!-- -->ICAg']) expect(inline(unpadded + more), more).toBe('no base64')
  expect(inline('')).toBe('done')
  expect(read('application/json', [Buffer.from('{}')])).toBe('a foreign answer')
  expect(read('', [])).toBe('a foreign answer')
})

test('only the NPNs of producers are taken: not other identifiers, not what is no NPN, not statuses of licenses', () => {
  const other =
    '<a:ExternalIdentifier><a:TypeCode>NAICCompanyCode</a:TypeCode><a:Id>12345</a:Id></a:ExternalIdentifier>'
  const bad = ['0123', 'abc', '12345678901', ''].map(person).join('')
  const license = '<a:License><a:StatusCode>Rejected</a:StatusCode><a:Id>99</a:Id></a:License>'
  const firm = person('8').replaceAll('Person', 'Organization')
  const body = report(`${person('7')}${other}${bad}${license}${firm}<a:Id>1</a:Id>`)
  expect(read(`${MTOM}; boundary=b`, [multipart('b', [ROOT, reportPart(body)])])).toEqual(['7', '8'])
})

test('any bytes give NPNs or a reason, never anything else', () => {
  const pieces = fc.constantFrom(
    '\r\n--b\r\n',
    '\r\n--b--',
    '\r\n\r\n',
    'Content-ID: <rep@x>\r\n',
    'Content-Type: application/xop+xml\r\n',
    'Content-Transfer-Encoding: base64\r\n',
    envelope(INCLUDE),
    report(person('7')),
    '<alertsReport>',
    '<Envelope><Body><Fault>',
    'AAAA',
    '&#13;',
    '<',
  )
  const types = fc.constantFrom(
    'text/xml',
    'text/xml; charset=latin1',
    `${MTOM}; boundary=b`,
    `${MTOM}; boundary=b; start=x`,
  )
  fc.assert(
    fc.property(
      types,
      fc.array(fc.oneof(pieces, fc.string({ maxLength: 3 })), { maxLength: 12 }),
      fc.nat(60),
      (type, texts, size) => {
        const result = read(type, cut(Buffer.from(texts.join('')), [size]))
        expect(Array.isArray(result) || typeof result === 'string').toBe(true)
      },
    ),
    { seed: 22, numRuns: 1500 },
  )
})

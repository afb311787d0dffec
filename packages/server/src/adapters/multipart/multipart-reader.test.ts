import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseContentType } from './content-type.ts'
import { MultipartBroken, MultipartReader } from './multipart-reader.ts'

type Part = { headers: Record<string, string>; body: Buffer }

/** Reads a body cut into chunks; the most that was held, and the parts. */
function read(boundary: string, chunks: Uint8Array[]): { parts: Part[]; heldBytesMax: number } {
  const parts: Part[] = []
  let bodies: Buffer[] = []
  let heldBytesMax = 0
  const reader = new MultipartReader(boundary, {
    partStart(headers) {
      parts.push({ headers: Object.fromEntries(headers), body: Buffer.alloc(0) })
      bodies = []
    },
    partData: (bytes) => bodies.push(Buffer.from(bytes)),
    partEnd() {
      const part = parts.at(-1)
      if (part) part.body = Buffer.concat(bodies)
    },
  })
  for (const chunk of chunks) {
    reader.write(chunk)
    heldBytesMax = Math.max(heldBytesMax, reader.heldBytes)
  }
  reader.end()
  return { parts, heldBytesMax }
}

function write(boundary: string, parts: Part[], preamble = '', epilogue = '\r\n'): Buffer {
  const written: Uint8Array[] = [Buffer.from(preamble)]
  for (const { headers, body } of parts) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    written.push(Buffer.from(`\r\n--${boundary}\r\n${lines.join('')}\r\n`), body)
  }
  return Buffer.concat([...written, Buffer.from(`\r\n--${boundary}--${epilogue}`)])
}

function cut(bytes: Buffer, sizes: number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1)
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

const boundaries = fc.constantFrom('b', 'uuid:0f2a-88', '----=_Part_12_345.678', "x'()+_,-./:=?y", 'a b')
// bodies full of what looks like a boundary
const bodies = fc
  .array(
    fc.constantFrom('\r\n', '--', '\r\n--', '\r\n--b', '\r\n--uuid:0f2a-88x', '\r', '\n', 'data', ' ', '\r\n--b-'),
    {
      maxLength: 12,
    },
  )
  .map((pieces) => Buffer.from(pieces.join('')))

test('parts are read whole, whatever their boundary, their bytes and the chunks they come in', () => {
  const parts = fc.array(
    fc.record({
      headers: fc.constantFrom<Record<string, string>>({}, { 'content-id': '<a@b>', x: '1' }),
      body: bodies,
    }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  fc.assert(
    fc.property(boundaries, parts, fc.array(fc.nat(40), { minLength: 1, maxLength: 5 }), (boundary, written, sizes) => {
      const delimiter = `\r\n--${boundary}`
      const isBoundaryLine = new RegExp(`${delimiter.replace(/[()+.?]/g, '\\$&')}([ \\t]*\\r\\n|--|[ \\t]*$|-$)`)
      fc.pre(written.every(({ body }) => !isBoundaryLine.test(body.toString())))
      expect(read(boundary, cut(write(boundary, written), sizes)).parts).toEqual(written)
    }),
    { seed: 11, numRuns: 500 },
  )
})

test('a body that begins with its boundary, padding, folded headers, preamble and epilogue are read', () => {
  const body = '--b  \r\nContent-ID:\r\n <x>\r\n\r\nhello\r\n--b\t\r\n\r\n\r\n--b--and more'
  const expected = [
    { headers: { 'content-id': '<x>' }, body: Buffer.from('hello') },
    { headers: {}, body: Buffer.alloc(0) },
  ]
  for (const size of [1, 2, 3, 7, 1000]) {
    expect(read('b', cut(Buffer.from(body), [size])).parts).toEqual(expected)
    expect(read('b', cut(Buffer.from(`ignore\r\nme\r\n${body}`), [size])).parts).toEqual(expected)
  }
})

test('a body that is cut off anywhere is refused', () => {
  const whole = write('b', [{ headers: { a: 'b' }, body: Buffer.from('hello\r\n--bx') }], '', '')
  for (let length = 0; length < whole.length; length += 1)
    expect(() => read('b', [whole.subarray(0, length)]), `${length} bytes`).toThrow(MultipartBroken)
  expect(read('b', [whole]).parts).toHaveLength(1)
})

test('what is held does not grow with a part, and is bounded also for what is no multipart body', () => {
  const chunk = Buffer.from('\r\n--boundar'.repeat(6000))
  const whole = Buffer.concat(Array.from({ length: 40 }, () => chunk))
  const written = write('boundary', [{ headers: {}, body: whole }])
  const { parts, heldBytesMax } = read('boundary', cut(written, [65_536]))
  expect(parts[0]?.body.equals(whole)).toBe(true)
  expect(heldBytesMax).toBeLessThan(100)

  const endless = new MultipartReader('b', { partStart() {}, partData() {}, partEnd() {} })
  endless.write(Buffer.from('--b\r\n'))
  expect(() => {
    for (let i = 0; i < 10; i += 1) endless.write(Buffer.from('x: y\r\n'.repeat(2000)))
  }).toThrow('multipart: headers')
  expect(() => read('b', [Buffer.from('\r\n--b\r\n\r\n'.repeat(100))])).toThrow('multipart: too many parts')
  for (const boundary of ['', ' ', 'x'.repeat(71), 'a\r\nb', 'ü'])
    expect(() => read(boundary, [])).toThrow('multipart: boundary')
})

test('any bytes are read or refused, never anything else', () => {
  const bytes = fc.array(
    fc.oneof(
      fc.constantFrom('\r\n--b', '\r\n', '--', ' ', 'a: b', '\r\n\r\n'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
  )
  fc.assert(
    fc.property(bytes, fc.array(fc.nat(30), { minLength: 1 }), (pieces, sizes) => {
      try {
        read('b', cut(Buffer.from(pieces.join('')), sizes))
      } catch (error) {
        expect(error).toBeInstanceOf(MultipartBroken)
      }
    }),
    { seed: 12, numRuns: 300 },
  )
})

test('a content type is read with its parameters', () => {
  const header = 'Multipart/Related; type="application/xop+xml"; Boundary="a;\\"b=c"; start=<root@x> ; ;charset=utf-8'
  const { type, parameters } = parseContentType(header)
  expect(type).toBe('multipart/related')
  expect(Object.fromEntries(parameters)).toEqual({
    type: 'application/xop+xml',
    boundary: 'a;"b=c',
    start: '<root@x>',
    charset: 'utf-8',
  })
  expect(parseContentType('')).toEqual({ type: '', parameters: new Map() })
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ';', '=', '"', '\\', ' ', '\t', '/') }), (text) => {
      expect(parseContentType(text).parameters).toBeInstanceOf(Map)
    }),
    { seed: 13 },
  )
})

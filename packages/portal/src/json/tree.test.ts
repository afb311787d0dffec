import { expect, test } from 'vitest'
import { lineOf, matchesOf, memberText, toText, toTree } from './tree.ts'

const BODY = '{"b":1.0,"a":12345678901234567890,"npn":{"x/y":[true,null,"<img src=x onerror=alert(1)>"]},"b":2}'

test('keys stay in order, and numbers as they are written, also those no double holds', () => {
  const tree = toTree(BODY)
  expect(tree?.children.map(({ key, written }) => [key, written]).slice(0, 2)).toEqual([
    ['b', '1.0'],
    ['a', '12345678901234567890'],
  ])
  expect(tree?.children.map(({ key }) => key)).toEqual(['b', 'a', 'npn', 'b'])
})

test('a path is a JSON pointer, escaped as those are', () => {
  expect(toTree(BODY)?.children[2]?.children[0]?.children[2]).toMatchObject({
    path: '/npn/x~1y/2',
    written: '"<img src=x onerror=alert(1)>"',
  })
})

test('what is not JSON is no tree', () => {
  for (const text of ['', '{', '{"a":1,}', '// no\n{}', '<html>']) expect(toTree(text)).toBeNull()
})

test('search finds keys and values', () => {
  const tree = toTree(BODY)
  if (!tree) throw new Error('no tree')
  expect([...matchesOf(tree, 'IMG')]).toEqual(['/npn/x~1y/2'])
  expect([...matchesOf(tree, 'npn')]).toEqual(['/npn'])
  expect([...matchesOf(tree, ' ')]).toEqual([])
})

test('bytes that are no UTF-8 are shown in hexadecimal', () => {
  expect(toText(new Uint8Array([0x7b, 0x7d]))).toEqual({ text: '{}', isText: true })
  expect(toText(new Uint8Array([0xff, 0x00, 0x0a]))).toEqual({ text: 'ff 00 0a', isText: false })
})

test.each([
  ['{"id":"msg_1", "payload": {"n":1.50, "z" : 1} }', '{"n":1.50, "z" : 1}'],
  ['{"a":{"payload":1},"b":["payload",{"payload":2}],"c":"payload","payload":[1 , {}],"d":0}', '[1 , {}]'],
  ['{"payload" : "a,}\\"b" , "z":1}', '"a,}\\"b"'],
  ['{"payload":1.0}', '1.0'],
  ['{"payload":null,"payload":2}', 'null'],
  ['{"other":{"payload":1}}', undefined],
  ['', undefined],
])('a payload is taken out of its message byte for byte: %s', (message, payload) => {
  expect(memberText(message, 'payload')).toBe(payload)
})

test.each([
  [['data', 'npn'], 4],
  [['list', '1'], 8],
  [['7'], 10],
  [['data', 'gone'], 3],
  [['gone'], 1],
  [[], 1],
])('what stands at %j is in line %i', (place, line) => {
  const text = '{\n  "id": "x",\n  "data": {\n    "npn": 7\n  },\n  "list": [\n    1,\n    2\n  ],\n  "7": true\n}'
  expect(lineOf(text, place)).toBe(line)
})

import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { toCurl, withHeaders } from './curl.ts'

test('the command hands on the bytes, whatever quotes and lines are in them, and no header that is hidden', () => {
  const body = `{"a":"it's \\"so\\" $HOME \`id\`",\n"b":"\\\\"}`
  const headers = [
    ['webhook-id', 'msg_1'],
    ['X-Key', '***'],
    ['host', 'a.example'],
    ['x-quote', "it's"],
  ]
  const command = toCurl({ url: 'https://a.example/x?y=1&z=2', headers, sensitive: ['x-key'] }, body)
  const said = execFileSync('sh', ['-c', `curl() { printf '%s\\0' "$@"; }; ${command}`])
    .toString()
    .split('\0')
  expect(said.slice(0, -1)).toEqual([
    '-X',
    'POST',
    'https://a.example/x?y=1&z=2',
    '-H',
    'webhook-id: msg_1',
    '-H',
    "x-quote: it's",
    '--data-binary',
    body,
  ])
})

test('signed again, a request has the new signature once, and all else as it was', () => {
  const request = {
    url: 'https://a.example/',
    headers: [
      ['Webhook-Signature', 'v1,old'],
      ['x-a', '1'],
    ],
    sensitive: [],
  }
  const command = toCurl(withHeaders(request, { 'webhook-signature': 'v1,new' }), '{}')
  expect(command).toContain("-H 'webhook-signature: v1,new'")
  expect(command).toContain("-H 'x-a: 1'")
  expect(command).not.toContain('old')
})

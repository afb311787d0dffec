import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import {
  ADDRESS_NOT_ALLOWED,
  type AddressPolicy,
  ALLOWED_IPV6,
  checkUrl,
  isAddressAllowed,
  REFUSED_IPV4,
  REFUSED_IPV6,
} from './address-policy.ts'
import { formatAddress, parseAddress, parseRange } from './address-ranges.ts'

const policy: AddressPolicy = {
  httpAllowed: false,
  loopbackReceivers: new Set(['127.0.0.1:3000', '[::1]:3001', '10.0.0.5:3000', '11.0.0.1:3000']),
  refusedRanges: ['11.9.0.0/16', '2a00:1450:4000::/37', '11.8.8.8'],
  ownNames: ['Hooks.producersync-service.com'],
}
const withHttp: AddressPolicy = { ...policy, httpAllowed: true }

function isUrlAllowed(url: string, under = policy): boolean {
  return checkUrl(url, under).ok
}

function isAllowed(address: string): boolean {
  const bytes = parseAddress(address)
  assert(bytes, address)
  return isAddressAllowed(bytes)
}

const words = (text: string) => text.trim().split(/\s+/)

const MUST_STAY_ALLOWED = words(`
  11.0.0.1 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 168.63.129.15 168.63.129.17 169.253.255.255
  169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
  2606:4700:4700::1111 2001:200::1 2001:db7:ffff::1 2001:db9::1 2003::1 2620:4f:7fff::1 2620:4f:8001::1
`)

const MUST_STAY_REFUSED = [
  // IPv4: services at fixed addresses, edges of the ranges
  ...words(`
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3
    127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.31.255.255
    192.0.0.0 192.0.0.192 192.0.0.255 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255
    192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.0 224.0.0.1 239.255.255.255 240.0.0.0
    255.255.255.255
  `),
  // IPv6: unspecified, loopback, and every way to hold an IPv4 address
  ...words(`
    :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:11.0.0.1 ::ffff:a9fe:a9fe ::127.0.0.1 ::11.0.0.1
    ::ffff:0:127.0.0.1 ::5efe:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::11.0.0.1 64:ff9b:1::1 2002:7f00:1:: 2002:b00:1::1
    2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:30::1
  `),
  // IPv6: local, documentation, discard, segment routing, metadata services, unallocated
  ...words(`
    100::1 100:0:0:1::1 2001:db8::1 2001:1ff::1 3ffe::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254
    fdff:ffff::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 ff02::1 ff0e::1 4000::1 8000::1 2620:4f:8000::1 2004::1
    2420::1 2d00::1 3000::1 200::1 400::1
  `),
]

describe('addresses', () => {
  test.each(MUST_STAY_ALLOWED)('%s is allowed', (address) => assert(isAllowed(address)))
  test.each(MUST_STAY_REFUSED)('%s is refused', (address) => assert(!isAllowed(address)))

  test('what is no address of 4 or 16 bytes is refused', () => {
    for (const length of [0, 1, 3, 5, 15, 17]) assert(!isAddressAllowed(new Uint8Array(length).fill(11)))
  })

  test("the operator's ranges are refused besides, and only they", () => {
    const ranges = policy.refusedRanges.map(parseRange)
    const decide = (address: string) => isAddressAllowed(parseAddress(address) ?? new Uint8Array(), ranges)
    for (const refused of ['11.9.0.0', '11.9.255.255', '11.8.8.8', '2a00:1450:4000::1', '10.0.0.1'])
      assert(!decide(refused))
    for (const allowed of ['11.8.255.255', '11.10.0.0', '11.8.8.7', '11.8.8.9', '2a00:1450:5000::1'])
      assert(decide(allowed))
  })

  test('an operator range that cannot be read is a mistake found at once', () => {
    for (const text of [
      '',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0/8',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      '10.0.0.0/a',
      '::/129',
      'name/8',
      '010.0.0.0/8',
    ]) {
      assert.throws(() => parseRange(text), TypeError)
    }
  })
})

describe('addresses in URLs', () => {
  const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)

  test.each(MUST_STAY_ALLOWED)('https://%s/ is accepted', (address) => {
    assert(isUrlAllowed(`https://${bracketed(address)}/hook`))
  })
  test.each(MUST_STAY_REFUSED)('https://%s/ is refused in the words of every other', (address) => {
    assert.deepEqual(checkUrl(`https://${bracketed(address)}/hook`, policy), { ok: false, reason: ADDRESS_NOT_ALLOWED })
  })

  const legacy: [spelling: string, address: string][] = [
    ['2130706433', '127.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
    ['0x7F.0x0.0x0.0x1', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    ['00000177.0.0.01', '127.0.0.1'],
    ['017700000001', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['127.0.1', '127.0.0.1'],
    ['0x7f.1', '127.0.0.1'],
    ['127.0.0.1.', '127.0.0.1'],
    ['%31%32%37.0.0.1', '127.0.0.1'],
    ['%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1', '127.0.0.1'], // full-width digits
    ['127%E3%80%820%E3%80%820%E3%80%821', '127.0.0.1'], // ideographic full stops
    ['0', '0.0.0.0'],
    ['0x', '0.0.0.0'],
    ['167772161', '10.0.0.1'],
    ['2852039166', '169.254.169.254'],
    ['0xA9FEA9FE', '169.254.169.254'],
    ['0251.0376.0251.0376', '169.254.169.254'],
    ['184549377', '11.0.0.1'],
    ['0xb000001', '11.0.0.1'],
    ['013.0.0.1', '11.0.0.1'],
    ['11.1', '11.0.0.1'],
    ['[2606:4700:4700:0:0:0:0:1111]', '2606:4700:4700::1111'],
    ['[2606:4700:4700:0000::0000:1111]', '2606:4700:4700::1111'],
    ['[2606:4700:4700::0.0.17.17]', '2606:4700:4700::1111'],
    ['[2606:4700:4700::1111]:443', '2606:4700:4700::1111'],
    ['[::ffff:7f00:1]', '::ffff:127.0.0.1'],
    ['[0:0:0:0:0:ffff:127.0.0.1]', '::ffff:127.0.0.1'],
    ['[0000:0000:0000:0000:0000:0000:0000:0001]', '::1'],
    ['[FE80::1]', 'fe80::1'],
    ['[FD00:EC2::254]', 'fd00:ec2::254'],
  ]
  test.each(legacy)('https://%s/ is treated as %s', (spelling, address) => {
    const check = checkUrl(`https://${spelling}/`, policy)
    assert.equal(check.ok, isAllowed(address))
    if (!check.ok) return
    assert.deepEqual(check.host, { kind: 'address', address })
    assert.equal(check.canonical, `https://${bracketed(address)}/`)
  })

  const unreadable = [
    '256.0.0.1',
    '1.2.3.4.5',
    '1.2.3.256',
    '0x100000000',
    '4294967296',
    '1.2.3.08',
    'a.1',
    'example.com.1',
    '[::1',
    '::1',
    '[::1%25eth0]',
    '[fe80::1%25lo]',
    '[::g]',
    '[1:2:3]',
    '[::1]x',
    '[127.0.0.1]',
    '[::ffff:1.2.3]',
    '[1::2::3]',
  ]
  test.each(unreadable)('https://%s/ is no host at all', (host) => assert(!isUrlAllowed(`https://${host}/`)))
})

describe('names', () => {
  const refused = [
    'localhost',
    'LOCALHOST',
    'a.localhost',
    'printer.local',
    'metadata.google.internal',
    'x.internal',
    'router.home.arpa',
    '1.0.0.127.in-addr.arpa',
    'nas.lan',
    'wiki.intranet',
    'git.corp',
    'abc.onion',
    'a.test',
    'a.invalid',
    'a.example',
    'hooks.producersync-service.com',
    'a.hooks.producersync-service.com',
    'HOOKS.PRODUCERSYNC-SERVICE.COM',
    'loc%61lhost',
    '%6C%6F%63%61%6C%68%6F%73%74',
  ]
  test.each(refused)('%s is refused', (name) => assert(!isUrlAllowed(`https://${name}/`)))

  const malformed = [
    'metadata',
    'intern',
    'receiver.com.',
    'localhost.',
    'receiver..com',
    '.receiver.com',
    'receiver.com..',
    '-',
    '.',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(126)}com`,
    'a,b.com',
    "a'b.com",
    'a*b.com',
    '*.receiver.com',
    'a!b.com',
    'a$b.com',
    'a(b).com',
    'a~b.com',
    'a b.com',
    'a%00b.com',
    'a%20b.com',
    'a%2fb.com',
    'a%40b.com',
    'a%5cb.com',
    'receiver%E3%80%82com.',
  ]
  test.each(malformed)('%j is malformed', (name) => assert(!isUrlAllowed(`https://${name}/`)))

  const allowed = [
    'receiver.com',
    'a.b.c.receiver.co.uk',
    'receiver-1.com',
    'my_host.receiver.com',
    'xn--bcher-kva.de',
    '1.receiver.com',
    '0x1.receiver.com',
    'localhost.receiver.com',
    'mylocalhost.com',
    'notlocal.com',
    'internal.receiver.com',
    'testing.com',
    'example.com',
    'example.org',
    'producersync-service.com',
    'xhooks.producersync-service.com',
    `${'a'.repeat(63)}.com`,
    `${'a.'.repeat(125)}com`,
  ]
  test.each(allowed)('%s is accepted', (name) => {
    const check = checkUrl(`https://${name}/`, policy)
    assert(check.ok)
    assert.deepEqual(check.host, { kind: 'name', name })
  })
})

describe('the text of a URL', () => {
  const refused = [
    '',
    ' ',
    'receiver.com',
    '//receiver.com',
    'https:receiver.com',
    'https:/receiver.com',
    'https:\\\\receiver.com',
    'HTTPS://receiver.com',
    'https:///receiver.com',
    'https://',
    'https://?',
    'https://#',
    'https:// receiver.com',
    ' https://receiver.com',
    'https://receiver.com ',
    'ftp://receiver.com',
    'file:///etc/passwd',
    'gopher://receiver.com',
    'unix:/run/x.sock',
    'data:,x',
    'javascript:1',
    'blob:https://receiver.com/1',
    'https://user@receiver.com',
    'https://user:pass@receiver.com',
    'https://:@receiver.com',
    'https://@receiver.com',
    'https://receiver.com@10.0.0.1',
    'https://receiver.com\\@10.0.0.1',
    'https://receiver.com/\\10.0.0.1',
    'https://receiver.com/a\tb',
    'https://receiver.com/a\nb',
    'https://rece\niver.com',
    'https://receiver.com/\u0000',
    'https://receiver.com/\u007f',
    'https://r\u00e9ceiver.com',
    'https://receiver.com/\u00e9',
    'https://1\u3002receiver.com',
    'https://\u2460\u2461\u2466.0.0.1/',
    'https://\uff4cocalhost/',
    `https://receiver.com/${'a'.repeat(2_028)}`,
    `https://receiver.com/${'"'.repeat(1_000)}`, // canonical: three times as long
  ]
  test.each(refused)('%j is refused', (url) => assert(!isUrlAllowed(url)))

  const allowed: [url: string, canonical: string][] = [
    ['https://receiver.com', 'https://receiver.com/'],
    ['https://receiver.com/a/../b?c=d@e#f', 'https://receiver.com/b?c=d@e#f'],
    ['https://RECEIVER.com/Path', 'https://receiver.com/Path'],
    ['https://receiver.com:443/', 'https://receiver.com/'],
    ['https://receiver.com?user@host', 'https://receiver.com/?user@host'],
    ['https://receiver.com/%20%00', 'https://receiver.com/%20%00'],
    ["https://receiver.com/~a!$&'()*+,;=:@", "https://receiver.com/~a!$&'()*+,;=:@"],
    [`https://receiver.com/${'a'.repeat(2_027)}`, `https://receiver.com/${'a'.repeat(2_027)}`],
  ]
  test.each(allowed)('%s is accepted', (url, canonical) => {
    const check = checkUrl(url, policy)
    assert(check.ok)
    assert.equal(check.canonical, canonical)
    assert.deepEqual(checkUrl(canonical, policy), check, 'what is stored is accepted at every attempt')
  })
})

describe('schemes and ports', () => {
  const under = { 'https only': policy, 'with http': withHttp }
  const cases: [url: string, where: keyof typeof under, ok: boolean][] = [
    ['https://receiver.com:443/', 'https only', true],
    ['https://receiver.com:8443/', 'https only', true],
    ...[0, 22, 25, 80, 442, 444, 3000, 5432, 6379, 8080, 8442, 8444, 65535].map(
      (port): [string, 'https only', boolean] => [`https://receiver.com:${port}/`, 'https only', false],
    ),
    ['https://receiver.com:65536/', 'https only', false],
    ['https://receiver.com:/', 'https only', true],
    ['https://receiver.com:0443/', 'https only', true],
    ['http://receiver.com/', 'https only', false],
    ['http://receiver.com:443/', 'https only', false],
    ...[80, 8080, 443, 8443].map((port): [string, 'with http', boolean] => [
      `http://receiver.com:${port}/`,
      'with http',
      true,
    ]),
    ...[22, 81, 3000, 8081].map((port): [string, 'with http', boolean] => [
      `http://receiver.com:${port}/`,
      'with http',
      false,
    ]),
    ['https://receiver.com/', 'with http', true],
    ['https://receiver.com:80/', 'with http', false],
    ['http://10.0.0.1/', 'with http', false],
    ['http://localhost/', 'with http', false],
  ]
  test.each(cases)('%s, %s: %s', (url, where, ok) => assert.equal(isUrlAllowed(url, under[where]), ok))
})

describe('loopback receivers', () => {
  const reached = ['http://127.0.0.1:3000/hook', 'https://127.0.0.1:3000/', 'http://[::1]:3001/', 'http://127.1:3000/']
  test.each(reached)('%s is accepted, with http, as an exact pair', (url) => {
    for (const under of [policy, withHttp]) assert(isUrlAllowed(url, under))
  })

  const notReached = [
    'http://127.0.0.1:3001/',
    'http://127.0.0.1/',
    'http://127.0.0.2:3000/',
    'http://[::1]:3000/',
    'http://localhost:3000/',
    'http://[::ffff:127.0.0.1]:3000/',
    'http://user@127.0.0.1:3000/',
    'http://127.0.0.1:3000@10.0.0.1/',
    'http://10.0.0.5:3000/',
    'http://11.0.0.1:3000/', // listed, but not on loopback
  ]
  test.each(notReached)('%s is refused', (url) => {
    for (const under of [policy, withHttp]) assert(!isUrlAllowed(url, under))
  })

  test('without a list none is', () => {
    for (const url of reached) assert(!isUrlAllowed(url, { ...withHttp, loopbackReceivers: new Set() }))
  })
})

/** Written apart from the policy: IANA's registry tables as they are printed, matched by Node's own block list. */
const oracle = (() => {
  const special4 = words(`
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 168.63.129.16/32
  `)
  // the registries' rows: APNIC, RIPE NCC, LACNIC, AFRINIC, ARIN
  const unicast6 = words(`
    2001:200::/23 2001:c00::/23 2001:e00::/23 2001:4400::/23 2001:8000::/19 2001:a000::/20 2001:b000::/20 2400::/12
    2410::/12 2001:600::/23 2001:800::/22 2001:1400::/22 2001:1a00::/23 2001:1c00::/22 2001:2000::/19 2001:4000::/23
    2001:4600::/23 2001:4a00::/23 2001:4c00::/23 2001:5000::/20 2003::/18 2a00::/12 2a10::/12 2001:1200::/23
    2800::/12 2001:4200::/23 2c00::/12 2001:400::/23 2001:1800::/23 2001:4800::/23 2600::/12 2610::/23 2620::/23
    2630::/12
  `)
  const list = (family: 'ipv4' | 'ipv6', ranges: string[]) => {
    const blocks = new BlockList()
    for (const range of ranges) {
      const [address = '', bits] = range.split('/')
      blocks.addSubnet(address, Number(bits), family)
    }
    return (address: string) => blocks.check(address, family)
  }
  const isSpecial4 = list('ipv4', special4)
  const isUnicast6 = list('ipv6', unicast6)
  const isSpecial6 = list('ipv6', ['2001:db8::/32', '2620:4f:8000::/48'])
  return (address: string) =>
    address.includes(':') ? isUnicast6(address) && !isSpecial6(address) : !isSpecial4(address)
})()

describe('properties', () => {
  const ranges = [...REFUSED_IPV4, ...ALLOWED_IPV6, ...REFUSED_IPV6]
  const bits = (range: string) => Number(range.split('/')[1])
  const toNumber = (address: string) =>
    (parseAddress(address) ?? new Uint8Array()).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  const toText = (value: bigint, length: number) =>
    formatAddress(
      Uint8Array.from({ length }, (_, index) => Number((value >> BigInt(8 * (length - 1 - index))) & 0xffn)),
    )

  test('inside a range every address is decided as the range says, and its neighbours as the oracle says', () => {
    for (const range of ranges) {
      const first = range.split('/')[0] ?? ''
      const length = first.includes(':') ? 16 : 4
      const size = 1n << BigInt(length * 8 - bits(range))
      const start = toNumber(first)
      const last = start + size - 1n
      const expected = oracle(toText(start, length))
      for (const value of [start, last, start + size / 2n]) {
        const address = toText(value, length)
        if (!REFUSED_IPV6.includes(range) && oracle(address) === expected)
          assert.equal(isAllowed(address), expected, address)
      }
      for (const value of [start - 1n, last + 1n]) {
        if (value < 0n || value >> BigInt(length * 8) !== 0n) continue
        const address = toText(value, length)
        assert.equal(isAllowed(address), oracle(address), address)
      }
      fc.assert(
        fc.property(fc.bigInt({ min: start, max: last }), (value) => {
          const address = toText(value, length)
          assert.equal(isAllowed(address), oracle(address), address)
        }),
        { numRuns: 20 },
      )
    }
  })

  test('any IPv4 address is decided as the oracle does, however it is spelled', () => {
    const byte = fc.integer({ min: 0, max: 255 })
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte, byte), ([a, b, c, d]) => {
        const address = `${a}.${b}.${c}.${d}`
        const expected = oracle(address)
        const number = ((a * 256 + b) * 256 + c) * 256 + d
        const spellings = [
          address,
          `${address}.`,
          String(number),
          `0x${number.toString(16)}`,
          `0${number.toString(8)}`,
          `${a}.${b}.${c * 256 + d}`,
          `${a}.${(b * 256 + c) * 256 + d}`,
          [a, b, c, d].map((part) => `0x${part.toString(16)}`).join('.'),
          [a, b, c, d].map((part) => `0${part.toString(8)}`).join('.'),
          address
            .split('')
            .map((character) => `%${character.charCodeAt(0).toString(16)}`)
            .join(''),
        ]
        for (const spelling of spellings) {
          const check = checkUrl(`https://${spelling}/`, { ...policy, refusedRanges: [], loopbackReceivers: new Set() })
          assert.equal(check.ok, expected, spelling)
          if (check.ok) assert.equal(check.canonical, `https://${address}/`)
        }
        for (const embedding of [`::ffff:${address}`, `::${address}`, `64:ff9b::${address}`, `::ffff:0:${address}`]) {
          assert(!isUrlAllowed(`https://[${embedding}]/`), embedding)
        }
      }),
    )
  })

  test('any IPv6 address is decided as the oracle does, however it is spelled', () => {
    const group = fc.integer({ min: 0, max: 0xffff })
    const prefix = fc
      .constantFrom(...ALLOWED_IPV6, '2001:db8::/32', 'fc00::/7', '::/8', '3fff::/20')
      .map((range) => toNumber(range.split('/')[0] ?? ''))
    const random = fc
      .tuple(group, group, group, group, group, group, group, group)
      .map((groups) => groups.reduce((value, one) => (value << 16n) | BigInt(one), 0n))
    fc.assert(
      fc.property(prefix, random, fc.integer({ min: 0, max: 128 }), (start, noise, kept) => {
        const value = start | (noise & ((1n << BigInt(128 - kept)) - 1n))
        const address = toText(value, 16)
        const full = value
          .toString(16)
          .padStart(32, '0')
          .replace(/(.{4})(?!$)/g, '$1:')
        for (const spelling of [address, full, full.toUpperCase()]) {
          const under = { ...policy, refusedRanges: [] }
          assert.equal(isUrlAllowed(`https://[${spelling}]/`, under), oracle(address), spelling)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('no text makes it throw, and what it accepts it accepts again', () => {
    const text = fc.oneof(
      fc.string(),
      fc.webUrl(),
      fc.string().map((rest) => `https://${rest}`),
      fc.webAuthority().map((authority) => `https://${authority}/`),
    )
    fc.assert(
      fc.property(text, (raw) => {
        const check = checkUrl(raw, policy)
        if (!check.ok) return assert(check.reason.length > 0)
        assert.deepEqual(checkUrl(check.canonical, policy), check)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('S3.1: the portal says the same while a URL is typed', () => {
  const catalogue = readFileSync(new URL('../../../../portal/src/text-endpoints.ts', import.meta.url), 'utf8')
  test.each([
    ['ftp://hooks.example/', policy],
    ['http://hooks.example/', policy],
    ['https://ada:secret@hooks.example/', policy],
    ['https://hooks.example:3000/', policy],
    ['http://hooks.example:3000/', withHttp],
    ['https://192.168.0.7/', policy],
    ['https://hooks.internal/', policy],
  ])('%s', (url, under) => {
    const check = checkUrl(url, under)
    assert(!check.ok)
    assert.ok(catalogue.includes(`'${check.reason}'`), check.reason)
  })
})

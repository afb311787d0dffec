import { NEIGHBOURS, words } from './registries.ts'

/** A URL as somebody may enter it for an endpoint, and whether it may be saved (plain http allowed). */
export type Case = { url: string; allowed: boolean }

const FORBIDDEN = words(`
  0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1 127.1.2.3 127.255.255.255
  168.63.129.16 169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192
  192.0.0.255 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0
  198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.0 224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.255
  :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:11.0.0.1 ::ffff:a9fe:a9fe ::127.0.0.1 ::11.0.0.1 ::ffff:0:127.0.0.1
  ::5efe:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::11.0.0.1 64:ff9b:1::1 2002:7f00:1:: 2002:b00:1::1 2001::1
  2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:30::1 100::1 100:0:0:1::1 2001:db8::1 2001:1ff::1
  3ffe::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fdff:ffff::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 ff02::1
  ff0e::1 4000::1 8000::1 2620:4f:8000::1 2004::1 2420::1 2d00::1 3000::1 200::1 400::1
`)

/** Hosts that the URL parser turns into an address that nobody may call. */
const FORBIDDEN_SPELLINGS = words(`
  2130706433 0x7f000001 0x7F.0x0.0x0.0x1 0177.0.0.1 00000177.0.0.01 017700000001 127.1 127.0.1 0x7f.1 127.0.0.1.
  %31%32%37.0.0.1 %EF%BC%91%EF%BC%92%EF%BC%97.0.0.1 127%E3%80%820%E3%80%820%E3%80%821 0 0x 167772161 2852039166 0xA9FEA9FE
  0251.0376.0251.0376 [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [0000:0000:0000:0000:0000:0000:0000:0001] [FE80::1]
  [FD00:EC2::254] [::ffff:169.254.169.254] [0:0:0:0:0:0:0:0]
`)

const ALLOWED_SPELLINGS = words(`
  184549377 0xb000001 013.0.0.1 11.1 [2606:4700:4700:0:0:0:0:1111] [2606:4700:4700:0000::0000:1111]
  [2606:4700:4700::0.0.17.17] 11.0.0.1:8443 [2606:4700:4700::1111]:443
`)

const NO_HOSTS = words(`
  256.0.0.1 1.2.3.4.5 1.2.3.256 0x100000000 4294967296 1.2.3.08 a.1 receiver.com.1 [::1 [::1%25eth0] [fe80::1%25lo] [::g] [1:2:3]
  [::1]x [127.0.0.1] [1::2::3] metadata intern receiver.com. receiver..com .receiver.com - a*b.com a%00b.com a%20b.com a%2fb.com
  a%40b.com a%5cb.com
`)

const FORBIDDEN_NAMES = words(`
  localhost LOCALHOST a.localhost printer.local metadata.google.internal x.internal router.home.arpa 1.0.0.127.in-addr.arpa
  nas.lan wiki.intranet git.corp abc.onion a.test a.invalid a.example loc%61lhost hooks.rig-of-our-own.com
  a.hooks.rig-of-our-own.com HOOKS.RIG-OF-OUR-OWN.COM
`)

const ALLOWED_NAMES = words(`
  receiver.com a.b.c.receiver.co.uk receiver-1.com my_host.receiver.com xn--bcher-kva.de 1.receiver.com localhost.receiver.com
  notlocal.com internal.receiver.com xhooks.rig-of-our-own.com rig-of-our-own.com
`)

const FORBIDDEN_TEXTS = [
  'receiver.com',
  '//receiver.com',
  'https:receiver.com',
  'https:/receiver.com',
  'https:\\\\receiver.com',
  'https:///receiver.com',
  'https://',
  'https://?',
  ' https://receiver.com',
  'https://receiver.com ',
  'ftp://receiver.com',
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/',
  'unix:/run/x.sock',
  'data:,x',
  'https://user@receiver.com',
  'https://user:pass@receiver.com',
  'https://@receiver.com',
  'https://receiver.com@10.0.0.1',
  'https://receiver.com\\@10.0.0.1',
  'https://receiver.com/\\10.0.0.1',
  'https://receiver.com/a\tb',
  'https://rece\niver.com',
  'https://rüceiver.com',
  'https://\u2460\u2461\u2466.0.0.1/',
  'https://\uff4cocalhost/',
  `https://receiver.com/${'a'.repeat(2_028)}`,
  ...[0, 22, 25, 80, 444, 3000, 5432, 6379, 8080, 65535].map((port) => `https://receiver.com:${port}/`),
  ...[22, 25, 81, 5432, 6379, 9200].map((port) => `http://receiver.com:${port}/`),
]

const ALLOWED_TEXTS = [
  'https://receiver.com:8443/',
  'http://receiver.com/',
  'http://receiver.com:8080/',
  'https://receiver.com?user@host',
  'https://receiver.com/a/../b?c=d@e#f',
]

/** Every class of targets that the policy has to tell apart, in all spellings. `ownAddress`: of the service itself. */
export function corpusOf(ownAddress: string): Case[] {
  const forbidden = [
    ...FORBIDDEN.flatMap((address) => [`https://${hostOf(address)}/hook`, `http://${hostOf(address)}/`]),
    ...[...FORBIDDEN_SPELLINGS, ...NO_HOSTS, ...FORBIDDEN_NAMES].map((host) => `https://${host}/`),
    ...FORBIDDEN_TEXTS,
    `http://${ownAddress}/`,
    `http://${ownAddress}:8080/`,
  ]
  const allowed = [
    ...NEIGHBOURS.map((address) => `https://${hostOf(address)}/`),
    ...[...ALLOWED_SPELLINGS, ...ALLOWED_NAMES].map((host) => `https://${host}/`),
    ...ALLOWED_TEXTS,
  ]
  return [...forbidden.map((url) => ({ url, allowed: false })), ...allowed.map((url) => ({ url, allowed: true }))]
}

export function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

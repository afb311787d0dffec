import { BlockList, isIPv4 } from 'node:net'

/**
 * What may be called, from the registries themselves and apart from the service's own lists and code: IANA's IPv4 and IPv6
 * special-purpose address registries (2025), its IPv4 multicast and reserved space, and its IPv6 global unicast assignments.
 */

/** First and last address of what is not for everybody, with its name in the registry. */
export const SPECIAL_IPV4: readonly (readonly [first: string, last: string, name: string])[] = [
  ['0.0.0.0', '0.255.255.255', 'this network'],
  ['10.0.0.0', '10.255.255.255', 'private use'],
  ['100.64.0.0', '100.127.255.255', 'shared address space'],
  ['127.0.0.0', '127.255.255.255', 'loopback'],
  ['169.254.0.0', '169.254.255.255', 'link local'],
  ['172.16.0.0', '172.31.255.255', 'private use'],
  ['192.0.0.0', '192.0.0.255', 'IETF protocol assignments'],
  ['192.0.2.0', '192.0.2.255', 'documentation'],
  ['192.31.196.0', '192.31.196.255', 'AS112-v4'],
  ['192.52.193.0', '192.52.193.255', 'AMT'],
  ['192.88.99.0', '192.88.99.255', '6to4 relay anycast'],
  ['192.168.0.0', '192.168.255.255', 'private use'],
  ['192.175.48.0', '192.175.48.255', 'direct delegation AS112'],
  ['198.18.0.0', '198.19.255.255', 'benchmarking'],
  ['198.51.100.0', '198.51.100.255', 'documentation'],
  ['203.0.113.0', '203.0.113.255', 'documentation'],
  ['224.0.0.0', '239.255.255.255', 'multicast'],
  ['240.0.0.0', '255.255.255.255', 'reserved, limited broadcast'],
  ['168.63.129.16', '168.63.129.16', 'not in a registry: the host service of a cloud'],
]

/** Assigned global unicast, as the registry lists it; everything else of IPv6 is nobody's. */
const ASSIGNED_IPV6: readonly string[] = [
  // APNIC
  '2001:0200::/23',
  '2001:0c00::/23',
  '2001:0e00::/23',
  '2001:4400::/23',
  '2001:8000::/19',
  '2001:a000::/20',
  '2001:b000::/20',
  '2400:0000::/12',
  '2410:0000::/12',
  // ARIN
  '2001:0400::/23',
  '2001:1800::/23',
  '2001:4800::/23',
  '2600:0000::/12',
  '2610:0000::/23',
  '2620:0000::/23',
  '2630:0000::/12',
  // RIPE NCC
  '2001:0600::/23',
  '2001:0800::/22',
  '2001:1400::/22',
  '2001:1a00::/23',
  '2001:1c00::/22',
  '2001:2000::/19',
  '2001:4000::/23',
  '2001:4600::/23',
  '2001:4a00::/23',
  '2001:4c00::/23',
  '2001:5000::/20',
  '2003:0000::/18',
  '2a00:0000::/12',
  '2a10:0000::/12',
  // LACNIC, AFRINIC
  '2001:1200::/23',
  '2800:0000::/12',
  '2001:4200::/23',
  '2c00:0000::/12',
]

/** Inside what is assigned. */
const SPECIAL_IPV6: readonly string[] = ['2001:db8::/32', '2620:4f:8000::/48']

const special = new BlockList()
for (const [first, last] of SPECIAL_IPV4) special.addRange(first, last, 'ipv4')
for (const range of SPECIAL_IPV6) special.addSubnet(...subnetOf(range))
const assigned = new BlockList()
for (const range of ASSIGNED_IPV6) assigned.addSubnet(...subnetOf(range))

/** @param text  an address as it is usually written */
export function isPublic(text: string): boolean {
  if (isIPv4(text)) return !special.check(text, 'ipv4')
  return assigned.check(text, 'ipv6') && !special.check(text, 'ipv6')
}

function subnetOf(range: string): [string, number, 'ipv6'] {
  const [address = '', bits] = range.split('/')
  return [address, Number(bits), 'ipv6']
}

/** Public addresses next to what is not: each of them must be delivered to. */
export const NEIGHBOURS: readonly string[] = words(`
  11.0.0.1 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0
  172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
  2606:4700:4700::1111 2001:200::1 2001:db7:ffff::1 2001:db9::1 2003::1 2620:4f:7fff::1 2620:4f:8001::1
`)

export function words(text: string): string[] {
  return text.trim().split(/\s+/)
}

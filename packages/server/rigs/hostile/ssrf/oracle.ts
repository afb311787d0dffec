import { isAddressAllowed } from '#src/adapters/outgoing/address-policy.ts'
import { formatAddress, parseAddress } from '#src/adapters/outgoing/address-ranges.ts'
import { between, oneOf, type Random } from '../../chaos/chance.ts'
import { isPublic, NEIGHBOURS, SPECIAL_IPV4 } from './registries.ts'

const EXAMPLES_MAX = 20
/** Where IPv6 addresses are drawn from, besides everywhere: the first group of what is assigned, special, or next to it. */
const FIRST_GROUPS = [
  0x2001, 0x2002, 0x2003, 0x2004, 0x2400, 0x2410, 0x2600, 0x2610, 0x2620, 0x2630, 0x2800, 0x2a00, 0x2a10, 0x2c00,
  0x2d00, 0x3ffe, 0x3fff, 0x5f00, 0xfc00, 0xfe80, 0xfec0, 0xff02, 0x0064, 0x0100, 0x0000,
] as const

/** Random addresses, half of them near an edge of some range: does the service's policy say what the registries say? */
export function compare(random: Random, count: number): { addresses: number; disagreements: string[]; total: number } {
  const disagreements: string[] = []
  let total = 0
  const judge = (text: string) => {
    const bytes = parseAddress(text)
    if (bytes && isAddressAllowed(bytes) === isPublic(text)) return
    total += 1
    if (disagreements.length < EXAMPLES_MAX) disagreements.push(`oracle ${text}`)
  }
  for (const neighbour of NEIGHBOURS) judge(neighbour)
  for (let drawn = NEIGHBOURS.length; drawn < count; drawn += 1) judge(drawn % 2 === 0 ? ipv4(random) : ipv6(random))
  return { addresses: count, disagreements, total }
}

function ipv4(random: Random): string {
  if (random() < 0.5) return textOf(between(random, 0, 2 ** 32 - 1))
  const [first, last] = oneOf(random, SPECIAL_IPV4)
  return textOf((numberOf(random() < 0.5 ? first : last) + between(random, -2, 2) + 2 ** 32) % 2 ** 32)
}

function ipv6(random: Random): string {
  const group = () => between(random, 0, 0xffff)
  const first = random() < 0.3 ? group() : oneOf(random, FIRST_GROUPS)
  const second =
    random() < 0.5 ? group() : oneOf(random, [0, 2, 0x4f, 0xdb7, 0xdb8, 0xdb9, 0x1ff, 0x200, 0x4136, 0x7f00, 0xff9b])
  const third = random() < 0.5 ? group() : oneOf(random, [0, 1, 0x7fff, 0x8000, 0x8001])
  const groups = [first, second, third, ...Array.from({ length: 5 }, group)]
  return formatAddress(Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 0xff])))
}

function numberOf(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0)
}

function textOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

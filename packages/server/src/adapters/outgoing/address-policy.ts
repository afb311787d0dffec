import {
  type AddressBytes,
  type AddressRange,
  formatAddress,
  isWithin,
  parseIPv4,
  parseIPv6,
  parseRange,
} from './address-ranges.ts'

/** Where an environment may send to. Treated as immutable: a changed policy is a new object. */
export type AddressPolicy = {
  /** Plain `http`, and its ports, for every target. */
  httpAllowed: boolean
  /** Exact `address:port` pairs on loopback (`127.0.0.1:3000`, `[::1]:3000`) that may be reached, by `http` too. */
  loopbackReceivers: ReadonlySet<string>
  /** The operator's own ranges, CIDR: egress, load balancers, VPC, cluster. */
  refusedRanges: readonly string[]
  /** Names this service answers to; they and what is under them are refused. */
  ownNames: readonly string[]
}

/** What a URL points to: an address written out (`allowed` already), or a name to be resolved at each attempt. */
export type Host = { kind: 'address'; address: string } | { kind: 'name'; name: string }

export type UrlCheck =
  | { ok: true; url: URL; canonical: string; host: Host; port: number; secure: boolean }
  | { ok: false; reason: string }

/** All that an account is told of a refused target; which range or name it was is for operators. */
export const ADDRESS_NOT_ALLOWED = 'address not allowed'

const URL_BYTES_MAX = 2048
const NAME_BYTES_MAX = 253
const PRINTABLE_ASCII = /^[\x21-\x7e]+$/
const LABEL = /^[a-z0-9_-]{1,63}$/
const NUMERIC_LABEL = /^([0-9]+|0x[0-9a-f]*)$/
const HTTPS_PORTS: ReadonlySet<number> = new Set([443, 8443])
const HTTP_PORTS: ReadonlySet<number> = new Set([80, 8080, 443, 8443])

const REFUSED_NAMES = [
  'localhost',
  'local',
  'internal',
  'home.arpa',
  'lan',
  'intranet',
  'corp',
  'arpa',
  'onion',
  'test',
  'invalid',
  'example',
]

export const REFUSED_IPV4: readonly string[] = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by carriers
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local; metadata services
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, broadcast
  '168.63.129.16/32', // a cloud's host service on a public address
]

/** IANA's allocated unicast: IPv6 is refused unless it lies here, so that new special ranges start out refused. */
export const ALLOWED_IPV6: readonly string[] = [
  '2001:200::/23',
  '2001:400::/23',
  '2001:600::/23',
  '2001:800::/22',
  '2001:c00::/23',
  '2001:e00::/23',
  '2001:1200::/23',
  '2001:1400::/22',
  '2001:1800::/23',
  '2001:1a00::/23',
  '2001:1c00::/22',
  '2001:2000::/19',
  '2001:4000::/23',
  '2001:4200::/23',
  '2001:4400::/23',
  '2001:4600::/23',
  '2001:4800::/23',
  '2001:4a00::/23',
  '2001:4c00::/23',
  '2001:5000::/20',
  '2001:8000::/19',
  '2001:a000::/20',
  '2001:b000::/20',
  '2003::/18',
  '2400::/12',
  '2410::/12',
  '2600::/12',
  '2610::/23',
  '2620::/23',
  '2630::/12',
  '2800::/12',
  '2a00::/12',
  '2a10::/12',
  '2c00::/12',
]

export const REFUSED_IPV6: readonly string[] = [
  '2001:db8::/32', // documentation
  '2620:4f:8000::/48', // AS112
]

const refusedIPv4 = REFUSED_IPV4.map(parseRange)
const allowedIPv6 = ALLOWED_IPV6.map(parseRange)
const refusedIPv6 = REFUSED_IPV6.map(parseRange)
const loopback = ['127.0.0.0/8', '::1/128'].map(parseRange)

/**
 * Is this an address of the public Internet that may be connected to? Looks at the bytes alone.
 * @param bytes 4 (IPv4) or 16 (IPv6); any other length is refused
 * @param operatorRanges refused besides the built-in ones
 * @see IANA's IPv4 and IPv6 special-purpose registries and the IPv6 global unicast registry
 */
export function isAddressAllowed(bytes: AddressBytes, operatorRanges: readonly AddressRange[] = []): boolean {
  if (isWithin(bytes, operatorRanges)) return false
  if (bytes.length === 4) return !isWithin(bytes, refusedIPv4)
  return bytes.length === 16 && isWithin(bytes, allowedIPv6) && !isWithin(bytes, refusedIPv6)
}

type ReadPolicy = { refusedRanges: readonly AddressRange[]; refusedNames: readonly string[] }
const readPolicies = new WeakMap<AddressPolicy, ReadPolicy>()

/** @throws TypeError for a `refusedRanges` entry that is no range: a mistake of the operator, found at start */
export function readPolicy(policy: AddressPolicy): ReadPolicy {
  const known = readPolicies.get(policy)
  if (known) return known
  const read = {
    refusedRanges: policy.refusedRanges.map(parseRange),
    refusedNames: [...REFUSED_NAMES, ...policy.ownNames.map((name) => name.toLowerCase())],
  }
  readPolicies.set(policy, read)
  return read
}

/**
 * Everything that can be said of a URL without asking the network; called when it is saved and at every attempt.
 * @returns the parsed URL and its canonical text, which is what is stored; or a sentence for the 422
 */
export function checkUrl(raw: string, policy: AddressPolicy): UrlCheck {
  const fault = findTextFault(raw)
  if (fault !== undefined) return refuse(fault)
  if (!URL.canParse(raw)) return refuse('The URL cannot be read.')
  const url = new URL(raw)
  const canonical = url.href
  if (canonical.length > URL_BYTES_MAX) return refuse('The URL must have at most 2,048 bytes.')
  if (url.username !== '' || url.password !== '') return refuse('The URL must not hold a user name or password.')

  const secure = url.protocol === 'https:'
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port)
  const literal = url.hostname.startsWith('[') ? parseIPv6(url.hostname.slice(1, -1)) : parseNumericHost(url.hostname)
  if (literal && policy.loopbackReceivers.has(`${url.hostname}:${port}`) && isWithin(literal, loopback)) {
    return { ok: true, url, canonical, host: { kind: 'address', address: formatAddress(literal) }, port, secure }
  }

  if (!secure && !policy.httpAllowed) return refuse('The URL must start with https://.')
  if (!(secure ? HTTPS_PORTS : HTTP_PORTS).has(port)) {
    return refuse(secure ? 'The port must be 443 or 8443.' : 'The port must be 80, 8080, 443 or 8443.')
  }
  if (literal) {
    if (!isAddressAllowed(literal, readPolicy(policy).refusedRanges)) return refuse(ADDRESS_NOT_ALLOWED)
    return { ok: true, url, canonical, host: { kind: 'address', address: formatAddress(literal) }, port, secure }
  }
  const nameFault = findNameFault(url.hostname, policy)
  if (nameFault !== undefined) return refuse(nameFault)
  return { ok: true, url, canonical, host: { kind: 'name', name: url.hostname }, port, secure }
}

/** Looks at the text before the parser does, since the parser removes and repairs what it does not like. */
function findTextFault(raw: string): string | undefined {
  if (Buffer.byteLength(raw) > URL_BYTES_MAX) return 'The URL must have at most 2,048 bytes.'
  if (!PRINTABLE_ASCII.test(raw)) {
    return 'The URL must be printable ASCII without white space; write an international name in its xn-- form.'
  }
  if (raw.includes('\\')) return 'The URL must not hold a backslash.'
  const scheme = ['https://', 'http://'].find((start) => raw.startsWith(start))
  if (scheme === undefined) return 'The URL must start with https://.'
  const authority = raw.slice(scheme.length).split(/[/?#]/, 1)[0] ?? ''
  if (authority === '') return 'The URL must name a host after its two slashes.'
  if (authority.includes('@')) return 'The URL must not hold a user name or password.'
  return undefined
}

/** The parser has turned every legacy spelling of an IPv4 address into the dotted one. */
function parseNumericHost(hostname: string): AddressBytes | undefined {
  return isNumeric(hostname) ? parseIPv4(hostname) : undefined
}

function isNumeric(hostname: string): boolean {
  return NUMERIC_LABEL.test(hostname.slice(hostname.lastIndexOf('.') + 1))
}

function findNameFault(name: string, policy: AddressPolicy): string | undefined {
  const labels = name.split('.')
  if (
    name.length > NAME_BYTES_MAX ||
    labels.length < 2 ||
    isNumeric(name) ||
    !labels.every((label) => LABEL.test(label))
  ) {
    return 'The host must be a full domain name, without a dot at its end, or an IP address.'
  }
  const isRefused = readPolicy(policy).refusedNames.some((refused) => name === refused || name.endsWith(`.${refused}`))
  return isRefused ? ADDRESS_NOT_ALLOWED : undefined
}

function refuse(reason: string): UrlCheck {
  return { ok: false, reason }
}

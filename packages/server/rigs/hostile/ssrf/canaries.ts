/** A range that nothing may be sent to, and an address in it that the rig points endpoints and names to. */
export type Canary = { range: string; address: string }

/**
 * Ranges that the kernel would send TCP to, each of which gets a link of its own whose packets are counted. Multicast, broadcast
 * and link-local IPv6 are refused by the kernel itself; loopback is counted where it is.
 */
export const CANARIES: readonly Canary[] = [
  { range: '0.0.0.0/8', address: '0.1.2.3' },
  { range: '10.0.0.0/8', address: '10.20.30.40' },
  { range: '100.64.0.0/10', address: '100.100.100.200' },
  { range: '169.254.0.0/16', address: '169.254.169.254' },
  { range: '172.16.0.0/12', address: '172.17.0.1' },
  { range: '192.0.0.0/24', address: '192.0.0.192' },
  { range: '192.0.2.0/24', address: '192.0.2.80' },
  { range: '192.31.196.0/24', address: '192.31.196.80' },
  { range: '192.52.193.0/24', address: '192.52.193.80' },
  { range: '192.88.99.0/24', address: '192.88.99.80' },
  { range: '192.168.0.0/16', address: '192.168.1.1' },
  { range: '192.175.48.0/24', address: '192.175.48.80' },
  { range: '198.18.0.0/15', address: '198.19.1.1' },
  { range: '198.51.100.0/24', address: '198.51.100.80' },
  { range: '203.0.113.0/24', address: '203.0.113.80' },
  { range: '240.0.0.0/4', address: '250.1.2.3' },
  { range: '168.63.129.16/32', address: '168.63.129.16' },
  { range: '::/96', address: '::a0b:c0d' },
  { range: '64:ff9b::/96', address: '64:ff9b::a9fe:a9fe' },
  { range: '64:ff9b:1::/48', address: '64:ff9b:1::1' },
  { range: '100::/64', address: '100::1' },
  { range: '2001::/23', address: '2001:0:4136:e378::1' },
  { range: '2001:db8::/32', address: '2001:db8::80' },
  { range: '2002::/16', address: '2002:a9fe:a9fe::1' },
  { range: '2620:4f:8000::/48', address: '2620:4f:8000::80' },
  { range: '3ffe::/16', address: '3ffe::1' },
  { range: '3fff::/20', address: '3fff::1' },
  { range: '5f00::/16', address: '5f00::1' },
  { range: 'fc00::/7', address: 'fd00:ec2::254' },
  { range: 'fec0::/10', address: 'fec0::1' },
  { range: '4000::/3', address: '4000::1' },
  { range: '8000::/1', address: '8000::1' },
]

/** On the service's own side: its loopback, and what the kernel takes for it. */
export const LOOPBACK: readonly string[] = ['127.0.0.1', '127.200.1.1', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1']

/** What the kernel would not send TCP to; the service must not try. */
export const UNSENDABLE: readonly string[] = ['224.0.0.1', '255.255.255.255', 'ff02::1', 'fe80::1']

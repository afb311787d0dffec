import { generateKeyPairSync, sign } from 'node:crypto'

export type OwnCertificate = { cert: string; key: string }

const ECDSA_SHA256 = tlv(0x30, oid('2a8648ce3d040302'))
const COMMON_NAME = oid('550403')
const SUBJECT_ALT_NAME = oid('551d11')
const LOOPBACK = tlv(0x87, Buffer.from([127, 0, 0, 1]))

/** A certificate for 127.0.0.1 that is trusted where it is given as an authority, and ends when a test says; to the second. */
export function ownCertificate(name: string, endsAt: Date): OwnCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const who = tlv(0x30, tlv(0x31, tlv(0x30, COMMON_NAME, tlv(0x0c, Buffer.from(name)))))
  const names = tlv(0x30, SUBJECT_ALT_NAME, tlv(0x04, tlv(0x30, LOOPBACK)))
  const signed = tlv(
    0x30,
    tlv(0xa0, tlv(0x02, Buffer.from([2]))), // version 3
    tlv(0x02, Buffer.from([1])),
    ECDSA_SHA256,
    who,
    tlv(0x30, utcTime(new Date('2020-01-01T00:00:00Z')), utcTime(endsAt)),
    who,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, tlv(0x30, names)),
  )
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', signed, privateKey))
  const der = tlv(0x30, signed, ECDSA_SHA256, signature)
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** One value of DER: its tag, its length, what is in it. Source: ITU-T X.690, 8.1 */
function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function oid(hex: string): Buffer {
  return tlv(0x06, Buffer.from(hex, 'hex'))
}

/** Before 2050. */
function utcTime(at: Date): Buffer {
  return tlv(0x17, Buffer.from(`${at.toISOString().slice(2, 19).replaceAll(/[-T:]/g, '')}Z`))
}

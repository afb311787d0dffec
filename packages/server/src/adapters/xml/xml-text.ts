import { isUtf8 } from 'node:buffer'
import { XmlRefused } from './xml-refused.ts'

type Encoding = 'utf8' | 'latin1'

const ENCODINGS: Readonly<Record<string, Encoding>> = {
  'utf-8': 'utf8',
  'us-ascii': 'utf8',
  'iso-8859-1': 'latin1',
  latin1: 'latin1',
}
/** An XML declaration that is longer is none. */
const DECLARATION_BYTES_MAX = 1024
const DECLARATION = Buffer.from('<?xml')
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
const NOTHING: Buffer = Buffer.alloc(0)
const DECLARED_ENCODING = /^<\?xml[^>]*?[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][A-Za-z0-9._-]*)["']/

/**
 * The text of an XML document from its bytes, however they are cut. UTF-8, US-ASCII and ISO-8859-1; the encoding is that of
 * the byte order mark, else of the header, else of the declaration, else UTF-8 (RFC 7303, 3). Holds back at most 1 KiB.
 */
export class XmlText {
  #encoding: Encoding | undefined
  #rest = NOTHING
  readonly #charset: string | undefined

  /** @param charset of the content type's header, if it has one. @throws XmlRefused for one that is not read here */
  constructor(charset?: string) {
    this.#charset = charset
    if (charset !== undefined) encodingOf(charset)
  }

  get heldBytes(): number {
    return this.#rest.length
  }

  /** @throws XmlRefused when the bytes are not of the encoding, or that is not read here */
  decode(bytes: Uint8Array): string {
    const all = this.#rest.length === 0 ? asBuffer(bytes) : Buffer.concat([this.#rest, bytes])
    if (this.#encoding === undefined) {
      if (!startsClearly(all)) {
        this.#rest = Buffer.from(all)
        return ''
      }
      this.#encoding = this.#encodingAtStart(all)
      return this.#decode(all.subarray(hasByteOrderMark(all) ? BYTE_ORDER_MARK.length : 0))
    }
    return this.#decode(all)
  }

  /** What was held back. @throws XmlRefused when a character is cut off */
  end(): string {
    const rest = this.#rest
    this.#rest = NOTHING
    if (rest.length === 0) return ''
    if (this.#encoding !== undefined) throw new XmlRefused('encoding')
    this.#encoding = this.#encodingAtStart(rest)
    return this.#whole(rest.subarray(hasByteOrderMark(rest) ? BYTE_ORDER_MARK.length : 0))
  }

  #encodingAtStart(bytes: Buffer): Encoding {
    if (hasByteOrderMark(bytes)) return 'utf8'
    if (this.#charset !== undefined) return encodingOf(this.#charset)
    const declared = DECLARED_ENCODING.exec(bytes.toString('latin1', 0, DECLARATION_BYTES_MAX))?.[1]
    return declared === undefined ? 'utf8' : encodingOf(declared)
  }

  #decode(bytes: Buffer): string {
    const heldBack = this.#encoding === 'latin1' ? 0 : unfinishedBytes(bytes)
    // a copy: what is held must not keep the whole chunk alive
    this.#rest = heldBack === 0 ? NOTHING : Buffer.from(bytes.subarray(bytes.length - heldBack))
    return this.#whole(bytes.subarray(0, bytes.length - heldBack))
  }

  #whole(bytes: Buffer): string {
    if (this.#encoding === 'latin1') return bytes.toString('latin1')
    if (!isUtf8(bytes)) throw new XmlRefused('encoding')
    return bytes.toString('utf8')
  }
}

function encodingOf(name: string): Encoding {
  const encoding = Object.hasOwn(ENCODINGS, name.toLowerCase()) ? ENCODINGS[name.toLowerCase()] : undefined
  if (encoding === undefined) throw new XmlRefused('encoding')
  return encoding
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function hasByteOrderMark(bytes: Buffer): boolean {
  return bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
}

/** Is there enough to tell the encoding: the whole declaration, or that there is none? */
function startsClearly(bytes: Buffer): boolean {
  if (bytes.length < BYTE_ORDER_MARK.length) return false
  const start = bytes.subarray(0, DECLARATION.length)
  if (!start.equals(DECLARATION.subarray(0, start.length))) return true
  return bytes.length >= DECLARATION_BYTES_MAX || bytes.includes('>')
}

/** How many bytes at the end are the start of one UTF-8 character whose rest has not come. */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0
  }
  return 0
}

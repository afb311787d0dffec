import { XmlReader } from '#src/adapters/xml/xml-reader.ts'
import { broken } from './alert-report.ts'
import { Base64Stream } from './base64-stream.ts'

/** What an answer of the alert service says: `report` names the part that has the report, or has it in itself. */
export type SoapAnswer =
  | { kind: 'fault'; code: string; message: string }
  | { kind: 'report'; contentId: string }
  | { kind: 'report'; inline: true }
  | { kind: 'done' }

const [LESS, GREATER] = [0x3c, 0x3e]
const TEXT_CHARS_MAX = 1000

/** Reads an envelope (SOAP 1.1) as it comes. The bytes of a report inside it go to `onInline` while they come. */
export class SoapAnswerReader {
  readonly #reader: XmlReader
  readonly #onInline: (bytes: Buffer) => void
  readonly #base64 = new Base64Stream()
  readonly #path: string[] = []
  #fault: { code: string; message: string } | undefined
  #contentId: string | undefined
  #isInline = false
  #inReport = false
  #text = ''

  /** @param charset of the content type's header, if it has one */
  constructor(charset: string | undefined, onInline: (bytes: Buffer) => void) {
    this.#onInline = onInline
    this.#reader = new XmlReader(
      {
        open: (name, attributes) => this.#open(name, attributes),
        text: (text) => this.#addText(text),
        close: (name) => this.#close(name),
      },
      charset,
    )
  }

  get held(): number {
    return this.#reader.held
  }

  /** Where the report is, as soon as that is known. */
  get report(): { contentId: string } | 'inline' | undefined {
    if (this.#contentId !== undefined) return { contentId: this.#contentId }
    return this.#isInline ? 'inline' : undefined
  }

  /** @throws ReportBroken, XmlRefused, and what `onInline` throws */
  write(bytes: Buffer): void {
    for (let start = 0; start < bytes.length; )
      start = this.#inReport ? this.#readReport(bytes, start) : this.#readXml(bytes, start)
  }

  /** @throws ReportBroken, XmlRefused also when the envelope is not complete */
  end(): SoapAnswer {
    this.#reader.end()
    if (this.#fault !== undefined) return { kind: 'fault', ...this.#fault }
    if (this.#contentId !== undefined) return { kind: 'report', contentId: this.#contentId }
    return this.#isInline ? { kind: 'report', inline: true } : { kind: 'done' }
  }

  /** Tag by tag, so that the text of a report, which can be of any length, is never the XML reader's. */
  #readXml(bytes: Buffer, start: number): number {
    const greater = bytes.indexOf(GREATER, start)
    const end = greater < 0 ? bytes.length : greater + 1
    this.#reader.write(bytes.subarray(start, end))
    return end
  }

  #readReport(bytes: Buffer, start: number): number {
    const less = bytes.indexOf(LESS, start)
    const end = less < 0 ? bytes.length : less
    const decoded = this.#base64.decode(bytes.toString('latin1', start, end))
    if (decoded === undefined) throw broken('no base64')
    if (decoded.length > 0) {
      this.#isInline = true
      this.#onInline(decoded)
    }
    if (less >= 0) this.#inReport = false
    return end
  }

  #open(name: string, attributes: Readonly<Record<string, string>>): void {
    const depth = this.#path.push(name)
    this.#text = ''
    if (depth === 1 && name !== 'Envelope') throw broken('a foreign answer')
    if (depth === 3 && name === 'Fault') this.#fault = { code: '', message: '' }
    if (name === 'alertsReport') this.#inReport = true
    if (name === 'Include' && this.#path.at(-2) === 'alertsReport') this.#contentId = contentIdOf(attributes.href ?? '')
  }

  #addText(text: string): void {
    // what a comment or the like has cut off from the rest
    if (this.#path.at(-1) === 'alertsReport' && text.trim() !== '') throw broken('no base64')
    if (this.#text.length < TEXT_CHARS_MAX) this.#text += text
  }

  #close(name: string): void {
    this.#path.pop()
    if (name === 'alertsReport' && !this.#base64.isWhole) throw broken('no base64')
    if (this.#fault === undefined || !this.#path.includes('detail')) return
    if (name === 'errorCode') this.#fault.code = this.#text.trim()
    if (name === 'message') this.#fault.message = this.#text.trim()
  }
}

/** The content id that a `cid:` URL names (RFC 2392), or '' for another URL. */
function contentIdOf(href: string): string {
  if (!/^cid:/i.test(href)) return ''
  try {
    return decodeURIComponent(href.slice('cid:'.length))
  } catch {
    return ''
  }
}

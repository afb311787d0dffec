import { SaxesParser } from 'saxes'
import { XmlRefused } from './xml-refused.ts'
import { XmlText } from './xml-text.ts'

/** Names come without their prefix; a text can come in several pieces. */
export type XmlHandler = {
  open(name: string, attributes: Readonly<Record<string, string>>): void
  text(text: string): void
  close(name: string): void
}

/** One tag or text, with the comments before it: what the parser may have to hold. */
const ITEM_CHARS_MAX = 1_048_576
const DEPTH_MAX = 100
/** Characters between two looks at the bounds. */
const SLICE_CHARS = 16_384

/**
 * Reads one XML document as it comes: strictly well-formed, without document types (so the only entities are the five of
 * XML and characters), and within bounds. After a refusal nothing more may be written. Errors of the handler pass through.
 */
export class XmlReader {
  readonly #parser = new SaxesParser({ xmlns: false, position: false })
  readonly #text: XmlText
  #depth = 0
  #itemChars = 0

  /** @param charset of the content type's header, if it has one */
  constructor(handler: XmlHandler, charset?: string) {
    this.#text = new XmlText(charset)
    // no more handlers than needed: with eight of them V8 makes the parser a slow object, and reading takes five times as long
    const parser = this.#parser
    parser.on('opentag', (tag) => {
      this.#itemChars = 0
      this.#depth += 1
      if (this.#depth > DEPTH_MAX) throw new XmlRefused('too deep')
      handler.open(localName(tag.name), tag.attributes)
    })
    parser.on('closetag', (tag) => {
      this.#itemChars = 0
      this.#depth -= 1
      handler.close(localName(tag.name))
    })
    const onText = (text: string) => {
      this.#itemChars = 0
      if (this.#depth > 0) handler.text(text)
    }
    parser.on('text', onText)
    parser.on('cdata', onText)
    parser.on('doctype', () => {
      throw new XmlRefused('a document type')
    })
    // its message quotes the document
    parser.on('error', () => {
      throw new XmlRefused('not well-formed')
    })
  }

  /** What is held of the document, at most, in characters or bytes. */
  get held(): number {
    return this.#itemChars + this.#text.heldBytes
  }

  /** @throws XmlRefused */
  write(bytes: Uint8Array): void {
    this.#read(this.#text.decode(bytes))
  }

  /** @throws XmlRefused also when the document is not complete */
  end(): void {
    this.#read(this.#text.end())
    this.#parser.close()
  }

  #read(text: string): void {
    for (let start = 0; start < text.length; start += SLICE_CHARS) {
      const slice = text.length <= SLICE_CHARS ? text : text.slice(start, start + SLICE_CHARS)
      this.#itemChars += slice.length
      this.#parser.write(slice)
      if (this.#itemChars > ITEM_CHARS_MAX) throw new XmlRefused('too large an item')
    }
  }
}

function localName(name: string): string {
  const colon = name.indexOf(':')
  return colon < 0 ? name : name.slice(colon + 1)
}

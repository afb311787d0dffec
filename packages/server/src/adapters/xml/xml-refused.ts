/** Why a document is not read; words without anything of the document. */
export type XmlRefusal = 'not well-formed' | 'a document type' | 'too large an item' | 'too deep' | 'encoding'

export class XmlRefused extends Error {
  readonly reason: XmlRefusal

  constructor(reason: XmlRefusal) {
    super(`XML: ${reason}`)
    this.name = 'XmlRefused'
    this.reason = reason
  }
}

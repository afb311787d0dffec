import { type ContentType, parseContentType } from '#src/adapters/multipart/content-type.ts'
import { MultipartBroken, MultipartReader, type PartHeaders } from '#src/adapters/multipart/multipart-reader.ts'
import { XmlRefused } from '#src/adapters/xml/xml-refused.ts'
import type { Npn } from '#src/population/npn.ts'
import { AlertReportReader, broken } from './alert-report.ts'
import { Base64Stream } from './base64-stream.ts'
import { type AlertKind, ReportBroken } from './feed.ts'
import { NpnList } from './npn-list.ts'
import { type SoapAnswer, SoapAnswerReader } from './soap-answer.ts'

/** Parts that can be a report while the envelope, which says which one is, has not come. */
const CANDIDATES_MAX = 4

/**
 * One answer to `receiveSpecificReportForSubscription`, read as it comes: an envelope alone, or a multipart message (MTOM,
 * XOP) with its parts in any order. A report that comes before its envelope is read at once; its NPNs wait for the envelope.
 */
export class AlertAnswerReader {
  readonly #kind: AlertKind
  readonly #soap: SoapAnswerReader
  readonly #body: { write(bytes: Buffer): void; end(): void; held: () => number }
  readonly #candidates: Candidate[] = []
  #inline: Candidate | undefined
  #answer: SoapAnswer | undefined
  #part: { write(bytes: Buffer): void; end(): void } | undefined
  #partsRead = 0

  /** @param contentType the header's value. @throws ReportBroken when it is nothing that an answer can be */
  constructor(contentType: string, kind: AlertKind) {
    this.#kind = kind
    const { type, parameters } = parseContentType(contentType)
    const isMultipart = type === 'multipart/related'
    this.#soap = new SoapAnswerReader(isMultipart ? undefined : parameters.get('charset'), (bytes) =>
      this.#readInline(bytes),
    )
    this.#body = explained(() => (isMultipart ? this.#multipart(parameters) : this.#envelope(type)))
  }

  /** The answer's envelope, once it has been read whole. */
  get answer(): SoapAnswer | undefined {
    return this.#answer
  }

  /** Is it certain that NPNs which `take` gives are those of the report? */
  get isReport(): boolean {
    return this.#report() !== undefined
  }

  /** What is held besides NPNs, in bytes or characters. */
  get held(): number {
    return (
      this.#body.held() +
      this.#soap.held +
      sum(this.#candidates.map((candidate) => candidate.held)) +
      (this.#inline?.held ?? 0)
    )
  }

  /** @throws ReportBroken */
  write(bytes: Buffer): void {
    explained(() => this.#body.write(bytes))
    this.#report()?.throwIfBroken()
  }

  /** Everything has come. @throws ReportBroken when it is not a whole answer with a whole report or a fault */
  end(): SoapAnswer {
    explained(() => this.#body.end())
    if (this.#answer === undefined) throw broken('an answer without envelope')
    if (this.#answer.kind === 'report') {
      this.#inline?.end()
      const report = this.#report()
      if (report === undefined) throw broken('an answer without report')
      report.throwIfBroken()
    }
    return this.#answer
  }

  /** The report's NPNs that have come since. */
  *take(): Generator<Npn[], void, void> {
    const report = this.#report()
    if (report !== undefined) yield* report.npns.take()
  }

  #report(): Candidate | undefined {
    const report = this.#soap.report
    if (report === undefined) return undefined
    return report === 'inline' ? this.#inline : this.#candidates.find(({ id }) => id === report.contentId)
  }

  #envelope(type: string) {
    if (type !== 'text/xml' && type !== 'application/xml' && type !== 'application/soap+xml')
      throw broken('a foreign answer')
    const soap = this.#soapPart()
    return { ...soap, held: () => 0 }
  }

  #multipart(parameters: ContentType['parameters']) {
    const root = contentId(parameters.get('start'))
    const reader = new MultipartReader(parameters.get('boundary') ?? '', {
      partStart: (headers) => {
        this.#part = this.#openPart(headers, root)
        this.#partsRead += 1
      },
      partData: (bytes) => this.#part?.write(bytes),
      partEnd: () => {
        this.#part?.end()
        this.#part = undefined
      },
    })
    return { write: (bytes: Buffer) => reader.write(bytes), end: () => reader.end(), held: () => reader.heldBytes }
  }

  #openPart(headers: PartHeaders, root: string | undefined) {
    const id = contentId(headers.get('content-id'))
    const isRoot = root === undefined ? this.#partsRead === 0 : id === root
    if (isRoot && this.#answer === undefined) return decoded(headers, this.#soapPart())
    const report = this.#soap.report
    if (id === undefined || report === 'inline' || (report !== undefined && report.contentId !== id)) return undefined
    if (this.#candidates.some((other) => other.id === id)) throw broken('two parts of one name')
    if (this.#candidates.length === CANDIDATES_MAX) throw broken('too many parts')
    const candidate = new Candidate(
      id,
      this.#kind,
      parseContentType(headers.get('content-type') ?? '').parameters.get('charset'),
    )
    this.#candidates.push(candidate)
    return decoded(headers, candidate)
  }

  #soapPart() {
    return {
      write: (bytes: Buffer) => this.#soap.write(bytes),
      end: () => {
        this.#answer = this.#soap.end()
      },
    }
  }

  #readInline(bytes: Buffer): void {
    this.#inline ??= new Candidate('', this.#kind, undefined)
    this.#inline.write(bytes)
    this.#inline.throwIfBroken()
  }
}

/** A part that is, or may turn out to be, the report: what is wrong with it counts only if it is. */
class Candidate {
  readonly id: string
  readonly npns = new NpnList()
  readonly #reader: AlertReportReader | undefined
  #broken: ReportBroken | undefined

  constructor(id: string, kind: AlertKind, charset: string | undefined) {
    this.id = id
    try {
      this.#reader = new AlertReportReader(kind, charset, this.npns)
    } catch (error) {
      this.#broken = brokenBy(error)
    }
  }

  get held(): number {
    return this.#reader?.held ?? 0
  }

  write(bytes: Buffer): void {
    this.#try(() => this.#reader?.write(bytes))
  }

  end(): void {
    this.#try(() => this.#reader?.end())
  }

  throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  #try(action: () => void): void {
    if (this.#broken !== undefined) return
    try {
      action()
    } catch (error) {
      this.#broken = brokenBy(error)
    }
  }
}

/** A part as its transfer encoding says (RFC 2045, 6): as it is, or base64. */
function decoded(headers: PartHeaders, part: { write(bytes: Buffer): void; end(): void }) {
  const encoding = (headers.get('content-transfer-encoding') ?? 'binary').toLowerCase()
  if (['binary', '8bit', '7bit'].includes(encoding)) return part
  if (encoding !== 'base64') throw broken('transfer encoding')
  const base64 = new Base64Stream()
  return {
    write: (bytes: Buffer) => {
      const plain = base64.decode(bytes.toString('latin1'))
      if (plain === undefined) throw broken('no base64')
      part.write(plain)
    },
    end: () => {
      if (!base64.isWhole) throw broken('no base64')
      part.end()
    },
  }
}

/** Without its angle brackets. */
function contentId(value: string | undefined): string | undefined {
  return value?.trim().replace(/^<(.*)>$/, '$1')
}

/** What the readers refuse is a broken report; anything else is a bug. */
function explained<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    throw brokenBy(error)
  }
}

function brokenBy(error: unknown): ReportBroken {
  if (error instanceof ReportBroken) return error
  if (error instanceof XmlRefused || error instanceof MultipartBroken) return broken(error.message)
  throw error
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

import { type XmlHandler, XmlReader } from '#src/adapters/xml/xml-reader.ts'
import { parseNpn } from '#src/population/npn.ts'
import { type AlertKind, ReportBroken } from './feed.ts'
import type { NpnList } from './npn-list.ts'

const ROOTS: Readonly<Record<AlertKind, string>> = {
  LICENSING: 'LicensingReportProcessResult',
  APPOINTMENTS: 'AppointmentsReportProcessResult',
  RIRS: 'RIRSReportProcessResult',
  DEMOGRAPHICS: 'DemographicsReportProcessResult',
}
const NPN_TYPE = 'NAICProducerCode'
const BAD_STATUS = /error|fail|reject/i
const CODE_CHARS_MAX = 1000

/** Reads one alert report as it comes, and takes the one thing that counts: whose data changed. Source: producersync-api 11. */
export class AlertReportReader {
  readonly #reader: XmlReader

  /** @param charset of the content type's header, if it has one. @param npns is filled while reading */
  constructor(kind: AlertKind, charset: string | undefined, npns: NpnList) {
    this.#reader = new XmlReader(new AlertReport(kind, npns), charset)
  }

  get held(): number {
    return this.#reader.held
  }

  /** @throws ReportBroken, XmlRefused */
  write(bytes: Uint8Array): void {
    this.#reader.write(bytes)
  }

  /** @throws ReportBroken, XmlRefused also when the report is not complete */
  end(): void {
    this.#reader.end()
  }
}

class AlertReport implements XmlHandler {
  readonly #kind: AlertKind
  readonly #npns: NpnList
  readonly #path: string[] = []
  /** Of the identifier that is being read. */
  #identifier: { type: string; id: string } | undefined
  #text: string | undefined

  constructor(kind: AlertKind, npns: NpnList) {
    this.#kind = kind
    this.#npns = npns
  }

  open(name: string): void {
    const parent = this.#path.at(-1)
    if (parent === undefined && name !== ROOTS[this.#kind]) throw broken('a foreign report')
    if (name === 'ExternalIdentifier') this.#identifier = { type: '', id: '' }
    this.#text = isRead(name, parent) ? '' : undefined
    this.#path.push(name)
  }

  text(text: string): void {
    if (this.#text !== undefined && this.#text.length < CODE_CHARS_MAX) this.#text += text
  }

  close(name: string): void {
    this.#path.pop()
    const text = this.#text?.trim()
    this.#text = undefined
    if (text !== undefined && name === 'StatusCode' && BAD_STATUS.test(text)) throw broken('an error report')
    if (name === 'ExternalIdentifier') this.#closeIdentifier()
    if (text === undefined || this.#identifier === undefined) return
    if (name === 'TypeCode') this.#identifier.type = text
    if (name === 'Id') this.#identifier.id = text
  }

  #closeIdentifier(): void {
    const identifier = this.#identifier
    this.#identifier = undefined
    const npn = identifier?.type === NPN_TYPE ? parseNpn(identifier.id) : undefined
    if (npn !== undefined && !this.#npns.add(npn)) throw broken('too many producers')
  }
}

/** Which elements' texts count: those of an identifier, and the status of the message (not of licenses). */
function isRead(name: string, parent: string | undefined): boolean {
  if (name === 'StatusCode') return parent === 'MessageResult' || parent === 'MessageDocumentResult'
  return parent === 'ExternalIdentifier' && (name === 'TypeCode' || name === 'Id')
}

export function broken(cause: string): ReportBroken {
  return new ReportBroken({ kind: 'failed', retry: true, refused: false, cause })
}

import { type XmlHandler, XmlReader } from '#src/adapters/xml/xml-reader.ts'
import { XmlRefused } from '#src/adapters/xml/xml-refused.ts'
import type { Npn } from '#src/population/npn.ts'
import { DETAIL_REPORT, OWN_TEXT, type Place, type RowKind } from './detail-places.ts'
import {
  type Fields,
  toAddress,
  toAppointment,
  toContactInfos,
  toEntity,
  toLicense,
  toLicenseLoa,
  toOtherName,
  toRegulatoryAction,
} from './detail-rows.ts'
import type { FeedFailure, ProducerReport, ReportedLicenseLoa } from './feed.ts'
import { normaliseState, normaliseText } from './normalise.ts'

/** A larger report is a failure. */
export const DETAIL_BYTES_MAX = 64 * 1024 * 1024

const UNKNOWN = /not found|no record|no match/i

export type DetailAnswer = { kind: 'report'; producer: ProducerReport } | { kind: 'unknown' } | FeedFailure

/** Reads one detail report (PDB XML) as it comes, and normalises it. Source: producersync-api 11. */
export class DetailReader {
  readonly #npn: Npn
  readonly #report: DetailReport
  readonly #reader: XmlReader | undefined
  #bytes = 0
  #failure: FeedFailure | undefined

  /** @param npn whose report was asked for. @param charset of the content type's header, if it has one */
  constructor(npn: Npn, charset: string | undefined) {
    this.#npn = npn
    this.#report = new DetailReport(npn)
    try {
      this.#reader = new XmlReader(this.#report, charset)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** @returns false when no more is wanted: the report is broken */
  write(bytes: Uint8Array): boolean {
    if (this.#failure !== undefined) return false
    this.#bytes += bytes.length
    if (this.#bytes > DETAIL_BYTES_MAX) this.#failure = failed('a report above 64 MiB', false)
    else this.#try(() => this.#reader?.write(bytes))
    return this.#failure === undefined
  }

  /** What the report says, once it has come whole. */
  end(): DetailAnswer {
    if (this.#failure === undefined) this.#try(() => this.#reader?.end())
    return this.#failure ?? this.#report.answer(this.#npn)
  }

  #try(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof XmlRefused) && !(error instanceof Foreign)) throw error
    this.#failure = failed(error.message)
  }
}

class Foreign extends Error {}

type MutableFields = Record<string, string | undefined>

class DetailReport implements XmlHandler {
  readonly #producer: ProducerReport
  readonly #warn = () => {
    this.#producer.warnings += 1
  }
  readonly #places: Place[] = []
  #place = DETAIL_REPORT
  /** Elements that we are in and that have no place. */
  #passedOver = 0
  #party: 'INDIVIDUAL' | 'FIRM' | undefined
  #partyCount = 0
  #state: string | null = null
  #text = ''
  /** Of the rows that are being read. */
  readonly #fields: Partial<Record<RowKind, MutableFields>> = {}
  #otherNameType: string | undefined
  #licenseLoas: ReportedLicenseLoa[] = []
  #isError = false
  #errorText = ''
  #npnInReport: string | null = null

  constructor(npn: Npn) {
    const entity = { ...toEntity('INDIVIDUAL', {}, () => {}), noLicenses: true }
    const rows = {
      addresses: [],
      contactInfos: [],
      otherNames: [],
      licenses: [],
      appointments: [],
      regulatoryActions: [],
    }
    this.#producer = { npn, entity, ...rows, warnings: 0 }
  }

  answer(npn: Npn): DetailAnswer {
    if (this.#isError) return UNKNOWN.test(this.#errorText) ? { kind: 'unknown' } : failed('an error report')
    if (this.#partyCount !== 1) return failed('a report without one producer')
    if (this.#npnInReport !== null && this.#npnInReport !== npn) return failed('a report of another producer')
    this.#producer.entity.noLicenses = this.#producer.licenses.length === 0
    return { kind: 'report', producer: this.#producer }
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#passedOver > 0) {
      this.#passedOver += 1
      return
    }
    const next = this.#place.children.get(name)
    if (next === undefined) {
      if (this.#places.length === 0) throw new Foreign('a foreign report')
      this.#passedOver = 1
      return
    }
    this.#places.push(this.#place)
    this.#place = next
    this.#text = ''
    if (next.party !== undefined) this.#openParty(next.party)
    if (next.hasState) this.#state = normaliseState(attributes.name)
    if (next.row !== undefined) this.#fields[next.row] = {}
    if (next.row === 'otherName') this.#otherNameType = attributes.type
    if (next.row === 'license') this.#licenseLoas = []
  }

  text(text: string): void {
    if (this.#passedOver === 0 && this.#place.field !== undefined) this.#text += text
  }

  close(name: string): void {
    if (this.#passedOver > 0) {
      this.#passedOver -= 1
      return
    }
    const { row, field } = this.#place
    this.#place = this.#places.pop() ?? DETAIL_REPORT
    if (field !== undefined) this.#closeField(field, row === undefined ? name : OWN_TEXT)
    if (row !== undefined) this.#closeRow(row)
  }

  #openParty(party: 'INDIVIDUAL' | 'FIRM'): void {
    this.#party = party
    this.#partyCount += 1
    this.#producer.entity = { ...toEntity(party, {}, () => {}), noLicenses: true }
  }

  #closeField(row: RowKind, name: string): void {
    const fields = this.#fields[row]
    if (fields === undefined || normaliseText(this.#text) === null) return
    // the actions of a state stand one after the other in it: the id starts the next
    if (row === 'regulatoryAction' && name === 'ACTION_ID' && fields.ACTION_ID !== undefined) {
      this.#closeRow(row)
      this.#fields[row] = { [name]: this.#text }
    } else fields[name] ??= this.#text
  }

  #closeRow(kind: RowKind): void {
    const fields = this.#fields[kind] ?? {}
    // an element without any value says nothing
    if (isEmpty(fields) && !(kind === 'license' && this.#licenseLoas.length > 0)) return
    this.#addRow(kind, fields)
  }

  #addRow(kind: RowKind, fields: Fields): void {
    const [producer, state, warn] = [this.#producer, this.#state, this.#warn]
    switch (kind) {
      case 'transaction':
        this.#isError ||= normaliseText(fields.TYPE)?.toLowerCase() === 'error'
        return
      case 'error':
        this.#errorText += ` ${normaliseText(fields.DESCRIPTION) ?? ''}`
        return
      case 'biographic':
        this.#npnInReport = normaliseText(fields.NPN)
        producer.entity = { ...toEntity(this.#party ?? 'INDIVIDUAL', fields, warn), noLicenses: true }
        return
      case 'otherName':
        producer.otherNames.push(...toOtherName(state, this.#otherNameType, fields[OWN_TEXT] ?? ''))
        return
      case 'address':
        producer.addresses.push(toAddress(state, fields, warn))
        return
      case 'contactInfo':
        producer.contactInfos.push(...toContactInfos(state, fields, warn))
        return
      case 'license':
        producer.licenses.push(toLicense(state, fields, this.#licenseLoas, warn))
        return
      case 'licenseLoa':
        this.#licenseLoas.push(toLicenseLoa(fields, warn))
        return
      case 'appointment':
        producer.appointments.push(toAppointment(state, fields, warn))
        return
      case 'regulatoryAction':
        producer.regulatoryActions.push(toRegulatoryAction(state, fields, warn))
        return
      default:
        kind satisfies never
    }
  }
}

function isEmpty(fields: Fields): boolean {
  for (const _ in fields) return false
  return true
}

function failed(cause: string, retry = true): FeedFailure {
  return { kind: 'failed', retry, refused: false, cause }
}

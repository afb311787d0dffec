/** A kind of row in a detail report; `fields` are those of its elements whose text is read. */
export type RowKind =
  | 'transaction'
  | 'error'
  | 'biographic'
  | 'otherName'
  | 'address'
  | 'contactInfo'
  | 'license'
  | 'licenseLoa'
  | 'appointment'
  | 'regulatoryAction'

/** An element of the report that is read; whatever has no place is passed over with all that is in it. */
export type Place = {
  children: ReadonlyMap<string, Place>
  /** A row of this kind starts and ends here. */
  row?: RowKind
  /** Its text is the field of its name in this kind of row. */
  field?: RowKind
  /** `@name` is the state of the rows in it. */
  hasState?: true
  /** INDIVIDUAL or FIRM. */
  party?: 'INDIVIDUAL' | 'FIRM'
}

/** The text of a row that has no elements. */
export const OWN_TEXT = '#text'

const transaction = row('transaction', ['TYPE'], { ERROR: row('error', ['DESCRIPTION']) })

// ID_SSN has no place: its text is never taken from the reader
const biographic = row(
  'biographic',
  ['NPN', 'NAME_FIRST', 'NAME_MIDDLE', 'NAME_LAST', 'NAME_SUFFIX', 'DATE_BIRTH', 'NAME_COMPANY', 'ID_FEIN', 'FEIN'],
  { OTHER_NAME: place({ STATE: state({ NAME: { ...row('otherName', []), field: 'otherName' } }) }) },
)

const address = row('address', [
  'DATE_UPDATED',
  'ADDR_TYPE',
  'ADDRESS_TYPE_CODE',
  'ADDR_LINE_1',
  'ADDR_LINE_2',
  'ADDR_LINE_3',
  'NAME_CITY',
  'NAME_STATE',
  'ZIP',
  'COUNTRY',
])

const contactInfo = row('contactInfo', [
  'BUSINESS_PHONE',
  'BUSINESS_PHONE_UPDATE_DATE',
  'BUSINESS_EMAIL',
  'BUSINESS_EMAIL_UPDATE_DATE',
  'FAX',
  'FAX_UPDATE_DATE',
])

const licenseLoa = row('licenseLoa', [
  'LOA',
  'LOA_CODE',
  'AUTHORITY_ISSUE_DATE',
  'STATUS',
  'STATUS_REASON',
  'STATUS_REASON_DATE',
  'CE_COMPLIANCE',
  'CE_RENEWAL_DATE',
  'CE_CREDITS_NEEDED',
])

const license = row(
  'license',
  [
    'LICENSE_NUM',
    'DATE_UPDATED',
    'DATE_ISSUE_LICENSE_ORIG',
    'DATE_EXPIRE_LICENSE',
    'LICENSE_CLASS',
    'LICENSE_CLASS_CODE',
    'RESIDENCY_STATUS',
    'ACTIVE',
  ],
  { DETAILS: place({ DETAIL: licenseLoa }) },
)

const appointment = row('appointment', [
  'COMPANY_NAME',
  'FEIN',
  'COCODE',
  'LINE_OF_AUTHORITY',
  'LOA_CODE',
  'STATUS',
  'TERMINATION_REASON',
  'STATUS_REASON_DATE',
  'APPONT_RENEWAL_DATE',
  'COUNTY_CODE',
])

const regulatoryAction = row('regulatoryAction', [
  'ACTION_ID',
  'DATE_OF_ACTION',
  'EFFECTIVE_DATE',
  'ENTER_DATE',
  'FILE_REF',
  'PENALTY_FINE_FORFEITURE',
  'LENGTH_OF_ORDER',
  'ORIGIN_OF_ACTION',
  'REASON_FOR_ACTION',
  'DISPOSITION',
])

const party = place({
  ENTITY_BIOGRAPHIC: place({
    BIOGRAPHIC: biographic,
    ADDRESSES: place({ STATE: state({ ADDRESS: address }) }),
    CONTACT_INFOS: place({ STATE: state({ CONTACT_INFO: contactInfo }) }),
  }),
  PRODUCER_LICENSING: place({
    LICENSE_INFORMATION: place({
      STATE: state({ LICENSE: license, APPOINTMENT_INFORMATION: place({ APPOINTMENT: appointment }) }),
    }),
    REGULATORY_ACTION: place({ STATE: { ...regulatoryAction, hasState: true } }),
  }),
})

/** Where everything stands that is read of a detail report. Source: producersync-api 11. */
export const DETAIL_REPORT: Place = place({
  PDB: place({
    TRANSACTION_TYPE: transaction,
    ERROR: row('error', ['DESCRIPTION']),
    PRODUCER: place({
      INDIVIDUAL: { ...party, party: 'INDIVIDUAL' },
      FIRM: { ...party, party: 'FIRM' },
    }),
  }),
})

function place(children: Readonly<Record<string, Place>>): Place {
  return { children: new Map(Object.entries(children)) }
}

function state(children: Readonly<Record<string, Place>>): Place {
  return { ...place(children), hasState: true }
}

function row(kind: RowKind, fields: readonly string[], children: Readonly<Record<string, Place>> = {}): Place {
  const leaves = fields.map((name): [string, Place] => [name, { children: new Map(), field: kind }])
  return { children: new Map([...leaves, ...Object.entries(children)]), row: kind }
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { npn } from '../../../test/simulated-nipr.ts'
import { DETAIL_BYTES_MAX, type DetailAnswer, DetailReader } from './detail-report.ts'
import type { ProducerReport } from './feed.ts'

const NPN = npn('15645555')

function readBytes(chunks: readonly Uint8Array[], charset?: string): DetailAnswer {
  const reader = new DetailReader(NPN, charset)
  for (const chunk of chunks) if (!reader.write(chunk)) break
  return reader.end()
}

function read(xml: string): DetailAnswer {
  return readBytes([Buffer.from(xml)])
}

function producerOf(xml: string): ProducerReport {
  const answer = read(xml)
  if (answer.kind !== 'report') throw new Error(answer.kind === 'failed' ? answer.cause : answer.kind)
  return answer.producer
}

/** A report of an individual, or a firm. */
function pdb(biographic: string, licensing = '', party = 'INDIVIDUAL'): string {
  return (
    `<PDB><TRANSACTION_TYPE><TYPE>ENTITYINFO</TYPE></TRANSACTION_TYPE><PRODUCER><${party}><ENTITY_BIOGRAPHIC>${biographic}</ENTITY_BIOGRAPHIC>` +
    `<PRODUCER_LICENSING>${licensing}</PRODUCER_LICENSING></${party}></PRODUCER></PDB>`
  )
}

function licensing(inState: string, state = 'CO'): string {
  return pdb('', `<LICENSE_INFORMATION><STATE name="${state}">${inState}</STATE></LICENSE_INFORMATION>`)
}

const WHOLE = pdb(
  `<BIOGRAPHIC><NPN>15645555</NPN><NAME_FIRST>Joe</NAME_FIRST><NAME_MIDDLE>A</NAME_MIDDLE><NAME_LAST>Producer</NAME_LAST><NAME_SUFFIX>Jr</NAME_SUFFIX>
     <DATE_BIRTH>02/11/1984</DATE_BIRTH><ID_SSN>999-12-3456</ID_SSN><NAME_COMPANY>Not of a person</NAME_COMPANY><ID_FEIN>1</ID_FEIN>
     <OTHER_NAME><STATE name="co"><NAME type="Alias">Joseph  Producer</NAME><NAME type="Previous Name">J &amp; P</NAME><NAME type="Firm Branch">B</NAME><NAME> </NAME></STATE></OTHER_NAME></BIOGRAPHIC>
   <ADDRESSES><STATE name="CO"><ADDRESS><DATE_UPDATED>12/01/2025</DATE_UPDATED><ADDR_TYPE>Business</ADDR_TYPE><ADDR_LINE_1>789 S Washington Ave</ADDR_LINE_1>
     <ADDR_LINE_2/><NAME_CITY>Denver</NAME_CITY><NAME_STATE>CO</NAME_STATE><ZIP>80211</ZIP><COUNTRY>U.S.A.</COUNTRY></ADDRESS>
     <ADDRESS><ADDRESS_TYPE_CODE>M</ADDRESS_TYPE_CODE><ADDR_LINE_1>PO Box 1</ADDR_LINE_1></ADDRESS><ADDRESS/></STATE></ADDRESSES>
   <CONTACT_INFOS><STATE name="CO"><CONTACT_INFO><BUSINESS_PHONE>(303)555-0100</BUSINESS_PHONE><BUSINESS_PHONE_UPDATE_DATE>12/01/2025</BUSINESS_PHONE_UPDATE_DATE>
     <BUSINESS_EMAIL>joe@example.com</BUSINESS_EMAIL><FAX> </FAX><FAX_UPDATE_DATE>01/01/2020</FAX_UPDATE_DATE></CONTACT_INFO></STATE></CONTACT_INFOS>`,
  `<LICENSE_INFORMATION><STATE name="CO">
     <LICENSE><LICENSE_NUM>A-294553</LICENSE_NUM><DATE_UPDATED>03/05/2026</DATE_UPDATED><DATE_ISSUE_LICENSE_ORIG>05/01/2014</DATE_ISSUE_LICENSE_ORIG>
       <DATE_EXPIRE_LICENSE>05/31/2027</DATE_EXPIRE_LICENSE><LICENSE_CLASS>Insurance Producer</LICENSE_CLASS><LICENSE_CLASS_CODE>3</LICENSE_CLASS_CODE>
       <RESIDENCY_STATUS>R</RESIDENCY_STATUS><ACTIVE>Yes</ACTIVE><ADHS>x</ADHS>
       <DETAILS><DETAIL><LOA>Property</LOA><LOA_CODE>12</LOA_CODE><AUTHORITY_ISSUE_DATE>05/01/2014</AUTHORITY_ISSUE_DATE><STATUS>Active</STATUS>
         <CE_COMPLIANCE>In Compliance</CE_COMPLIANCE><CE_CREDITS_NEEDED>0</CE_CREDITS_NEEDED></DETAIL></DETAILS></LICENSE>
     <APPOINTMENT_INFORMATION><APPOINTMENT><COMPANY_NAME>Example Mutual</COMPANY_NAME><FEIN>840000001</FEIN><COCODE>740</COCODE><LINE_OF_AUTHORITY>Property</LINE_OF_AUTHORITY>
       <LOA_CODE>12</LOA_CODE><STATUS>Terminated</STATUS><TERMINATION_REASON>Not for Cause</TERMINATION_REASON><STATUS_REASON_DATE>03/05/2026</STATUS_REASON_DATE>
       <APPONT_RENEWAL_DATE/><COUNTY_CODE>001</COUNTY_CODE></APPOINTMENT></APPOINTMENT_INFORMATION></STATE></LICENSE_INFORMATION>
   <REGULATORY_ACTION><STATE name="CO"><ACTION_ID>13537078</ACTION_ID><ORIGIN_OF_ACTION/><REASON_FOR_ACTION>Cease And Desist</REASON_FOR_ACTION><DISPOSITION>Other</DISPOSITION>
     <DATE_OF_ACTION>04/02/2019</DATE_OF_ACTION><EFFECTIVE_DATE>2019-04-02</EFFECTIVE_DATE><ENTER_DATE>20190410</ENTER_DATE><FILE_REF>X 1</FILE_REF>
     <PENALTY_FINE_FORFEITURE>$1,500.00</PENALTY_FINE_FORFEITURE><LENGTH_OF_ORDER>12 months</LENGTH_OF_ORDER>
     <ACTION_ID>2</ACTION_ID><DATE_OF_ACTION>04/03/2019</DATE_OF_ACTION></STATE></REGULATORY_ACTION>`,
)

const READ: ProducerReport = {
  npn: NPN,
  entity: {
    type: 'INDIVIDUAL',
    feinId: null,
    companyName: null,
    firstName: 'Joe',
    middleName: 'A',
    lastName: 'Producer',
    suffix: 'Jr',
    dateOfBirth: '1984-02-11' as never,
    noLicenses: false,
  },
  addresses: [
    {
      forState: 'CO',
      type: 'BUSINESS',
      niprDateUpdated: '2025-12-01' as never,
      line1: '789 S Washington Ave',
      line2: null,
      line3: null,
      city: 'Denver',
      state: 'CO',
      zip: '80211',
      country: 'U.S.A.',
    },
    {
      forState: 'CO',
      type: 'MAILING',
      niprDateUpdated: null,
      line1: 'PO Box 1',
      line2: null,
      line3: null,
      city: null,
      state: null,
      zip: null,
      country: null,
    },
  ],
  contactInfos: [
    { forState: 'CO', type: 'BUSINESS_PHONE', niprDateUpdated: '2025-12-01' as never, value: '(303)555-0100' },
    { forState: 'CO', type: 'BUSINESS_EMAIL', niprDateUpdated: null, value: 'joe@example.com' },
  ],
  otherNames: [
    { forState: 'CO', type: 'ALIAS', name: 'Joseph Producer' },
    { forState: 'CO', type: 'PREVIOUS', name: 'J & P' },
    { forState: 'CO', type: 'FIRM_BRANCH', name: 'B' },
  ],
  licenses: [
    {
      forState: 'CO',
      niprDateUpdated: '2026-03-05' as never,
      licenseNum: 'A-294553',
      originalIssueDate: '2014-05-01' as never,
      expirationDate: '2027-05-31' as never,
      perpetual: false,
      licenseClass: 'Insurance Producer',
      licenseClassCode: '3',
      residencyStatus: 'R',
      active: true,
      agentTypes: ['Producer'],
      licenseLoas: [
        {
          loa: 'Property',
          loaCode: '12',
          issueDate: '2014-05-01' as never,
          status: 'Active',
          statusReason: null,
          statusReasonDate: null,
          ceCompliance: 'IN COMPLIANCE',
          ceCreditsNeeded: 0,
          ceRenewalDate: null,
          categories: ['property'],
        },
      ],
    },
  ],
  appointments: [
    {
      forState: 'CO',
      companyName: 'Example Mutual',
      feinId: '840000001',
      coCode: '00740',
      loa: 'Property',
      loaCode: '12',
      status: 'TERMINATED',
      statusReasonDate: '2026-03-05' as never,
      terminationReason: 'Not for Cause',
      renewalDate: null,
      countyCode: '001',
      categories: ['property'],
    },
  ],
  regulatoryActions: [
    {
      forState: 'CO',
      actionId: '13537078',
      actionDate: '2019-04-02' as never,
      effectiveDate: '2019-04-02' as never,
      enterDate: '2019-04-10' as never,
      penaltyFineForfeiture: 1500,
      lengthOfOrder: 12,
      fileRef: 'X 1',
      regulatoryActionValues: [
        { type: 'REASON', value: 'Cease And Desist' },
        { type: 'DISPOSITION', value: 'Other' },
      ],
    },
    {
      forState: 'CO',
      actionId: '2',
      actionDate: '2019-04-03' as never,
      effectiveDate: null,
      enterDate: null,
      penaltyFineForfeiture: null,
      lengthOfOrder: null,
      fileRef: null,
      regulatoryActionValues: [],
    },
  ],
  warnings: 0,
}

test('every field of a report is read, in any chunking', () => {
  expect(producerOf(WHOLE)).toEqual(READ)
  const bytes = Buffer.from(WHOLE)
  for (const size of [1, 7, 1000]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    )
    expect(readBytes(chunks)).toEqual({ kind: 'report', producer: READ })
  }
})

test('rule 30: a report that is cut off at any byte is broken', () => {
  const bytes = Buffer.from(WHOLE)
  for (let length = 0; length < bytes.length; length += 1)
    expect(readBytes([bytes.subarray(0, length)]).kind, `${length} bytes`).toBe('failed')
})

test('rule 30: an error answer, a foreign report, one of somebody else or of nobody is no report', () => {
  const failed = (cause: string, retry = true) => ({ kind: 'failed', retry, refused: false, cause })
  const error = (text: string, type = 'Error') =>
    `<PDB><TRANSACTION_TYPE><TYPE>${type}</TYPE></TRANSACTION_TYPE><ERROR><DESCRIPTION>${text}</DESCRIPTION></ERROR></PDB>`
  for (const text of ['Entity Not Found', 'no record for NPN', 'NO MATCH'])
    expect(read(error(text))).toEqual({ kind: 'unknown' })
  expect(read(error('System down', ' ERROR '))).toEqual(failed('an error report'))
  expect(read(error(''))).toEqual(failed('an error report'))
  const inside =
    '<PDB><TRANSACTION_TYPE><TYPE>error</TYPE><ERROR><DESCRIPTION>not found</DESCRIPTION></ERROR></TRANSACTION_TYPE></PDB>'
  expect(read(inside)).toEqual({ kind: 'unknown' })
  expect(read(WHOLE.replace('ENTITYINFO', 'error'))).toEqual(failed('an error report'))

  expect(read('<html><body>Login</body></html>')).toEqual(failed('a foreign report'))
  expect(read('<PDB/>')).toEqual(failed('a report without one producer'))
  expect(read('<PDB><PRODUCER/></PDB>')).toEqual(failed('a report without one producer'))
  expect(read('<PDB><PRODUCER><FIRM/><FIRM/></PRODUCER></PDB>')).toEqual(failed('a report without one producer'))
  expect(read(WHOLE.replace('<NPN>15645555', '<NPN>15645556'))).toEqual(failed('a report of another producer'))
  expect(read(WHOLE.replace('<NPN>15645555</NPN>', '')).kind).toBe('report')
  expect(read(`<!DOCTYPE PDB SYSTEM "pdb.dtd">${WHOLE}`)).toEqual(failed('XML: a document type'))
  expect(readBytes([Buffer.from(WHOLE)], 'utf-16')).toEqual(failed('XML: encoding'))
  expect(read(WHOLE.replace('</PRODUCER>', '</PRODUCERS>'))).toEqual(failed('XML: not well-formed'))
})

test('rule 30: a report above 64 MiB is a failure, and no more of it is read', () => {
  const reader = new DetailReader(NPN, undefined)
  const chunk = Buffer.from(`<x>${'y'.repeat(65_529)}</x>`)
  expect(reader.write(Buffer.from('<PDB>'))).toBe(true)
  let read = 0
  while (reader.write(chunk)) read += chunk.length
  expect(read).toBeLessThanOrEqual(DETAIL_BYTES_MAX)
  expect(reader.end()).toEqual({ kind: 'failed', retry: false, refused: false, cause: 'a report above 64 MiB' })
})

test('rule 33: several licenses of a state are all kept, and those of a state in several places', () => {
  const one = (number: string) => `<LICENSE><LICENSE_NUM>${number}</LICENSE_NUM></LICENSE>`
  const producer = producerOf(
    pdb(
      '',
      `<LICENSE_INFORMATION><STATE name="CO">${one('1')}${one('0012')}<x/>${one('1')}</STATE><STATE name="CO">${one('Z9')}</STATE></LICENSE_INFORMATION>`,
    ),
  )
  expect(producer.licenses.map(({ forState, licenseNum }) => [forState, licenseNum])).toEqual([
    ['CO', '1'],
    ['CO', '0012'],
    ['CO', '1'],
    ['CO', 'Z9'],
  ])
})

test('rule 33: oddities of licenses give the values that they should', () => {
  const cases: [string, object, number][] = [
    ['<DATE_EXPIRE_LICENSE>12/31/9999</DATE_EXPIRE_LICENSE>', { expirationDate: null, perpetual: true }, 0],
    ['<DATE_EXPIRE_LICENSE>29991231</DATE_EXPIRE_LICENSE>', { expirationDate: null, perpetual: true }, 0],
    ['<DATE_EXPIRE_LICENSE> </DATE_EXPIRE_LICENSE>', { expirationDate: null, perpetual: false }, 0],
    ['<DATE_EXPIRE_LICENSE>02/30/2027</DATE_EXPIRE_LICENSE>', { expirationDate: null, perpetual: false }, 1],
    ['<DATE_EXPIRE_LICENSE>2/3/2027</DATE_EXPIRE_LICENSE>', { expirationDate: '2027-02-03' }, 0],
    ['<ACTIVE>y</ACTIVE>', { active: true }, 0],
    ['<ACTIVE>FALSE</ACTIVE><DETAILS><DETAIL><STATUS>Active</STATUS></DETAIL></DETAILS>', { active: false }, 0],
    ['<ACTIVE/><DETAILS><DETAIL><STATUS>aCTIVE</STATUS></DETAIL></DETAILS>', { active: true }, 0],
    ['<ACTIVE>maybe</ACTIVE><DETAILS><DETAIL><STATUS>lapsed</STATUS></DETAIL></DETAILS>', { active: false }, 1],
    ['<RESIDENCY_STATUS>Non-Resident</RESIDENCY_STATUS>', { residencyStatus: 'NR' }, 0],
    ['<RESIDENCY_STATUS>?</RESIDENCY_STATUS>', { residencyStatus: null }, 1],
    ['<LICENSE_NUM>\n  0G \t 12345 </LICENSE_NUM>', { licenseNum: '0G 12345' }, 0],
    ['<LICENSE_NUM><![CDATA[A&B]]>&#x2d;<!-- x -->1</LICENSE_NUM>', { licenseNum: 'A&B-1' }, 0],
    [
      '<LICENSE_CLASS>Public ADJUSTER and Consultant Broker</LICENSE_CLASS>',
      { agentTypes: ['Producer', 'Adjuster', 'Consultant'] },
      0,
    ],
    ['<LICENSE_CLASS>Motor Club</LICENSE_CLASS>', { agentTypes: [] }, 0],
  ]
  for (const [xml, expected, warnings] of cases) {
    const producer = producerOf(licensing(`<LICENSE><LICENSE_CLASS_CODE>1</LICENSE_CLASS_CODE>${xml}</LICENSE>`))
    expect(producer.licenses, xml).toMatchObject([expected])
    expect(producer.warnings, xml).toBe(warnings)
  }
})

test('rule 33: statuses of lines and appointments are known in any case and by their other words; what is unknown is null', () => {
  const statusOf = (status: string) =>
    producerOf(
      licensing(`<LICENSE><DETAILS><DETAIL><LOA>x</LOA><STATUS>${status}</STATUS></DETAIL></DETAILS></LICENSE>`),
    ).licenses[0]?.licenseLoas[0]?.status
  for (const active of ['Active', 'ACTIVE', ' active ']) expect(statusOf(active)).toBe('Active')
  for (const word of ['cancelled', 'Canceled', 'REVOKED', 'terminated', 'Surrendered'])
    expect(statusOf(word)).toBe('Cancelled')
  for (const word of ['inactive', 'Expired', 'LAPSED', 'suspended']) expect(statusOf(word)).toBe('Inactive')
  for (const word of ['', '  ', 'Pending', 'not active']) expect(statusOf(word)).toBeNull()

  const appointed = (status: string) =>
    producerOf(
      licensing(
        `<APPOINTMENT_INFORMATION><APPOINTMENT><COCODE>1</COCODE><STATUS>${status}</STATUS></APPOINTMENT></APPOINTMENT_INFORMATION>`,
      ),
    ).appointments[0]?.status
  for (const word of ['Active', 'APPOINTED']) expect(appointed(word)).toBe('APPOINTED')
  for (const word of ['Terminated', 'inactive', 'CANCELLED']) expect(appointed(word)).toBe('TERMINATED')
  for (const word of ['', 'Pending']) expect(appointed(word)).toBeNull()
})

test('rule 33: a firm without names and an individual without birth date are read; each has only its own fields', () => {
  const fields = '<NAME_FIRST>A</NAME_FIRST><DATE_BIRTH>01/01/1980</DATE_BIRTH><NAME_COMPANY/><FEIN>12-345</FEIN>'
  expect(producerOf(pdb(`<BIOGRAPHIC>${fields}</BIOGRAPHIC>`, '', 'FIRM')).entity).toEqual({
    type: 'FIRM',
    feinId: '12-345',
    companyName: null,
    firstName: null,
    middleName: null,
    lastName: null,
    suffix: null,
    dateOfBirth: null,
    noLicenses: true,
  })
  expect(producerOf('<PDB><PRODUCER><FIRM/></PRODUCER></PDB>').entity.type).toBe('FIRM')
  const person = producerOf(
    pdb('<BIOGRAPHIC><NAME_LAST>O&apos;B</NAME_LAST><DATE_BIRTH>00/00/0000</DATE_BIRTH></BIOGRAPHIC>'),
  )
  expect(person.entity).toMatchObject({ lastName: "O'B", firstName: null, dateOfBirth: null })
  expect(person.warnings).toBe(1)
})

test('rule 33: ISO-8859-1 and UTF-8 give the same names', () => {
  const xml = pdb('<BIOGRAPHIC><NAME_LAST>Muñoz &amp; Söhne</NAME_LAST></BIOGRAPHIC>')
  const declared = `<?xml version="1.0" encoding="ISO-8859-1"?>${xml}`
  for (const answer of [
    read(xml),
    readBytes([Buffer.from(declared, 'latin1')]),
    readBytes([Buffer.from(xml, 'latin1')], 'iso-8859-1'),
  ])
    expect(answer).toMatchObject({ kind: 'report', producer: { entity: { lastName: 'Muñoz & Söhne' } } })
})

test('rule 39: the SSN is nowhere in what is read, wherever it stands', () => {
  const ssn = '999-12-3456'
  const elsewhere = WHOLE.replace(
    '<ADHS>x</ADHS>',
    `<ID_SSN>${ssn}</ID_SSN><ID_SSN><NAME_FIRST>${ssn}</NAME_FIRST></ID_SSN>`,
  )
  for (const xml of [WHOLE, elsewhere]) expect(JSON.stringify(producerOf(xml))).not.toContain(ssn)
})

test('what has no place in a report is passed over, with all that is in it', () => {
  const unknown = '<NEW><ADDRESS><ZIP>1</ZIP></ADDRESS><LICENSE><LICENSE_NUM>1</LICENSE_NUM></LICENSE></NEW>'
  const elements = WHOLE.split(
    /(?=<\/(?:INDIVIDUAL|ENTITY_BIOGRAPHIC|PRODUCER_LICENSING|LICENSE|DETAILS|APPOINTMENT)>)/,
  )
  expect(producerOf(elements.join(unknown))).toEqual(READ)
  expect(producerOf(WHOLE.replaceAll(/>\s+</g, '><'))).toEqual(READ)
})

test('any report is read or refused, never anything else', () => {
  const names = [
    'PDB',
    'PRODUCER',
    'INDIVIDUAL',
    'FIRM',
    'PRODUCER_LICENSING',
    'LICENSE_INFORMATION',
    'STATE',
    'LICENSE',
    'DETAILS',
    'DETAIL',
    'LOA',
    'REGULATORY_ACTION',
    'ACTION_ID',
    'ERROR',
    'NAME',
    '__proto__',
    'constructor',
  ]
  const { tree } = fc.letrec<{ tree: string; children: string }>((tie) => ({
    tree: fc
      .tuple(fc.constantFrom(...names), tie('children'))
      .map(([name, inside]) => `<${name} name="CO" type="x">${inside}</${name}>`),
    children: fc.oneof(
      { depthSize: 'medium' },
      fc.constantFrom('', 'x', '12/31/9999', '&amp;'),
      fc.array(tie('tree'), { maxLength: 3 }).map((all) => all.join('')),
    ),
  }))
  fc.assert(
    fc.property(tree, (inside) => {
      expect(['report', 'unknown', 'failed']).toContain(
        read(`<PDB><PRODUCER><FIRM>${inside}</FIRM></PRODUCER>${inside}</PDB>`).kind,
      )
      expect(['report', 'unknown', 'failed']).toContain(read(inside).kind)
    }),
    { seed: 23, numRuns: 500 },
  )
  const bytes = Buffer.from(WHOLE)
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const changed = Buffer.from(bytes)
      changed[at] = value
      expect(['report', 'unknown', 'failed']).toContain(readBytes([changed]).kind)
    }),
    { seed: 24, numRuns: 300 },
  )
})

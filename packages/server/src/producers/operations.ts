import Type, { type TObject } from 'typebox'
import type { Operation } from '#src/adapters/http/operation.ts'
import { NPN } from '#src/population/npn.ts'
import { DataLoading, recordSchemas, type ServedKind, v2ListOf } from './answer-schemas.ts'

// How openapi.json describes operations 7 to 31.

const npnPath = { npn: Type.String({ pattern: NPN.source }) }
const id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })

const SUBSCRIBES = `An NPN that is not monitored joins the population, with its event, if the token has the scope
\`producersync.write\`, the account's setting \`autoSubscribe\` is on and its population has room. Answers 202 when the first
load of the data takes longer than 20 s, and 404 when the NPN is not in the population or NIPR does not know it.`

const NAMES: Record<ServedKind, { one: string; many: string; list: string; tag: string }> = {
  entities: { one: 'an entity', many: 'entities', list: 'Entities', tag: 'entities' },
  addresses: { one: 'an address', many: 'addresses', list: 'Addresses', tag: 'addresses' },
  contactInfos: {
    one: 'a way to make contact',
    many: 'ways to make contact',
    list: 'ContactInfos',
    tag: 'contact-infos',
  },
  otherNames: { one: 'another name', many: 'other names', list: 'OtherNames', tag: 'other-names' },
  licenses: { one: 'a license', many: 'licenses', list: 'Licenses', tag: 'licenses' },
  licenseLoas: { one: 'a line of authority', many: 'lines of authority', list: 'LicenseLoas', tag: 'license-loas' },
  appointments: { one: 'an appointment', many: 'appointments', list: 'Appointments', tag: 'appointments' },
  regulatoryActions: {
    one: 'a regulatory action',
    many: 'regulatory actions',
    list: 'RegulatoryActions',
    tag: 'regulatory-actions',
  },
  regulatoryActionValues: {
    one: 'a value of a regulatory action',
    many: 'values of a regulatory action',
    list: 'RegulatoryActionValues',
    tag: 'regulatory-action-values',
  },
}

export function ofPopulation(kind: ServedKind, query: TObject): Operation {
  const { many, tag } = NAMES[kind]
  return {
    id: `v2.${tag}.list`,
    summary: `List the ${many} of the population`,
    query,
    answers: { 200: listSchema(kind) },
  }
}

export function ofOneProducer(kind: ServedKind, query: TObject): Operation {
  const { many, tag } = NAMES[kind]
  return {
    id: `v2.${tag}.list-by-npn`,
    summary: `List the ${many} of one producer`,
    description: SUBSCRIBES,
    path: npnPath,
    query,
    answers: { 200: listSchema(kind), 202: DataLoading },
    refusals: ['not_found'],
  }
}

export function entityOfProducer(query: TObject): Operation {
  return {
    id: 'v2.entities.get',
    summary: 'Read one producer',
    description: SUBSCRIBES,
    path: npnPath,
    query,
    answers: { 200: recordSchemas.entities, 202: DataLoading },
    refusals: ['not_found'],
  }
}

export function byId(kind: ServedKind, query: TObject): Operation {
  const { one, tag } = NAMES[kind]
  return {
    id: `v1.${tag}.get`,
    summary: `Read ${one}`,
    path: { id },
    query,
    answers: { 200: recordSchemas[kind] },
    refusals: ['not_found'],
  }
}

/** @param parameter  the value of the path that names the license or action */
export function ofOneRecord(
  kind: 'licenseLoas' | 'regulatoryActionValues',
  parameter: string,
  query: TObject,
): Operation {
  const { many, tag } = NAMES[kind]
  return {
    id: kind === 'licenseLoas' ? `v2.${tag}.list-by-license` : `v2.${tag}.list-by-action`,
    summary: kind === 'licenseLoas' ? `List the ${many} of one license` : `List the ${many}`,
    path: { [parameter]: id },
    query,
    answers: { 200: listSchema(kind) },
    refusals: ['not_found'],
  }
}

function listSchema(kind: ServedKind) {
  return v2ListOf(NAMES[kind].list, { name: kind, row: recordSchemas[kind] })
}

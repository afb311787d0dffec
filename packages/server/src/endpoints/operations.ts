import Type from 'typebox'
import type { Operation } from '#src/adapters/http/operation.ts'
import { pageParameters } from '#src/adapters/http/pages.ts'
import { MessageOut } from '#src/events/answer-schemas.ts'
import {
  EndpointHeadersOut,
  EndpointOut,
  EndpointPage,
  EndpointSecretOut,
  OperationalEndpointOut,
  OperationalEndpointPage,
} from './answer-schemas.ts'
import {
  endpointBody,
  endpointPatchBody,
  exampleBody,
  headersBody,
  headersPatchBody,
  newEndpointBody,
  newOperationalBody,
  operationalBody,
  rotateBody,
} from './body.ts'

/** The operations on endpoints as openapi.json describes them: on those of an account, or on the environment's own. */
export function endpointOperations(isOperational: boolean) {
  const name = isOperational ? 'v1.operational-webhook.endpoint' : 'v1.endpoint'
  const Out = isOperational ? OperationalEndpointOut : EndpointOut
  const put: Operation['answers'] = isOperational ? { 200: Out } : { 200: Out, 201: Out }
  return {
    list: {
      id: `${name}.list`,
      summary: 'List endpoints',
      query: Type.Object(pageParameters),
      answers: { 200: isOperational ? OperationalEndpointPage : EndpointPage },
    },
    create: {
      id: `${name}.create`,
      summary: 'Create an endpoint',
      body: isOperational ? newOperationalBody : newEndpointBody,
      answers: { 201: Out },
      refusals: ['conflict', 'limit_reached'],
    },
    get: {
      id: `${name}.get`,
      summary: 'Read an endpoint',
      answers: { 200: Out },
    },
    put: {
      id: `${name}.upsert`,
      summary: 'Create or replace an endpoint',
      body: isOperational ? operationalBody : endpointBody,
      answers: put,
      refusals: ['conflict', 'limit_reached'],
    },
    patch: {
      id: `${name}.patch`,
      summary: 'Change an endpoint',
      body: endpointPatchBody,
      answers: { 200: Out },
      refusals: ['conflict'],
    },
    remove: {
      id: `${name}.delete`,
      summary: 'Delete an endpoint, and cancel what is planned',
      answers: { 204: null },
    },
    getHeaders: {
      id: `${name}.get-headers`,
      summary: 'Read the headers of an endpoint',
      answers: { 200: EndpointHeadersOut },
    },
    putHeaders: {
      id: `${name}.set-headers`,
      summary: 'Replace the headers of an endpoint',
      body: headersBody,
      answers: { 204: null },
    },
    patchHeaders: {
      id: `${name}.patch-headers`,
      summary: 'Change headers of an endpoint',
      body: headersPatchBody,
      answers: { 204: null },
    },
    getSecret: {
      id: `${name}.get-secret`,
      summary: 'Read the signing secret of an endpoint',
      answers: { 200: EndpointSecretOut },
    },
    rotateSecret: {
      id: `${name}.rotate-secret`,
      summary: 'Replace the signing secret of an endpoint',
      body: rotateBody,
      answers: { 204: null },
      refusals: ['too_many_old_keys'],
    },
    sendExample: {
      id: `${name}.send-example`,
      summary: 'Send an example of an event type to an endpoint',
      body: exampleBody,
      answers: { 202: MessageOut },
      refusals: ['no_example'],
    },
  } satisfies Record<string, Operation>
}

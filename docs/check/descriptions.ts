import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { producersyncTypes } from '../../packages/server/src/events/producersync-types.ts'
import { VERSION } from '../../packages/server/src/version.ts'
import { ROOT } from '../site/sources.ts'
import { schemaFileOf } from './event-text.ts'

/** Files for machines that are made of the code, by where they stand in the repository. */
export function descriptionFiles(): ReadonlyMap<string, string> {
  const schemas = producersyncTypes.map(
    ({ name, schema }) => [`docs/schemas/${schemaFileOf(name)}`, textOf(schema)] as const,
  )
  return new Map([...schemas, ['docs/asyncapi.json', textOf(asyncApi())]])
}

/** Files that are not as the code has them, or not there. */
export function driftedDescriptions(): string[] {
  return [...descriptionFiles()].flatMap(([file, text]) => (textIn(file) === text ? [] : [file]))
}

function textIn(file: string): string | null {
  try {
    return readFileSync(join(ROOT, file), 'utf8')
  } catch {
    return null // not there
  }
}

function textOf(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/**
 * The events, as an application receives them. Their schemas use nothing that is newer than draft 7, which every reader of AsyncAPI
 * knows.
 * @see https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
function asyncApi(): object {
  const ref = (path: string) => ({ $ref: `#/${path}` })
  const messages = Object.fromEntries(
    producersyncTypes.map(({ name, description, schema: { examples, ...schema } }) => [
      name,
      {
        name,
        title: name,
        summary: description,
        contentType: 'application/json',
        headers: ref('components/schemas/WebhookHeaders'),
        payload: {
          schemaFormat: 'application/schema+json;version=draft-07',
          schema: { ...schema, $schema: undefined },
        },
        examples: examples.map((payload) => ({ payload })),
      },
    ]),
  )
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'ProducerSync webhooks',
      version: VERSION,
      description:
        'Events that an account receives at its endpoints, each as one POST. At least once, in no order. Answer 2xx within the limit, else it comes again. Verify the signature over the raw bytes first.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      endpoint: {
        host: '{host}',
        protocol: 'https',
        description: 'An endpoint of the account.',
        variables: { host: { description: 'Where the account wants its events.' } },
        security: [ref('components/securitySchemes/signature')],
      },
    },
    channels: {
      endpoint: {
        address: '/',
        title: 'An endpoint of the account',
        description: 'The path is that of the endpoint’s URL.',
        servers: [ref('servers/endpoint')],
        messages: Object.fromEntries(Object.keys(messages).map((name) => [name, ref(`components/messages/${name}`)])),
      },
    },
    operations: Object.fromEntries(
      Object.entries(messages).map(([name, { summary }]) => [
        name,
        {
          action: 'receive',
          summary,
          channel: ref('channels/endpoint'),
          bindings: { http: { method: 'POST', bindingVersion: '0.3.0' } },
          messages: [ref(`channels/endpoint/messages/${name}`)],
        },
      ]),
    ),
    components: {
      messages,
      schemas: { WebhookHeaders },
      securitySchemes: {
        signature: {
          type: 'httpApiKey',
          name: 'webhook-signature',
          in: 'header',
          description:
            'Standard Webhooks 1.0.0: v1 and the Base64 of HMAC-SHA256 over `webhook-id.webhook-timestamp.body` by the endpoint’s secret, or v1a by Ed25519.',
        },
      },
    },
  }
}

const WebhookHeaders = {
  type: 'object',
  required: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
  properties: {
    'webhook-id': {
      type: 'string',
      pattern: '^msg_[0-9A-Za-z]{27}$',
      description: 'The same on every attempt and replay: a repeat is known by it.',
    },
    'webhook-timestamp': { type: 'string', pattern: '^[0-9]+$', description: 'Of the attempt, in Unix seconds.' },
    'webhook-signature': { type: 'string', description: 'One or more signatures, separated by spaces.' },
  },
}

import type { Page as ApiPage, Endpoint, EventType } from '@producersync/server/contract'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { Download, Plus } from 'lucide-react'
import type { RawSearch } from '#src/address/search.ts'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { endpointName } from '#src/endpoints/url.ts'
import { JsonView } from '#src/json/json-view.tsx'
import layout from '#src/look/layout.module.css'
import { Breakable } from '#src/parts/breakable.tsx'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { Select } from '#src/parts/field.tsx'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Empty, Part } from '#src/parts/notice.tsx'
import { Ignored, Page } from '#src/parts/page.tsx'
import { saveFile } from '#src/parts/save-file.ts'
import { useAccount } from '#src/session/account.ts'
import { newestSchema } from '#src/testing/example.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { changesOf, type FieldChange, fieldsOf, type SchemaField } from './fields.ts'
import { SnippetCard } from './snippet-card.tsx'

const words = accountText.catalog

/** One event type: when it is sent, what is in it, and who gets it. */
export function EventTypeScreen() {
  const account = useAccount()
  const { type: name = '' } = useParams({ strict: false })
  const { version } = useSearch({ strict: false })
  const view = useRead<EventType>(account.id, `/api/v1/event-type/${encodeURIComponent(name)}`)
  return (
    <Page
      title={name}
      crumbs={
        <Link to="/a/$account/catalog" params={{ account: account.id }}>
          {words.title}
        </Link>
      }
      acts={
        <>
          {view.kind === 'ready' && <SchemaActs of={versionOf(view.data, version)} type={name} />}
          {account.can('ManageEndpoint') && (
            <ButtonLink
              icon={Plus}
              to="/a/$account/endpoints/new"
              params={{ account: account.id }}
              search={{ type: name }}
            >
              {words.subscribe}
            </ButtonLink>
          )}
        </>
      }
    >
      <Part of={view}>{(type) => <TypeParts type={type} of={versionOf(type, version)} account={account.id} />}</Part>
    </Page>
  )
}

type Version = {
  version: string | undefined
  versions: readonly string[]
  schema: unknown
  /** The version before it, to compare with. */
  before: string | undefined
}

/** The schema that the address asks for, or the newest. */
function versionOf(type: EventType, asked: unknown): Version {
  const versions = Object.keys(type.schemas ?? {}).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const version = versions.find((one) => one === asked) ?? newestSchema(type)?.version
  if (version === undefined) return { version, versions, schema: undefined, before: undefined }
  return { version, versions, schema: type.schemas?.[version], before: versions[versions.indexOf(version) - 1] }
}

/** Which version is shown, and its files. */
function SchemaActs({ of: { version, versions, schema }, type }: { of: Version; type: string }) {
  const navigate = useNavigate()
  const example = exampleIn(schema)
  return (
    <>
      {versions.length > 1 && version !== undefined && (
        <Select
          label={words.version}
          isLabelHidden
          value={version}
          onChange={(chosen) =>
            void navigate({ to: '.', search: (before: RawSearch) => ({ ...before, version: chosen }) })
          }
          options={versions.map((value) => ({ value, label: words.versionOf(value) }))}
        />
      )}
      {schema !== undefined && (
        <Button
          icon={Download}
          onPress={() => saveFile(`${type}.schema.json`, 'application/json', JSON.stringify(schema, null, 2))}
        >
          {words.downloadSchema}
        </Button>
      )}
      {example !== null && (
        <Button icon={Download} onPress={() => saveFile(`${type}.example.json`, 'application/json', example)}>
          {words.downloadExample}
        </Button>
      )}
    </>
  )
}

function TypeParts({ type, of, account }: { type: EventType; of: Version; account: string }) {
  const search = useSearch({ strict: false })
  const { version, schema, before } = of
  const example = exampleIn(schema)
  const columns: Column<SchemaField>[] = [
    {
      key: 'path',
      head: words.field,
      isPlain: true,
      cell: ({ path, depth }) => <code style={{ paddingLeft: `${depth * 16}px` }}>{path.split('.').at(-1)}</code>,
    },
    {
      key: 'type',
      head: words.fieldType,
      cell: ({ type: fieldType }) => (
        <code>
          <Breakable>{fieldType}</Breakable>
        </code>
      ),
    },
    {
      key: 'required',
      head: words.required,
      cell: ({ isRequired }) => (isRequired ? text.common.yes : text.common.no),
    },
    {
      key: 'description',
      head: words.meaning,
      isPlain: true,
      cell: ({ description }) => <span className={layout.cell}>{description}</span>,
    },
  ]
  return (
    <div className={layout.stack}>
      {search.version !== undefined && search.version !== version && <Ignored names={['version']} />}
      <p className={layout.text}>{type.description}</p>
      <div className={layout.columns}>
        <Listing
          name={words.fields}
          view={{ kind: 'ready', data: fieldsOf(schema), staleSince: null }}
          keyOf={({ path }) => path}
          columns={columns}
          empty={<Empty title={words.noSchema} />}
        />
        <div className={layout.stack}>
          {example !== null && (
            <section className={layout.card} aria-labelledby="example">
              <div className={layout.cardHead}>
                <h2 id="example">{words.example}</h2>
              </div>
              <JsonView text={example} />
            </section>
          )}
          {before !== undefined && version !== undefined && (
            <Changes title={words.changesSince(before)} of={changesOf(type.schemas?.[before], schema)} />
          )}
          <Subscribers type={type} account={account} />
        </div>
      </div>
      <SnippetCard />
    </div>
  )
}

function Changes({ title, of: changes }: { title: string; of: readonly FieldChange[] }) {
  return (
    <section className={layout.card} aria-labelledby="changes">
      <div className={layout.cardHead}>
        <h2 id="changes">{title}</h2>
      </div>
      {changes.length === 0 ? (
        <p className={layout.muted}>{words.noChanges}</p>
      ) : (
        <ul className={layout.tight}>
          {changes.map(({ path, change }) => (
            <li key={path}>
              <code>{path}</code> {words.fieldChanges[change]}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Subscribers({ type, account }: { type: EventType; account: string }) {
  const view = useRead<ApiPage<Endpoint>>(account, ofAccount(account, 'endpoint'), { query: { limit: 250 } })
  return (
    <section className={layout.card} aria-labelledby="subscribers">
      <div className={layout.cardHead}>
        <h2 id="subscribers">{words.subscribers}</h2>
      </div>
      <Part of={view} rows={2}>
        {({ data }) => {
          const subscribed = data.filter((endpoint) => wants(endpoint, type))
          return subscribed.length === 0 ? (
            <p className={layout.muted}>{words.nobody}</p>
          ) : (
            <ul className={layout.tight}>
              {subscribed.map((endpoint) => (
                <li key={endpoint.id} className={layout.spread}>
                  <span>
                    <Link to="/a/$account/endpoints/$endpoint" params={{ account, endpoint: endpoint.id }}>
                      {endpointName(endpoint)}
                    </Link>
                    {endpoint.disabled && <span className={layout.muted}>{` (${text.endpointStates.disabled})`}</span>}
                  </span>
                  <ButtonLink
                    isSmall
                    to="/a/$account/endpoints/$endpoint"
                    params={{ account, endpoint: endpoint.id }}
                    search={{ tab: 'testing', type: type.name }}
                  >
                    {words.sendTest}
                  </ButtonLink>
                </li>
              ))}
            </ul>
          )
        }}
      </Part>
    </section>
  )
}

/** By its own choice; what is sent only when chosen is not part of all. */
function wants({ eventTypes }: Endpoint, { name, groupName }: EventType): boolean {
  const isExtra = name === 'producersync.npn.data_ready'
  if (eventTypes === null) return !isExtra
  return eventTypes.includes(name) || (!isExtra && groupName !== null && eventTypes.includes(groupName))
}

function exampleIn(schema: unknown): string | null {
  const examples = typeof schema === 'object' && schema !== null && 'examples' in schema ? schema.examples : null
  return Array.isArray(examples) && examples.length > 0 ? JSON.stringify(examples[0], null, 2) : null
}

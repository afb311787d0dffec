import type { EventType, Page } from '@producersync/server/contract'
import { useRead } from '#src/api/queries.ts'
import { Choice } from '#src/parts/filters.tsx'

const PATH = '/api/v1/event-type'
const LIMIT = 250

/** The event types of the environment, with their schemas and examples. */
export function useEventTypes(account: string) {
  return useRead<Page<EventType>>(account, PATH, { query: { limit: LIMIT, with_content: true } })
}

/** Narrows a list by event type; asks for names alone. */
export function TypeFilter({
  account,
  label,
  any,
  chosen,
  onChange,
}: {
  account: string
  label: string
  any: string
  chosen: readonly string[] | undefined
  onChange: (chosen: string[] | undefined) => void
}) {
  const types = useRead<Page<EventType>>(account, PATH, { query: { limit: LIMIT } })
  const options = types.kind === 'ready' ? types.data.data.map(({ name }) => ({ value: name, label: name })) : []
  return <Choice label={label} any={any} chosen={chosen} options={options} onChange={onChange} />
}

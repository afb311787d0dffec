import type { Endpoint, EndpointHeaders } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { TextField } from '#src/parts/field.tsx'
import { ErrorNotice, Part } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.headers

/** Headers that go with each request. Values of sensitive ones are never shown again. */
export function HeadersCard({ endpoint, account }: { endpoint: Endpoint; account: Account }) {
  const path = ofAccount(account.id, 'endpoint', endpoint.id, 'headers')
  const view = useRead<EndpointHeaders>(account.id, path)
  const [name, setName] = useState('')
  const [value, setValue] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [isAdding, setAdding] = useState(false)
  const [removed, setRemoved] = useState<string | null>(null)
  const refresh = useRefresh(account.id)
  const whyOff = account.whyNot('ManageEndpoint')

  async function patch(headers: Record<string, string | null>) {
    await fetchJson<void>(account.id, path, { method: 'PATCH', body: { headers } })
    await refresh()
  }

  async function add(event: SubmitEvent) {
    event.preventDefault()
    if (whyOff !== null || name.trim() === '' || isAdding) return
    setAdding(true)
    setError(null)
    try {
      await patch({ [name.trim()]: value })
      setName('')
      setValue('')
    } catch (caught) {
      setError(caught)
    } finally {
      setAdding(false)
    }
  }

  return (
    <section className={layout.card} aria-labelledby="headers">
      <div className={layout.cardHead}>
        <h2 id="headers">{words.title}</h2>
      </div>
      <div className={layout.stack}>
        {error != null && <ErrorNotice error={error} />}
        <Part of={view} rows={2}>
          {({ headers, sensitive }) => {
            const rows = [...Object.entries(headers), ...sensitive.map((hidden) => [hidden, words.hidden] as const)]
            return rows.length === 0 ? (
              <p className={layout.muted}>{words.none}</p>
            ) : (
              <ul className={layout.tight}>
                {rows.map(([header, shown]) => (
                  <li key={header} className={layout.spread}>
                    <code>{`${header}: ${shown}`}</code>
                    <Button
                      isSmall
                      kind="quiet"
                      name={words.removeOf(header)}
                      whyOff={whyOff}
                      onPress={() => setRemoved(header)}
                    >
                      {words.remove}
                    </Button>
                  </li>
                ))}
              </ul>
            )
          }}
        </Part>
        <form className={layout.fields} onSubmit={(event) => void add(event)}>
          <TextField label={words.name} name="headers" value={name} onChange={setName} isMono />
          <TextField label={words.value} value={value} onChange={setValue} isMono />
          <Button type="submit" whyOff={whyOff} pending={isAdding && text.common.working}>
            {words.add}
          </Button>
        </form>
        <DangerDialog
          title={words.removeTitle(removed ?? '')}
          effect={words.removeEffect}
          verb={words.removeVerb}
          isOpen={removed !== null}
          onClose={() => setRemoved(null)}
          act={async () => await patch({ [removed ?? '']: null })}
        />
      </div>
    </section>
  )
}

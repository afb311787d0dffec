import type { Page as ApiPage, EnvLoginLink, LoginLink } from '@producersync/server/contract'
import { Ban, Check, CircleHelp, Clock, Hourglass, type LucideIcon } from 'lucide-react'
import { type SubmitEvent, useState } from 'react'
import { useAddress } from '#src/address/use-address.ts'
import { fetchJson } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { ApiError } from '#src/api/request.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Select, TextField } from '#src/parts/field.tsx'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Empty, ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { pageLinks } from '#src/parts/page-links.tsx'
import { Pill, type Tone } from '#src/parts/pill.tsx'
import { useRevoking } from '#src/parts/revoking.tsx'
import { MadeLink } from '#src/session/made-link.tsx'
import { useMailChoice } from '#src/session/mail-choice.tsx'
import { ROLE_OPTIONS, type Role, roleWords } from '#src/session/roles.ts'
import { STAFF } from '#src/session/session.ts'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { envText } from '#src/text-env.ts'
import { Time } from '#src/time/time.tsx'

const words = envText.links
const PATH = '/api/v1/env/login-link'
const HOURS = ['1', '24', '168'] as const

/** Login links of the environment: made, shown once, withdrawn. Source: portal O3. */
export function LinksScreen() {
  const { values, faults, change } = useAddress()
  const [made, setMade] = useState<LoginLink | null>(null)
  const refresh = useRefresh(STAFF)
  const revoking = useRevoking<EnvLoginLink>({
    verb: words.revoke,
    titleOf: ({ person }) => words.revokeTitle(person ?? accountText.settings.nobody),
    effect: words.revokeEffect,
    mayRevoke: ({ revokedAt }) => revokedAt === null,
    revoke: async ({ id }) => {
      await fetchJson<void>(STAFF, `${PATH}/${id}`, { method: 'DELETE' })
      await refresh()
    },
  })
  const view = useRead<ApiPage<EnvLoginLink>>(STAFF, PATH, { query: { limit: 50, iterator: values.cursor } })
  const page = view.kind === 'ready' ? view.data : null
  const columns: Column<EnvLoginLink>[] = [
    {
      key: 'person',
      head: accountText.members.person,
      isPlain: true,
      cell: ({ person }) => <strong className={layout.cell}>{person ?? accountText.settings.nobody}</strong>,
    },
    { key: 'account', head: envText.accounts.account, cell: ({ account }) => account?.name ?? words.noAccount },
    {
      key: 'role',
      head: accountText.members.role,
      cell: ({ role }) => (role === null ? words.ownRights : roleWords(role)),
    },
    { key: 'state', head: words.state, cell: ({ state }) => <LinkPill state={state} /> },
    { key: 'created', head: words.created, cell: ({ createdAt }) => <Time at={createdAt} form="short" /> },
    { key: 'expires', head: words.expires, cell: ({ expiresAt }) => <Time at={expiresAt} form="short" /> },
    revoking.column,
  ]
  return (
    <Page title={words.title} ignored={faults}>
      {made && <MadeLink of={made} onDone={() => setMade(null)} />}
      <NewLink
        onMade={async (link) => {
          setMade(link)
          await refresh()
        }}
      />
      <Listing
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={columns}
        empty={<Empty title={words.none} />}
        foot={pageLinks(page, { values, change })}
      />
      {revoking.dialog}
    </Page>
  )
}

const DRAWN: Readonly<Record<string, [Tone, LucideIcon]>> = {
  unused: ['wait', Clock],
  used: ['idle', Check],
  expired: ['idle', Hourglass],
  revoked: ['idle', Ban],
}

/** A state that this page does not know yet is shown by its name. */
function LinkPill({ state }: { state: string }) {
  const [tone, icon] = DRAWN[state] ?? ['idle', CircleHelp]
  return (
    <Pill tone={tone} icon={icon}>
      {words.states[state] ?? state}
    </Pill>
  )
}

function NewLink({ onMade }: { onMade: (link: LoginLink) => Promise<void> }) {
  const [account, setAccount] = useState('')
  const [person, setPerson] = useState('')
  const [role, setRole] = useState<Role>('admin')
  const [hours, setHours] = useState<(typeof HOURS)[number]>('24')
  const [isMaking, setMaking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const mail = useMailChoice(person)
  const keys = useWriteKeys()
  const faultOf = (field: string) => (error instanceof ApiError ? error.faultOf(field) : undefined)
  const isMissing = account.trim() === '' || person.trim() === ''

  async function make(event: SubmitEvent) {
    event.preventDefault()
    if (isMissing || isMaking) return
    setMaking(true)
    setError(null)
    try {
      const body = { account: account.trim(), person: person.trim(), role, hours: Number(hours), ...mail.wish }
      const idempotencyKey = keys.keyFor(body)
      const link = await fetchJson<LoginLink>(STAFF, PATH, { method: 'POST', body, idempotencyKey })
      keys.done()
      setPerson('')
      await onMade(link)
    } catch (caught) {
      setError(caught)
    } finally {
      setMaking(false)
    }
  }

  return (
    <form className={layout.card} onSubmit={(event) => void make(event)}>
      <div className={layout.cardHead}>
        <h2>{words.make}</h2>
      </div>
      {error != null && <ErrorNotice error={error} />}
      <div className={layout.fields}>
        <TextField
          label={words.accountId}
          name="account"
          error={faultOf('account')}
          value={account}
          onChange={setAccount}
          isMono
        />
        <TextField
          label={accountText.members.person}
          name="person"
          error={faultOf('person')}
          value={person}
          onChange={setPerson}
        />
        <Select label={accountText.members.role} value={role} onChange={setRole} options={ROLE_OPTIONS} />
        <Select
          label={words.expires}
          value={hours}
          onChange={setHours}
          options={HOURS.map((value) => ({ value, label: words.hours[value] }))}
        />
        {mail.box}
        <Button
          kind="primary"
          type="submit"
          whyOff={isMissing ? words.missing : null}
          pending={isMaking && text.common.working}
        >
          {words.makeAct}
        </Button>
      </div>
    </form>
  )
}

import type { Page as ApiPage, LoginLink, Member } from '@producersync/server/contract'
import { type SubmitEvent, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import { useWriteKeys } from '#src/api/write-keys.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { Select, TextField } from '#src/parts/field.tsx'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Empty, ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { say } from '#src/parts/toast.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { MadeLink } from '#src/session/made-link.tsx'
import { useMailChoice } from '#src/session/mail-choice.tsx'
import { ROLE_OPTIONS, type Role } from '#src/session/roles.ts'
import { ForbiddenPart } from '#src/shell/other-screens.tsx'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { LastAge, Time } from '#src/time/time.tsx'
import { SettingsTabs } from './settings-tabs.tsx'

const words = accountText.members

/** Who may come into the account, and as what. Source: portal S16. */
export function MembersScreen() {
  const account = useAccount()
  if (!account.can('ManageAccount')) {
    return (
      <Page title={accountText.settings.title}>
        <SettingsTabs account={account.id} chosen="members" />
        <ForbiddenPart needed="ManageAccount" />
      </Page>
    )
  }
  return <Members account={account} />
}

function Members({ account }: { account: Account }) {
  const path = ofAccount(account.id, 'member')
  const view = useRead<ApiPage<Member>>(account.id, path, { query: { limit: 250 } })
  const refresh = useRefresh(account.id)
  const keys = useWriteKeys()
  const [link, setLink] = useState<LoginLink | null>(null)
  const [removed, setRemoved] = useState<Member | null>(null)
  const [error, setError] = useState<unknown>(null)

  async function attempt(work: () => Promise<void>) {
    setError(null)
    try {
      await work()
      await refresh()
    } catch (caught) {
      setError(caught)
    }
  }

  async function invite(memberId: string, mail: { mail?: true } = {}) {
    const body = { memberId, ...mail }
    const made = await fetchJson<LoginLink>(account.id, ofAccount(account.id, 'login-link'), { method: 'POST', body })
    setLink(made)
  }

  const columns: Column<Member>[] = [
    {
      key: 'person',
      head: words.person,
      isPlain: true,
      cell: ({ person }) => <strong className={layout.cell}>{person}</strong>,
    },
    {
      key: 'role',
      head: words.role,
      cell: (member) => (
        <Select
          label={words.roleOf(member.person)}
          isLabelHidden
          value={member.role}
          options={ROLE_OPTIONS}
          onChange={(role) =>
            void attempt(async () => {
              await fetchJson(account.id, `${path}/${member.id}`, { method: 'PATCH', body: { role } })
              say(words.roleChanged(member.person, words.roles[role]))
            })
          }
        />
      ),
    },
    {
      key: 'seen',
      head: words.lastSignIn,
      cell: ({ lastSignInAt }) => <LastAge at={lastSignInAt} />,
    },
    {
      key: 'invited',
      head: words.invitation,
      cell: ({ invitedUntil }) =>
        invitedUntil === null ? (
          text.common.none
        ) : (
          <>
            {words.openUntil} <Time at={invitedUntil} form="short" />
          </>
        ),
    },
    {
      key: 'acts',
      head: '',
      isPlain: true,
      cell: (member) => (
        <span className={layout.acts}>
          <Button isSmall onPress={() => void attempt(() => invite(member.id))}>
            {words.newLink}
          </Button>
          <Button isSmall onPress={() => setRemoved(member)}>
            {words.remove}
          </Button>
        </span>
      ),
    },
  ]
  return (
    <Page title={accountText.settings.title}>
      <SettingsTabs account={account.id} chosen="members" />
      {error != null && <ErrorNotice error={error} />}
      {link && <MadeLink of={link} onDone={() => setLink(null)} />}
      <Invite
        onInvite={(person, role, mail) =>
          attempt(async () => {
            const body = { person, role }
            const idempotencyKey = keys.keyFor(body)
            const member = await fetchJson<Member>(account.id, path, { method: 'POST', body, idempotencyKey })
            keys.done()
            await invite(member.id, mail)
          })
        }
      />
      <Listing
        name={words.title}
        view={mapView(view, ({ data }) => data)}
        keyOf={({ id }) => id}
        columns={columns}
        empty={<Empty title={words.none}>{words.noneBody}</Empty>}
      />
      <DangerDialog
        title={words.removeTitle(removed?.person ?? '')}
        effect={words.removeEffect}
        verb={words.remove}
        isOpen={removed !== null}
        onClose={() => setRemoved(null)}
        act={async () => {
          if (!removed) return
          await fetchJson<void>(account.id, `${path}/${removed.id}`, { method: 'DELETE' })
          await refresh()
        }}
      />
    </Page>
  )
}

function Invite({ onInvite }: { onInvite: (person: string, role: Role, mail: { mail?: true }) => Promise<void> }) {
  const [person, setPerson] = useState('')
  const [role, setRole] = useState<Role>('developer')
  const mail = useMailChoice(person)
  const [isInviting, setInviting] = useState(false)
  async function submit(event: SubmitEvent) {
    event.preventDefault()
    if (person.trim() === '' || isInviting) return
    setInviting(true)
    await onInvite(person.trim(), role, mail.wish)
    setInviting(false)
    setPerson('')
  }
  return (
    <form className={layout.card} onSubmit={(event) => void submit(event)}>
      <div className={layout.cardHead}>
        <h2>{words.invite}</h2>
      </div>
      <div className={layout.fieldsWithHints}>
        <TextField label={words.person} name="person" hint={words.personHint} value={person} onChange={setPerson} />
        <Select
          label={words.role}
          hint={words.roleHints[role]}
          value={role}
          onChange={setRole}
          options={ROLE_OPTIONS}
        />
        {mail.box}
        <Button
          kind="primary"
          type="submit"
          whyOff={person.trim() === '' ? words.personFirst : null}
          pending={isInviting && text.common.working}
        >
          {words.inviteAct}
        </Button>
      </div>
    </form>
  )
}

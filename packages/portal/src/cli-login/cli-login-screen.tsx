import type { CliLoginRequest, Session } from '@producersync/server/contract'
import { useLocation } from '@tanstack/react-router'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { ApiError } from '#src/api/request.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Select, TextField } from '#src/parts/field.tsx'
import { ErrorNotice, Notice, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useSession } from '#src/session/account.ts'
import { Gate } from '#src/session/gate.tsx'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { Age } from '#src/time/time.tsx'
import styles from './cli-login.module.css'

const words = accountText.cliLogin

type LetInto = Pick<Session['grants'][number]['account'], 'id' | 'name'>

/** Lets a command line in, with the rights of whoever approves it: the page that `psapi login` asks to be opened. */
export function CliLoginScreen() {
  const [code, setCode] = useState(codeIn(useLocation().search))
  const session = useSession()
  const grants = session?.grants ?? []
  const [chosen, setChosen] = useState(grants[0]?.account.id ?? '')
  const [decision, setDecision] = useState<Decision | null>(null)
  const isStaff = session?.staff != null
  // staff are in no account: they name the one that the command line starts with
  const account: LetInto | undefined = isStaff
    ? { id: chosen, name: chosen }
    : grants.find((grant) => grant.account.id === chosen)?.account

  if (!account) return <Said title={words.noAccount} body={words.noAccountBody} />
  if (decision === 'approved') return <Said title={words.approved} body={words.approvedBody(account.name)} />
  if (decision === 'denied') return <Said title={words.denied} body={words.deniedBody} />
  return (
    <Gate>
      <Page title={words.title} lead={words.lead}>
        {code === '' ? (
          <AskFor label={words.code} hint={words.codeHint} onGiven={setCode} />
        ) : (
          <>
            {grants.length > 1 && (
              <Select
                label={words.account}
                value={account.id}
                onChange={setChosen}
                options={grants.map((grant) => ({ value: grant.account.id, label: grant.account.name }))}
              />
            )}
            {account.id === '' ? (
              <AskFor label={words.account} hint={words.accountHint} onGiven={setChosen} />
            ) : (
              <Waiting
                key={account.id}
                account={account}
                code={code}
                onDecided={setDecision}
                onOther={() => setCode('')}
              />
            )}
          </>
        )}
      </Page>
    </Gate>
  )
}

type Decision = 'approved' | 'denied'

function AskFor({ label, hint, onGiven }: { label: string; hint: string; onGiven: (text: string) => void }) {
  const [typed, setTyped] = useState('')
  return (
    <form
      className={layout.stack}
      onSubmit={(event) => {
        event.preventDefault()
        onGiven(typed.trim())
      }}
    >
      <TextField label={label} hint={hint} value={typed} onChange={setTyped} isMono />
      <div>
        <Button kind="primary" type="submit">
          {words.go}
        </Button>
      </div>
    </form>
  )
}

/** What asks to be let in, and the two answers. */
function Waiting({
  account,
  code,
  onDecided,
  onOther,
}: {
  account: LetInto
  code: string
  onDecided: (decision: Decision) => void
  onOther: () => void
}) {
  const path = ofAccount(account.id, 'cli-login')
  const view = useRead<CliLoginRequest>(account.id, path, { query: { userCode: code } })
  const [deciding, setDeciding] = useState<Decision | null>(null)
  const [error, setError] = useState<unknown>(null)

  async function decide(decision: Decision) {
    if (deciding !== null) return
    setDeciding(decision)
    setError(null)
    try {
      await fetchJson(account.id, path, { method: 'POST', body: { userCode: code, approve: decision === 'approved' } })
      onDecided(decision)
    } catch (caught) {
      setError(caught)
      setDeciding(null)
    }
  }

  if (view.kind === 'failed' && view.error instanceof ApiError && [404, 422].includes(view.error.status)) {
    return (
      <div className={layout.stack}>
        <Notice tone="warn" title={words.unknown}>
          {words.unknownBody}
        </Notice>
        <div>
          <Button onPress={onOther}>{words.other}</Button>
        </div>
      </div>
    )
  }
  return (
    <Part of={view} rows={3}>
      {({ userCode, deviceName, requestedAt, capabilities, staff }) => (
        <div className={layout.stack}>
          {error != null && <ErrorNotice error={error} />}
          <p className={styles.code}>
            <span className={layout.hidden}>{words.code}</span> <code>{userCode}</code>
          </p>
          <dl className={layout.facts}>
            <dt>{words.device}</dt>
            <dd>{deviceName ?? text.common.none}</dd>
            <dt>{words.asked}</dt>
            <dd>
              <Age at={requestedAt} />
            </dd>
            <dt>{words.account}</dt>
            <dd>{account.name}</dd>
            <dt>{words.rights}</dt>
            <dd>
              {staff === null
                ? capabilities.map((capability) => text.capabilities[capability] ?? capability).join(', ')
                : words.staffRights(staff)}
            </dd>
          </dl>
          <p className={layout.muted}>{staff === null ? words.warning : words.staffWarning}</p>
          <div className={layout.row}>
            <Button
              kind="primary"
              onPress={() => void decide('approved')}
              pending={deciding === 'approved' && text.common.working}
            >
              {words.approve}
            </Button>
            <Button onPress={() => void decide('denied')} pending={deciding === 'denied' && text.common.working}>
              {words.deny}
            </Button>
          </div>
        </div>
      )}
    </Part>
  )
}

function Said({ title, body }: { title: string; body: string }) {
  return (
    <Gate>
      <Page title={title} lead={body}>
        {null}
      </Page>
    </Gate>
  )
}

function codeIn({ code }: Readonly<Record<string, unknown>>): string {
  return typeof code === 'string' ? code.trim() : ''
}

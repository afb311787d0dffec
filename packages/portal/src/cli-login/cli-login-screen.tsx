import type { CliLoginRequest, Session } from '@producersync/server/contract'
import { useLocation } from '@tanstack/react-router'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { ApiError } from '#src/api/request.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { Select, TextField } from '#src/parts/field.tsx'
import { ErrorNotice, Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useSession } from '#src/session/account.ts'
import { Gate } from '#src/session/gate.tsx'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { Age } from '#src/time/time.tsx'

const words = accountText.cliLogin

type Grant = Session['grants'][number]

/** Lets a command line in, with the rights of whoever approves it: the page that `psapi login` asks to be opened. */
export function CliLoginScreen() {
  const [code, setCode] = useState(codeIn(useLocation().search))
  const [typed, setTyped] = useState('')
  const grants = useSession()?.grants ?? []
  const [chosen, setChosen] = useState(grants[0]?.account.id)
  const [decision, setDecision] = useState<Decision | null>(null)
  const grant = grants.find(({ account }) => account.id === chosen)

  if (!grant) return <Said title={words.noAccount} body={words.noAccountBody} />
  if (decision === 'approved') return <Said title={words.approved} body={words.approvedBody(grant.account.name)} />
  if (decision === 'denied') return <Said title={words.denied} body={words.deniedBody} />
  return (
    <Gate>
      <Page title={words.title} lead={words.lead}>
        {code === '' ? (
          <form
            className={layout.stack}
            onSubmit={(event) => {
              event.preventDefault()
              setCode(typed.trim())
            }}
          >
            <TextField label={words.code} hint={words.codeHint} value={typed} onChange={setTyped} isMono />
            <div>
              <Button kind="primary" type="submit">
                {words.go}
              </Button>
            </div>
          </form>
        ) : (
          <>
            {grants.length > 1 && (
              <Select
                label={words.account}
                value={grant.account.id}
                onChange={setChosen}
                options={grants.map(({ account }) => ({ value: account.id, label: account.name }))}
              />
            )}
            <Waiting
              key={grant.account.id}
              grant={grant}
              code={code}
              onDecided={setDecision}
              onOther={() => setCode('')}
            />
          </>
        )}
      </Page>
    </Gate>
  )
}

type Decision = 'approved' | 'denied'

/** What asks to be let in, and the two answers. */
function Waiting({
  grant,
  code,
  onDecided,
  onOther,
}: {
  grant: Grant
  code: string
  onDecided: (decision: Decision) => void
  onOther: () => void
}) {
  const { account } = grant
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
        <p>{words.unknown}</p>
        <div>
          <Button onPress={onOther}>{words.other}</Button>
        </div>
      </div>
    )
  }
  return (
    <Part of={view} rows={3}>
      {({ userCode, deviceName, requestedAt, capabilities }) => (
        <div className={layout.stack}>
          {error != null && <ErrorNotice error={error} takesFocus />}
          <dl className={layout.facts}>
            <dt>{words.code}</dt>
            <dd className={layout.mono}>{userCode}</dd>
            <dt>{words.device}</dt>
            <dd>{deviceName ?? text.common.none}</dd>
            <dt>{words.asked}</dt>
            <dd>
              <Age at={requestedAt} />
            </dd>
            <dt>{words.account}</dt>
            <dd>{account.name}</dd>
            <dt>{words.rights}</dt>
            <dd>{capabilities.map((capability) => text.capabilities[capability] ?? capability).join(', ')}</dd>
          </dl>
          <p className={layout.muted}>{words.warning}</p>
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

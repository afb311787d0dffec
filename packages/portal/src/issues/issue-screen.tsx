import type { Issue } from '@producersync/server/contract'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { useRead, type View } from '#src/api/queries.ts'
import { maskedUrl } from '#src/endpoints/url.ts'
import { useKey } from '#src/keys/shortcuts.ts'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { Detail } from '#src/parts/detail.tsx'
import { Fact } from '#src/parts/fact.tsx'
import { TextArea } from '#src/parts/field.tsx'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { Prose } from '#src/parts/prose.tsx'
import { say } from '#src/parts/toast.tsx'
import { ReplayDialog } from '#src/replays/replay-dialog.tsx'
import { useAccount } from '#src/session/account.ts'
import { count, text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { issueText } from '#src/text-issues.ts'
import { Time } from '#src/time/time.tsx'
import { IssuePill, issueEndpoint } from './issue-words.tsx'

const words = issueText.issues

/** One issue: what is wrong, what to do, who has seen it; and the way to what failed. */
export function IssueScreen() {
  const account = useAccount()
  const { issue = '' } = useParams({ strict: false })
  const path = ofAccount(account.id, 'issue', issue)
  return <Whole view={useRead<Issue>(account.id, path, { topics: ['issue'] })} path={path} />
}

function Whole({ view, path }: { view: View<Issue>; path: string }) {
  const account = useAccount()
  const crumbs = (
    <Link to="/a/$account/issues" params={{ account: account.id }}>
      {words.title}
    </Link>
  )
  return (
    <Detail view={view} title={words.one} crumbs={crumbs}>
      {(issue) => <IssuePage issue={issue} path={path} crumbs={crumbs} />}
    </Detail>
  )
}

function IssuePage({ issue, path, crumbs }: { issue: Issue; path: string; crumbs: ReactNode }) {
  const account = useAccount()
  const [isReplaying, setReplaying] = useState(false)
  const { failure, endpointId, firstAt } = issue
  const whyNotReplay = account.whyNot('CreateAttempts')
  useKey('r', text.keys.replay, () => whyNotReplay === null && setReplaying(true))
  const found = { endpoint: endpointId, class: failure.class, from: firstAt }
  return (
    <Page
      title={failure.title}
      crumbs={crumbs}
      beside={<IssuePill state={issue.state} />}
      acts={
        <>
          <ButtonLink to="/a/$account/log" params={{ account: account.id }} search={found}>
            {words.inLog}
          </ButtonLink>
          <Button keys="r" onPress={() => setReplaying(true)} whyOff={whyNotReplay}>
            {words.replay}
          </Button>
        </>
      }
    >
      <Notice
        tone={issue.state === 'resolved' ? 'ok' : 'bad'}
        title={issueEndpoint(issue)}
        acts={
          <a href={failure.docsUrl} target="_blank" rel="noreferrer">
            {deliveryText.attempt.why}
          </a>
        }
      >
        <Prose>{failure.advice}</Prose>
      </Notice>
      <div className={layout.columns}>
        <section className={layout.card} aria-label={words.facts}>
          <Facts of={issue} account={account.id} />
        </section>
        <State key={issue.id} of={issue} path={path} account={account.id} whyNot={account.whyNot('ManageEndpoint')} />
      </div>
      {isReplaying && (
        <ReplayDialog
          wish={{
            kind: 'bulk-replay',
            endpointIds: [endpointId],
            filter: { class: [failure.class], from: firstAt },
            filterWords: failure.title,
          }}
          onClose={() => setReplaying(false)}
        />
      )}
    </Page>
  )
}

function Facts({ of: issue, account }: { of: Issue; account: string }) {
  const { endpointId, endpointUrl, latestMsgId, latestAttemptId, acknowledgedAt, resolvedAt, resolvedBy } = issue
  return (
    <dl className={layout.facts}>
      <Fact name={words.columns.endpoint}>
        <Link to="/a/$account/endpoints/$endpoint" params={{ account, endpoint: endpointId }}>
          {issueEndpoint(issue)}
        </Link>
      </Fact>
      <Fact name={words.url}>
        <code>{maskedUrl(endpointUrl)}</code>
      </Fact>
      <Fact name={words.columns.first}>
        <Time at={issue.firstAt} />
      </Fact>
      <Fact name={words.columns.last}>
        <Time at={issue.lastAt} />
      </Fact>
      <Fact name={words.columns.count}>{count(issue.count)}</Fact>
      <Fact name={words.columns.events}>{count(issue.events)}</Fact>
      <Fact name={words.exhausted}>{count(issue.exhausted)}</Fact>
      <Fact name={words.latest}>
        <Link
          to="/a/$account/events/$event"
          params={{ account, event: latestMsgId }}
          search={{ attempt: latestAttemptId }}
        >
          <code>{latestAttemptId}</code>
        </Link>
      </Fact>
      {acknowledgedAt !== null && (
        <Fact name={words.acknowledgedAt}>
          <Time at={acknowledgedAt} />
        </Fact>
      )}
      {resolvedAt !== null && (
        <Fact name={words.resolvedAt}>
          <Time at={resolvedAt} /> {resolvedBy === null ? '' : words.resolvedBy[resolvedBy]}
        </Fact>
      )}
    </dl>
  )
}

function State({
  of: issue,
  path,
  account,
  whyNot,
}: {
  of: Issue
  path: string
  account: string
  whyNot: string | null
}) {
  const client = useQueryClient()
  const [note, setNote] = useState(issue.note ?? '')
  const [busy, setBusy] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)

  async function change(what: string, body: { state?: Issue['state']; note?: string | null }) {
    setBusy(what)
    setError(null)
    try {
      client.setQueryData([account, path], await fetchJson<Issue>(account, path, { method: 'PATCH', body }))
      await client.invalidateQueries({ queryKey: [account] })
      say(text.common.saved)
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(null)
    }
  }
  const act = (state: Issue['state'], label: string) => (
    <Button
      onPress={() => void change(state, { state })}
      whyOff={whyNot}
      pending={busy === state ? text.common.saving : false}
    >
      {label}
    </Button>
  )
  return (
    <section className={layout.card}>
      <div className={layout.stack}>
        <div className={layout.row}>
          {issue.state === 'open' && act('acknowledged', words.acknowledge)}
          {issue.state !== 'open' && act('open', words.reopen)}
          {issue.state !== 'resolved' && act('resolved', words.resolve)}
        </div>
        <TextArea label={words.note} name="note" hint={words.noteHint} value={note} onChange={setNote} rows={4} />
        <div className={layout.row}>
          <Button
            onPress={() => void change('note', { note: note.trim() === '' ? null : note })}
            whyOff={whyNot}
            pending={busy === 'note' ? text.common.saving : false}
          >
            {words.saveNote}
          </Button>
        </div>
        {error != null && <ErrorNotice error={error} />}
      </div>
    </section>
  )
}

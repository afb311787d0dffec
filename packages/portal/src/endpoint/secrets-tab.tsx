import type { Page as ApiPage, Endpoint, SigningSecret } from '@producersync/server/contract'
import { useState } from 'react'
import { fetchJson, ofAccount } from '#src/api/client.ts'
import { mapView, useRead } from '#src/api/queries.ts'
import { useRefresh } from '#src/api/refresh.ts'
import layout from '#src/look/layout.module.css'
import { Button } from '#src/parts/button.tsx'
import { CopyText } from '#src/parts/copy.tsx'
import { DangerDialog } from '#src/parts/dialog.tsx'
import { type Column, Listing } from '#src/parts/listing.tsx'
import { Notice } from '#src/parts/notice.tsx'
import { say } from '#src/parts/toast.tsx'
import type { Account } from '#src/session/account.ts'
import { TestOutcome, useTest } from '#src/testing/test-outcome.tsx'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { Age, Time } from '#src/time/time.tsx'
import { RevealedSecret } from './revealed-secret.tsx'
import { RotateDialog } from './rotate-dialog.tsx'

const words = endpointText.secrets

/** The secrets that sign, and how to change them without a gap. Source: portal S11. */
export function SecretsTab({ endpoint, account }: { endpoint: Endpoint; account: Account }) {
  const [isRotating, setRotating] = useState(false)
  const [ended, setEnded] = useState<SigningSecret | null>(null)
  const refresh = useRefresh(account.id)
  const test = useTest(account.id, endpoint.id)
  const path = ofAccount(account.id, 'endpoint', endpoint.id, 'secret')
  const view = useRead<ApiPage<SigningSecret>>(account.id, `${path}/list`, {
    isEnabled: account.can('ViewEndpointSecret'),
  })
  const whyOff = account.whyNot('ManageEndpointSecret')
  const overlaps = view.kind === 'ready' && view.data.data.length > 1
  return (
    <div className={layout.stack}>
      <section className={layout.card} aria-labelledby="current">
        <div className={layout.cardHead}>
          <h2 id="current">{words.current}</h2>
          <Button isSmall whyOff={whyOff} onPress={() => setRotating(true)}>
            {words.rotate}
          </Button>
        </div>
        <RevealedSecret account={account} endpoint={endpoint.id} />
      </section>
      {overlaps && (
        <Notice
          title={words.overlap}
          acts={
            <Button
              isSmall
              whyOff={account.whyNot('CreateAttempts')}
              pending={test.isSending && text.common.working}
              onPress={() => void test.send({ eventType: 'webhook.ping', secret: 'newest' })}
            >
              {words.testNewest}
            </Button>
          }
        >
          {words.overlapBody}
        </Notice>
      )}
      {(test.result || test.error != null) && <TestOutcome test={test} account={account.id} />}
      {account.can('ViewEndpointSecret') && (
        <Listing
          name={words.list}
          view={mapView(view, ({ data }) => data)}
          keyOf={({ id }) => id}
          columns={columnsOf(whyOff, setEnded)}
          empty={null}
        />
      )}
      {isRotating && <RotateDialog endpoint={endpoint} account={account} onClose={() => setRotating(false)} />}
      <DangerDialog
        title={words.endTitle(ended?.fingerprint ?? '')}
        effect={words.endEffect}
        verb={words.end}
        isOpen={ended !== null}
        onClose={() => setEnded(null)}
        act={async () => {
          if (!ended) return
          await fetchJson<void>(account.id, `${path}/${encodeURIComponent(ended.id)}`, { method: 'DELETE' })
          say(words.ended)
          await refresh()
        }}
      />
    </div>
  )
}

function columnsOf(whyOff: string | null, onEnd: (secret: SigningSecret) => void): Column<SigningSecret>[] {
  return [
    {
      key: 'fingerprint',
      head: words.fingerprint,
      cell: ({ fingerprint, publicKey }) => (
        <span className={layout.tight}>
          <code>{fingerprint}</code>
          {publicKey !== null && <CopyText value={publicKey} name={words.publicKey} />}
        </span>
      ),
    },
    { key: 'kind', head: words.kind, cell: ({ kind }) => words.kinds[kind] },
    { key: 'created', head: words.created, cell: ({ createdAt }) => <Time at={createdAt} form="short" /> },
    {
      key: 'signs',
      head: words.signs,
      cell: ({ current, expiresAt }) =>
        current || expiresAt === null ? (
          words.isCurrent
        ) : (
          <>
            {words.ends} <Age at={expiresAt} />
          </>
        ),
    },
    {
      key: 'acts',
      head: '',
      isPlain: true,
      cell: (secret) =>
        !secret.current && (
          <Button isSmall kind="danger" whyOff={whyOff} onPress={() => onEnd(secret)}>
            {words.end}
          </Button>
        ),
    },
  ]
}

import type { Endpoint } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { useEffect } from 'react'
import { RevealedSecret } from '#src/endpoint/revealed-secret.tsx'
import { endpointName } from '#src/endpoints/url.ts'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { Page } from '#src/parts/page.tsx'
import type { Account } from '#src/session/account.ts'
import { PING, TestOutcome, useTest } from '#src/testing/test-outcome.tsx'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'

const words = endpointText.endpointForm.created

/** What comes after an endpoint was saved: the ping and its answer, the secret, and the signature check. */
export function CreatedEndpoint({ endpoint, account }: { endpoint: Endpoint; account: Account }) {
  const { id } = endpoint
  const test = useTest(account.id, id)
  const params = { account: account.id, endpoint: id }
  const mayTest = account.can('CreateAttempts')
  const { send } = test
  useEffect(() => {
    if (mayTest) void send({ eventType: PING })
  }, [mayTest, send])
  return (
    <Page
      title={words.title(endpointName(endpoint))}
      crumbs={
        <Link to="/a/$account/endpoints" params={{ account: account.id }}>
          {endpointText.endpoints.title}
        </Link>
      }
    >
      <section className={layout.card}>
        <div className={layout.cardHead}>
          <h2>{words.ping}</h2>
          <Button
            isSmall
            whyOff={account.whyNot('CreateAttempts')}
            pending={test.isSending && text.common.working}
            onPress={() => void send({ eventType: PING })}
          >
            {words.again}
          </Button>
        </div>
        <TestOutcome test={test} account={account.id} />
      </section>
      <section className={layout.card}>
        <div className={layout.cardHead}>
          <h2>{words.secret}</h2>
        </div>
        <p className={layout.muted}>{words.secretBody}</p>
        <RevealedSecret account={account} endpoint={id} isAtOnce={account.can('ViewEndpointSecret')} />
      </section>
      <div className={layout.row}>
        <ButtonLink kind="primary" to="/a/$account/endpoints/$endpoint" params={params} search={{ tab: 'testing' }}>
          {words.next}
        </ButtonLink>
        <ButtonLink to="/a/$account/endpoints/$endpoint" params={params}>
          {words.open}
        </ButtonLink>
      </div>
    </Page>
  )
}

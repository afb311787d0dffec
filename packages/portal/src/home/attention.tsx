import type { Summary } from '@producersync/server/contract'
import { endpointName } from '#src/endpoints/url.ts'
import { ButtonLink } from '#src/parts/button.tsx'
import { Notice } from '#src/parts/notice.tsx'
import { Prose } from '#src/parts/prose.tsx'
import { text } from '#src/text.ts'
import { Time } from '#src/time/time.tsx'

const words = text.home.attentionOf

type Item = Summary['attention'][number]

/** One thing that needs somebody: what it is, since when, and the way to it. */
export function Attention({ item, account }: { item: Item; account: string }) {
  const { kind, since, endpointId, url, description, failure, disablesAt } = item
  const where = url === null ? null : endpointName({ url, description: description ?? '' })
  return (
    <Notice
      tone={kind === 'endpoint_degraded' || kind === 'endpoint_paused' ? 'warn' : 'bad'}
      title={where === null ? words[kind] : `${where}: ${failure?.title ?? words[kind]}`}
      acts={
        endpointId === null ? (
          <ButtonLink isSmall to="/a/$account/runs" params={{ account }}>
            {words.seeRuns}
          </ButtonLink>
        ) : (
          <>
            <ButtonLink
              isSmall
              to="/a/$account/endpoints/$endpoint"
              params={{ account, endpoint: endpointId }}
              search={{ tab: 'testing' }}
            >
              {words.test}
            </ButtonLink>
            <ButtonLink isSmall to="/a/$account/endpoints/$endpoint" params={{ account, endpoint: endpointId }}>
              {words.why}
            </ButtonLink>
          </>
        )
      }
    >
      {failure && (
        <div>
          <Prose>{failure.advice}</Prose>
        </div>
      )}
      {words.since(where !== null && failure ? words[kind] : null)} <Time at={since} form="short" />
      {disablesAt !== null && (
        <>
          {'. '}
          {words.disables} <Time at={disablesAt} form="short" /> {words.unless}
        </>
      )}
    </Notice>
  )
}

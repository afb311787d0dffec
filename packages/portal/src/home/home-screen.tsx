import type { Summary } from '@producersync/server/contract'
import { Link } from '@tanstack/react-router'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { PLANNED_FROM } from '#src/log/filters.ts'
import { RecentDeliveries } from '#src/log/recent-deliveries.tsx'
import layout from '#src/look/layout.module.css'
import { Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useAccount } from '#src/session/account.ts'
import { useAccountName } from '#src/session/account-name.ts'
import { count, countUpTo, share, text } from '#src/text.ts'
import { Due } from '#src/time/time.tsx'
import { durationWords, momentWords } from '#src/time/words.ts'
import { useZone } from '#src/time/zone.ts'
import { Attention } from './attention.tsx'
import { Checklist } from './checklist.tsx'
import styles from './home.module.css'
import { healthSentence, worstOf } from './sentence.ts'
import { SignalCard } from './signal-card.tsx'
import { Tile } from './tile.tsx'

const words = text.home
/** As many are counted of those retrying and of those waiting, each. */
const WAITING_COUNTED_MAX = 10_000

/** How the account stands now. On a bad day what needs somebody comes before the figures. Source: portal S1. */
export function HomeScreen() {
  const account = useAccount()
  const view = useRead<Summary>(account.id, ofAccount(account.id, 'summary'), {
    topics: ['delivery', 'endpoint', 'run', 'issue'],
    everyMs: 30_000,
  })
  return (
    <Page title={useAccountName()}>
      <Part of={view}>{(summary) => <Standing summary={summary} account={account.id} />}</Part>
    </Page>
  )
}

function Standing({ summary, account }: { summary: Summary; account: string }) {
  const zone = useZone()
  const { deliveries, responseTime, attention, checklist } = summary
  const params = { account }
  // whoever has no event yet has no figures either: the way there comes before them
  const isNew = checklist.some(({ step, done }) => step === 'first_event' && !done)
  const steps = checklist.length > 0 && <Checklist steps={checklist} account={account} />
  return (
    <div className={layout.stack}>
      <p className={styles.sentence}>
        <Link to="/a/$account/endpoints" params={params} search={{ state: worstOf(summary) }}>
          {healthSentence(summary, (at) => momentWords(new Date(at), zone, 'short'))}
        </Link>
      </p>
      {attention.length > 0 && (
        <section className={layout.stack} aria-labelledby="attention">
          <h2 id="attention">{words.attention}</h2>
          {attention.map((item) => (
            <Attention key={`${item.kind} ${item.endpointId}`} item={item} account={account} />
          ))}
        </section>
      )}
      {isNew && steps}
      <div className={styles.tiles}>
        <SignalCard signal={summary.signal} account={account} />
        <Tile
          label={words.delivered}
          figure={deliveries.of === 0 ? text.common.none : share(deliveries.delivered, deliveries.of)}
          link={{ to: '/a/$account/log', params, search: { state: 'delivered', test: 'false', from: '-24h' } }}
        >
          {deliveries.of === 0 ? words.noTraffic : words.deliveredOf(deliveries.delivered, deliveries.of)}
        </Tile>
        <Tile
          label={words.retrying}
          figure={countUpTo(deliveries.retrying + deliveries.waiting, WAITING_COUNTED_MAX)}
          link={{
            to: '/a/$account/log',
            params,
            search: { state: 'retrying,waiting', test: 'false', from: PLANNED_FROM },
          }}
        >
          {deliveries.nextAttempt === null ? (
            words.nothingWaits
          ) : (
            <>
              {words.next} <Due at={deliveries.nextAttempt} isInRow />
            </>
          )}
        </Tile>
        <Tile
          label={words.exhausted}
          figure={count(deliveries.exhausted)}
          isBad={deliveries.exhausted > 0}
          link={{ to: '/a/$account/log', params, search: { state: 'exhausted', test: 'false', from: '-24h' } }}
        >
          {deliveries.exhausted === 0 ? words.noneExhausted : words.canBeReplayed}
        </Tile>
        <Tile
          label={words.responseTime}
          figure={responseTime.p95Ms === null ? text.common.none : durationWords(responseTime.p95Ms)}
          link={{ to: '/a/$account/log', params, search: { slow: 'true', test: 'false', from: '-24h' } }}
        >
          {words.limit(durationWords(responseTime.limitMs))}
        </Tile>
      </div>
      {!isNew && steps}
      <RecentDeliveries account={account} limit={8} />
    </div>
  )
}

import type { Endpoint, EndpointHealth } from '@producersync/server/contract'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { Send } from 'lucide-react'
import { useState } from 'react'
import { oneOf } from '#src/address/search.ts'
import { useAddress } from '#src/address/use-address.ts'
import { ofAccount } from '#src/api/client.ts'
import { useRead } from '#src/api/queries.ts'
import { DisableDialog, EndpointMenu } from '#src/endpoints/endpoint-menu.tsx'
import { endpointName, maskedUrl } from '#src/endpoints/url.ts'
import { useKey } from '#src/keys/shortcuts.ts'
import { DeliveriesView } from '#src/log/deliveries-view.tsx'
import layout from '#src/look/layout.module.css'
import { Button, ButtonLink } from '#src/parts/button.tsx'
import { LinkTabs } from '#src/parts/link-tabs.tsx'
import { Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { failedAt, ReplayDialog } from '#src/replays/replay-dialog.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { EndpointPill } from '#src/states/states.tsx'
import { text } from '#src/text.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { Time } from '#src/time/time.tsx'
import { EnableDialog } from './enable-dialog.tsx'
import { OverviewTab } from './overview-tab.tsx'
import { SecretsTab } from './secrets-tab.tsx'
import { SettingsTab } from './settings-tab.tsx'
import { SPANS, type Span, spanOf } from './span.ts'
import { TestingTab } from './testing-tab.tsx'

const words = endpointText.endpoint
const TABS = ['overview', 'deliveries', 'testing', 'secrets', 'settings'] as const
type Tab = (typeof TABS)[number]
const KNOWN = { tab: oneOf(TABS) }
/** Of the overview, whose charts show one of a few periods; the deliveries have any. */
const KNOWN_OF_OVERVIEW = { ...KNOWN, from: oneOf(Object.keys(SPANS)) }

/** One endpoint. Source: portal S4. */
export function EndpointScreen() {
  const account = useAccount()
  const { endpoint: id = '' } = useParams({ strict: false })
  const { raw, faults } = useAddress(KNOWN)
  const tab = TABS.find((one) => one === raw.tab) ?? 'overview'
  const ofOverview = useAddress(KNOWN_OF_OVERVIEW)
  const span = spanOf(raw.from)
  const endpoint = useRead<Endpoint>(account.id, ofAccount(account.id, 'endpoint', id), { topics: ['endpoint'] })
  const health = useRead<EndpointHealth>(account.id, ofAccount(account.id, 'endpoint', id, 'health'), {
    query: { from: useFrom(span), bucket: SPANS[span].bucket },
    topics: ['endpoint', 'delivery'],
    everyMs: 30_000,
  })
  if (endpoint.kind !== 'ready') {
    return (
      <Page title={words.title} crumbs={<Crumb account={account} />}>
        <Part of={endpoint}>{() => null}</Part>
      </Page>
    )
  }
  const { data } = endpoint
  return (
    <Page
      title={endpointName(data)}
      crumbs={<Crumb account={account} />}
      // the deliveries say themselves what of the address they left out
      ignored={tab === 'overview' ? ofOverview.faults : faults.filter((name) => name in KNOWN)}
      beside={
        <>
          {health.kind === 'ready' && <StateOf health={health.data} />}
          <span className={layout.mono}>{maskedUrl(data.url)}</span>
        </>
      }
      acts={<Acts endpoint={data} health={health.kind === 'ready' ? health.data : null} account={account} />}
    >
      <LinkTabs name={words.tabs.name} tabs={TABS.map((one) => tabLink(one, tab, account.id, id))} />
      {tab === 'overview' && <OverviewTab endpoint={data} health={health} span={span} account={account} />}
      {tab === 'deliveries' && <DeliveriesView endpoint={id} />}
      {tab === 'testing' && <TestingTab endpoint={data} account={account} />}
      {tab === 'secrets' && <SecretsTab endpoint={data} account={account} />}
      {tab === 'settings' && <SettingsTab endpoint={data} account={account} />}
    </Page>
  )
}

function tabLink(one: Tab, chosen: Tab, account: string, endpoint: string) {
  return {
    label: words.tabs[one],
    isChosen: one === chosen,
    link: {
      to: '/a/$account/endpoints/$endpoint' as const,
      params: { account, endpoint },
      search: one === 'overview' ? {} : { tab: one },
    },
  }
}

function Crumb({ account }: { account: Account }) {
  return (
    <Link to="/a/$account/endpoints" params={{ account: account.id }}>
      {endpointText.endpoints.title}
    </Link>
  )
}

function StateOf({ health: { state, since, disabledReason, pausedUntil } }: { health: EndpointHealth }) {
  return (
    <span className={layout.row}>
      <EndpointPill state={state} />
      <span className={layout.muted}>
        {state === 'disabled' && disabledReason !== null && `${text.disabledBecause[disabledReason]}, `}
        {words.since} <Time at={since} form="short" />
        {pausedUntil !== null && (
          <>
            {`, ${words.until} `}
            <Time at={pausedUntil} form="time" />
          </>
        )}
      </span>
    </span>
  )
}

function Acts({ endpoint, health, account }: { endpoint: Endpoint; health: EndpointHealth | null; account: Account }) {
  const waiting = health?.waiting ?? null
  const since = health?.state === 'disabled' ? health.since : undefined
  const [dialog, setDialog] = useState<'disable' | 'enable' | null>(null)
  const [isReplaying, setReplaying] = useState(false)
  const navigate = useNavigate()
  const params = { account: account.id, endpoint: endpoint.id }
  const target = { id: endpoint.id, name: endpointName(endpoint), isDisabled: endpoint.disabled, waiting }
  const whyOff = account.whyNot('ManageEndpoint')
  const close = () => setDialog(null)
  const whyNotReplay = account.whyNot('CreateAttempts')
  useKey('r', text.keys.replay, () => whyNotReplay === null && setReplaying(true))
  return (
    <>
      <ButtonLink icon={Send} to="/a/$account/endpoints/$endpoint" params={params} search={{ tab: 'testing' }}>
        {words.sendTest}
      </ButtonLink>
      <Button keys="r" whyOff={whyNotReplay} onPress={() => setReplaying(true)}>
        {words.replay}
      </Button>
      <Button whyOff={whyOff} onPress={() => setDialog(endpoint.disabled ? 'enable' : 'disable')}>
        {endpoint.disabled ? words.enable : words.disable}
      </Button>
      <EndpointMenu
        target={target}
        account={account}
        onGone={() => void navigate({ to: '/a/$account/endpoints', params: { account: account.id } })}
      />
      {isReplaying && <ReplayDialog wish={failedAt(endpoint.id)} onClose={() => setReplaying(false)} />}
      <DisableDialog target={target} account={account} isOpen={dialog === 'disable'} onClose={close} />
      {dialog === 'enable' && <EnableDialog endpoint={endpoint} since={since} account={account} onClose={close} />}
    </>
  )
}

/** The beginning of a span; the same for a minute, so that what is read stays the same question. */
function useFrom(span: Span): string {
  const [now] = useState(() => Date.now())
  const minute = 60_000
  return new Date(Math.floor((now - SPANS[span].ms) / minute) * minute).toISOString()
}

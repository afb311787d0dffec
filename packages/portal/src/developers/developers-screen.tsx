import layout from '#src/look/layout.module.css'
import { ButtonLink } from '#src/parts/button.tsx'
import { CopyText } from '#src/parts/copy.tsx'
import { Page } from '#src/parts/page.tsx'
import { type Account, useAccount } from '#src/session/account.ts'
import { accountText } from '#src/text-account.ts'
import { Keys } from './keys.tsx'
import { SourceAddresses } from './source-addresses.tsx'

const words = accountText.developers

const DESCRIPTIONS = [
  { href: '/docs/', name: words.guides },
  { href: '/docs/reference/api', name: words.operations },
  { href: '/docs/reference/cli', name: words.commands },
  { href: '/docs/reference/webhooks-package', name: words.package },
  { href: '/openapi.json', name: words.openapi },
  { href: '/docs/asyncapi.json', name: words.asyncapi },
]

/** What a program of the account needs: ids, keys, the first calls, and where the APIs are described. Source: portal S14. */
export function DevelopersScreen() {
  const account = useAccount()
  return (
    <Page title={words.title} lead={words.lead}>
      <QuickStart account={account} />
      {account.can('ManageAccount') ? <Keys account={account} /> : <p className={layout.muted}>{words.noKeys}</p>}
      <section className={layout.card} aria-labelledby="cli">
        <div className={layout.cardHead}>
          <h2 id="cli">{words.cli}</h2>
          <ButtonLink isSmall to="/cli-login">
            {words.approve}
          </ButtonLink>
        </div>
        <p className={layout.muted}>{words.cliBody}</p>
        <CopyText value="npx psapi login" name={words.command} />
      </section>
      <SourceAddresses account={account} />
      <section className={layout.card} aria-labelledby="descriptions">
        <div className={layout.cardHead}>
          <h2 id="descriptions">{words.descriptions}</h2>
        </div>
        <ul className={layout.tight}>
          {DESCRIPTIONS.map(({ href, name }) => (
            <li key={href}>
              <a href={href}>{name}</a>
            </li>
          ))}
        </ul>
      </section>
    </Page>
  )
}

function QuickStart({ account }: { account: Account }) {
  const base = location.origin
  const steps = [
    {
      title: words.steps.token,
      line: `curl -s ${base}/oauth2/token -u "$PSAPI_CLIENT_ID:$PSAPI_CLIENT_SECRET" -d grant_type=client_credentials`,
    },
    {
      title: words.steps.add,
      line: `curl -s -X PUT ${base}/v1/accounts/subscriptions -H "Authorization: Bearer $PSAPI_TOKEN" -H 'content-type: application/json' -d '["15645555"]'`,
    },
    {
      title: words.steps.endpoint,
      line: `curl -s ${base}/api/v1/app/${account.id}/endpoint -H "Authorization: Bearer $PSAPI_API_KEY" -H 'content-type: application/json' -d '{"url":"https://hooks.example.com/in"}'`,
    },
    { title: words.steps.listen, line: 'npx psapi listen' },
  ]
  return (
    <section className={layout.card} aria-labelledby="start">
      <div className={layout.cardHead}>
        <h2 id="start">{words.start}</h2>
      </div>
      <dl className={layout.facts}>
        <dt>{words.accountId}</dt>
        <dd>
          <CopyText value={account.id} name={words.accountId} />
        </dd>
        <dt>{words.apiBase}</dt>
        <dd>
          <CopyText value={base} name={words.apiBase} />
        </dd>
        {steps.map(({ title, line }) => (
          <Step key={title} title={title} line={line} />
        ))}
      </dl>
    </section>
  )
}

function Step({ title, line }: { title: string; line: string }) {
  return (
    <>
      <dt>{title}</dt>
      <dd>
        <CopyText value={line} name={words.command} />
      </dd>
    </>
  )
}

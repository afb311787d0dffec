import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { accountText } from '#src/text-account.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { envText } from '#src/text-env.ts'
import { issueText } from '#src/text-issues.ts'
import { producerText } from '#src/text-producers.ts'

const { acts } = endpointText.endpoints
const { members, keysOf } = accountText
const { event, replay } = deliveryText
const { notices } = issueText
const SOURCES = join(import.meta.dirname, '..')
const ASKS = /<DangerDialog|useRevoking</g

/** Which file asks, and its question with what it says will happen: object and effect. Source: portal G12 */
const TABLE: readonly [file: string, asked: string, effect: string, words: string][] = [
  [
    'developers/keys.tsx',
    keysOf.revokeTitle('Nightly import'),
    keysOf.revokeEffect,
    'Revoke Nightly import? Whatever uses it is refused from now on. This cannot be undone.',
  ],
  [
    'endpoint/secrets-tab.tsx',
    endpointText.secrets.endTitle('9f3c'),
    endpointText.secrets.endEffect,
    'End the secret 9f3c now? Requests are signed with the current secret only, from now on. A receiver that still has the old one will refuse them.',
  ],
  [
    'endpoint/headers-card.tsx',
    endpointText.headers.removeTitle('x-tenant'),
    endpointText.headers.removeEffect,
    'Remove the header x-tenant? Requests are sent without it from now on. A value that is not shown is gone for good.',
  ],
  [
    'endpoints/bulk-bar.tsx',
    endpointText.endpoints.bulk.disableTitle(['hooks.example', 'crm.example']),
    acts.disableEffect(3),
    'Disable hooks.example and crm.example? 3 waiting deliveries are cancelled. New events are not sent any more; you can enable it again and replay what was missed.',
  ],
  [
    'endpoints/endpoint-menu.tsx',
    acts.disableTitle('hooks.example'),
    acts.disableEffect(3),
    'Disable hooks.example? 3 waiting deliveries are cancelled. New events are not sent any more; you can enable it again and replay what was missed.',
  ],
  [
    'endpoints/endpoint-menu.tsx',
    acts.deleteTitle('hooks.example'),
    acts.deleteEffect(1),
    'Delete hooks.example? 1 waiting delivery is cancelled. Its secrets and settings are gone for good. Attempts stay in the log. To stop it for a while, disable it instead.',
  ],
  [
    'env/env-run-screen.tsx',
    envText.runs.releaseTitle,
    envText.runs.releaseEffect('23 Nov', '2,114'),
    'Let this run publish? It is held because its numbers look wrong. 2,114 producers of 23 Nov are published, and all accounts concerned are told.',
  ],
  [
    'env/env-run-screen.tsx',
    envText.runs.cancelTitle,
    envText.runs.cancelEffect('23 Nov'),
    'End this run? Nothing of 23 Nov is published, and nobody is told. The day can be run again.',
  ],
  [
    'env/links-screen.tsx',
    envText.links.revokeTitle('Ada'),
    envText.links.revokeEffect,
    'Revoke the link of Ada? It cannot be used any more, and the session made from it ends.',
  ],
  [
    'event/endpoint-card.tsx',
    event.cancelTitle,
    event.cancelEffect('CRM'),
    'Cancel this delivery? 1 waiting delivery to CRM is cancelled: no further attempt is made. It can be replayed later.',
  ],
  [
    'notices/notifications-screen.tsx',
    notices.removeTitle('On call'),
    notices.removeEffect,
    'Remove On call? It is told nothing any more. Others stay.',
  ],
  [
    'producers/job-screen.tsx',
    producerText.jobs.cancelTitle,
    producerText.jobs.cancelEffect(1_500, 20_000),
    'Cancel this change? 1,500 of 20,000 NPNs are done and stay so. The others are left as they are. Afterwards you can take back what was done.',
  ],
  [
    'producers/preview-part.tsx',
    producerText.change.confirmTitle(1_200),
    producerText.change.confirmEffect(1_200, 6_000),
    'Remove 1,200 producers? That is 20% of the 6,000 producers you monitor. You will not be told of them any more.',
  ],
  [
    'replays/replay-screen.tsx',
    replay.cancelTitle,
    replay.cancelEffect(3),
    'Cancel this replay? 3 waiting deliveries will be cancelled, and no more will be made. What was delivered stays delivered.',
  ],
  [
    'settings/members-screen.tsx',
    members.removeTitle('Ada'),
    members.removeEffect,
    'Remove Ada? Their sessions and unused links end at once.',
  ],
  [
    'settings/profile-screen.tsx',
    accountText.settings.everywhereTitle('Ada'),
    accountText.settings.everywhereEffect,
    'Sign Ada out everywhere? Every session of this person ends at once, here and in other browsers. A new link is needed to come in again.',
  ],
]

test('G12: whoever is about to do harm reads what it is done to, and what happens then', () => {
  expect(TABLE.map(([file, asked, effect]) => [file, `${asked} ${effect}`])).toEqual(
    TABLE.map(([file, , , words]) => [file, words]),
  )
})

test('G12: all that ask stand in the table', () => {
  const asking = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.tsx') && !file.startsWith('parts/'))
    .flatMap(
      (file) =>
        readFileSync(join(SOURCES, file), 'utf8')
          .match(ASKS)
          ?.map(() => file) ?? [],
    )
  expect(asking.sort()).toEqual(TABLE.map(([file]) => file).sort())
})

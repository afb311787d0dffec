import type { EnvLook } from '@producersync/server/contract'
import { useRead } from '#src/api/queries.ts'
import { Part } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { useSession } from '#src/session/account.ts'
import { STAFF } from '#src/session/session.ts'
import { LookForm } from '#src/settings/look-form.tsx'
import { envText } from '#src/text-env.ts'

const PATH = '/api/v1/env/look'

/** How the portal looks to all accounts of the environment that set nothing themselves. Source: portal 11. */
export function EnvLookScreen() {
  const session = useSession()
  const view = useRead<EnvLook>(STAFF, PATH)
  const whyNot = session?.staff === 'operator' ? null : envText.operatorOnly
  return (
    <Page title={envText.look.title} lead={envText.look.lead}>
      <Part of={view}>
        {(settings) => (
          <LookForm
            key={settings.updatedAt}
            account={STAFF}
            path={PATH}
            settings={settings}
            whyNot={whyNot}
            nameHint={envText.look.nameHint}
          />
        )}
      </Part>
    </Page>
  )
}

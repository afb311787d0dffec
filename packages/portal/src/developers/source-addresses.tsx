import type { SourceAddresses as Answer } from '@producersync/server/contract'
import { useRead } from '#src/api/queries.ts'
import layout from '#src/look/layout.module.css'
import { CopyText } from '#src/parts/copy.tsx'
import { Part } from '#src/parts/notice.tsx'
import type { Account } from '#src/session/account.ts'
import { accountText } from '#src/text-account.ts'

const words = accountText.developers

/** For the firewall in front of an endpoint. Source: portal S14. */
export function SourceAddresses({ account }: { account: Account }) {
  const view = useRead<Answer>(account.id, '/source-addresses.json')
  return (
    <section className={layout.card} aria-labelledby="source-addresses">
      <div className={layout.cardHead}>
        <h2 id="source-addresses">{words.sourceAddresses}</h2>
      </div>
      <Part of={view} rows={2}>
        {({ addresses }) =>
          addresses === null ? (
            <p>{words.sourceAddressesUnknown}</p>
          ) : (
            <>
              <p>{words.sourceAddressesLead}</p>
              <ul className={layout.tight}>
                {addresses.map((address) => (
                  <li key={address}>
                    <CopyText value={address} name={words.sourceAddresses} />
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Part>
      <p>
        <a href="/docs/source-addresses">{words.sourceAddressesMore}</a>
      </p>
    </section>
  )
}

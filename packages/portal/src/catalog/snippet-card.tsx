import { useState } from 'react'
import { keep, kept } from '#src/look/kept.ts'
import layout from '#src/look/layout.module.css'
import { CopyButton } from '#src/parts/copy.tsx'
import { Tabs } from '#src/parts/tabs.tsx'
import { accountText } from '#src/text-account.ts'
import styles from './snippet-card.module.css'
import { SNIPPETS } from './snippets.ts'

const words = accountText.catalog
const KEY = 'psapi.language'

/** Code that receives an event, in the reader's language, which is remembered. Source: portal G10. */
export function SnippetCard() {
  const [language, setLanguage] = useState(() => kept(KEY))
  const chosen = SNIPPETS.find((one) => one.language === language) ?? SNIPPETS[0]
  return (
    <section className={layout.card} aria-labelledby="code">
      <div className={layout.cardHead}>
        <h2 id="code">{words.code}</h2>
        <CopyButton value={chosen.code} name={words.codeName} />
      </div>
      <div className={layout.stack}>
        <Tabs
          name={words.language}
          chosen={chosen.language}
          onChoose={(next) => {
            setLanguage(next)
            keep(KEY, next)
          }}
          tabs={SNIPPETS.map((one) => ({ id: one.language, label: one.language }))}
        />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and has to by keys too */}
        <pre className={styles.code} tabIndex={0}>
          {chosen.code}
        </pre>
      </div>
    </section>
  )
}

import type { Summary } from '@producersync/server/contract'
import { Link, type LinkProps } from '@tanstack/react-router'
import { Circle, CircleCheck } from 'lucide-react'
import layout from '#src/look/layout.module.css'
import { cx } from '#src/parts/class-names.ts'
import { Icon } from '#src/parts/icon.tsx'
import { plural, text } from '#src/text.ts'
import styles from './home.module.css'

type Steps = Summary['checklist']

const words = text.home.checklist

/** The way to the first real event; each step leads to where it is done. */
export function Checklist({ steps, account }: { steps: Steps; account: string }) {
  const params = { account }
  const links: Readonly<Record<string, LinkProps>> = {
    producers: { to: '/a/$account/producers/change', params, search: { mode: 'add' } },
    endpoint: { to: '/a/$account/endpoints/new', params },
    test_answered: { to: '/a/$account/endpoints', params },
    signature_checked: { to: '/a/$account/endpoints', params },
    first_event: { to: '/a/$account/log', params },
  }
  const left = steps.filter(({ done }) => !done).length
  return (
    <section className={layout.card} aria-labelledby="checklist">
      <div className={layout.cardHead}>
        <h2 id="checklist">{words.title}</h2>
        <span className={layout.muted}>{words.left(plural(left, 'step'))}</span>
      </div>
      <ol className={styles.steps}>
        {steps.map(({ step, done }) => (
          <li key={step} className={cx(styles.step, done && styles.done)}>
            <Icon of={done ? CircleCheck : Circle} />
            <span>
              <Link {...links[step]}>{nameOf(step)}</Link>
              {done && <span className={layout.hidden}>{words.done}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** A step that these pages do not know yet is shown by its name. */
function nameOf(step: string): string {
  return words.steps[step] ?? step
}

import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { Button } from '#src/parts/button.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { text } from '#src/text.ts'
import styles from './other-screens.module.css'

export function NotFoundScreen() {
  return (
    <div className={styles.pad}>
      <Page title={text.notFound.title} lead={text.notFound.body}>
        <p>
          <Link to="/">{text.notFound.home}</Link>
        </p>
      </Page>
    </div>
  )
}

/** A page that needs a right which the role does not have. */
export function ForbiddenScreen({ needed }: { needed: string }) {
  return (
    <Page title={text.forbidden.title} lead={text.forbidden.body(text.capabilities[needed] ?? needed)}>
      {null}
    </Page>
  )
}

export function FailedScreen({ error, reset }: ErrorComponentProps) {
  return (
    <div className={styles.pad}>
      <Page title={text.errors.page}>
        <ErrorNotice error={error} />
        <p>
          <Button onPress={reset}>{text.common.retry}</Button>
        </p>
      </Page>
    </div>
  )
}

import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { Button } from '#src/parts/button.tsx'
import { ErrorNotice, Notice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { Gate } from '#src/session/gate.tsx'
import { text } from '#src/text.ts'

export function NotFoundScreen() {
  return (
    <Gate>
      <Page title={text.notFound.title} lead={text.notFound.body}>
        <p>
          <Link to="/">{text.notFound.home}</Link>
        </p>
      </Page>
    </Gate>
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

/** The same for a part of a page, whose other parts can be gone to. */
export function ForbiddenPart({ needed }: { needed: string }) {
  return (
    <Notice tone="warn" title={text.forbidden.title}>
      {text.forbidden.body(text.capabilities[needed] ?? needed)}
    </Notice>
  )
}

export function FailedScreen({ error, reset }: ErrorComponentProps) {
  return (
    <Gate>
      <Page title={text.errors.page}>
        <ErrorNotice error={error} />
        <p>
          <Button onPress={reset}>{text.common.retry}</Button>
        </p>
      </Page>
    </Gate>
  )
}

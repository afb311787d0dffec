import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ApiError } from '#src/api/request.ts'
import { tellHost } from '#src/embed/host.ts'
import { Button } from '#src/parts/button.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { Page } from '#src/parts/page.tsx'
import { text } from '#src/text.ts'
import { Gate } from './gate.tsx'
import { safeNext, takeKey } from './login-link.ts'
import { signIn } from './session.ts'

/** The key is read from the address once, before anything is drawn, and is gone from there. */
const link = takeKey(location, history)

/** Spends a login link, after a press and not before: what merely opens links must not use them up. */
export function LoginScreen() {
  const navigate = useNavigate()
  const [isGoing, setGoing] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const { key } = link
  useEffect(() => {
    if (key === null) tellHost({ type: 'psapi:session-needed' })
    const listening = new AbortController()
    // another link that is opened in this tab changes the fragment, and no more
    window.addEventListener('hashchange', () => location.reload(), { signal: listening.signal })
    return () => listening.abort()
  }, [])

  async function go() {
    if (key === null) return
    setGoing(true)
    setError(null)
    try {
      const session = await signIn(key, { embed: link.embed })
      const [grant] = session.grants
      const next = safeNext(link.next) ?? (grant ? `/a/${grant.account.id}` : '/env')
      await navigate({ href: next, replace: true })
    } catch (caught) {
      if (caught instanceof ApiError && caught.status === 401) await navigate({ to: '/expired', replace: true })
      else setError(caught)
    } finally {
      setGoing(false)
    }
  }

  return (
    <Gate>
      {key === null ? (
        <Page title={text.login.without} lead={text.login.withoutBody}>
          {null}
        </Page>
      ) : (
        <Page title={text.login.title} lead={text.login.lead}>
          {error != null && <ErrorNotice error={error} />}
          <div>
            <Button kind="primary" onPress={() => void go()} pending={isGoing ? text.login.going : false} autoFocus>
              {text.login.go}
            </Button>
          </div>
        </Page>
      )}
    </Gate>
  )
}

/** The same page whatever is wrong with a link. */
export function ExpiredScreen() {
  useEffect(() => tellHost({ type: 'psapi:session-needed' }), [])
  return (
    <Gate>
      <Page title={text.login.unusable} lead={text.login.unusableBody}>
        {null}
      </Page>
    </Gate>
  )
}

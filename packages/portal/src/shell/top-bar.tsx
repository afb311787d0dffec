import type { SandboxClock } from '@producersync/server/contract'
import { useNavigate } from '@tanstack/react-router'
import { UserRound } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { useRead } from '#src/api/queries.ts'
import { setTheme, type Theme, useTheme } from '#src/look/theme.ts'
import { cx } from '#src/parts/class-names.ts'
import { FailedDialog } from '#src/parts/dialog.tsx'
import { Menu, MenuItem, MenuSection } from '#src/parts/menu.tsx'
import { MenuButton } from '#src/parts/menu-button.tsx'
import { type Account, useSession } from '#src/session/account.ts'
import { signOut } from '#src/session/session.ts'
import { text } from '#src/text.ts'
import { useNow } from '#src/time/now.ts'
import { momentWords, zoneName } from '#src/time/words.ts'
import { browserZone, setZone, useZone, useZoneChoice } from '#src/time/zone.ts'
import styles from './shell.module.css'

/** A clock that is further from the real one than this was moved. */
const CLOCK_OFF_MS = 60_000

export function AccountBadge({ account }: { account: Account }) {
  return account.environment === 'sandbox' ? (
    <SandboxBadge account={account} />
  ) : (
    <Badge words={text.shell.environment.production} />
  )
}

function SandboxBadge({ account }: { account: Account }) {
  const clock = useRead<SandboxClock>(account.id, '/v1/sandbox/clock', {
    everyMs: 60_000,
    isEnabled: account.role !== null, // single capabilities come without a scope of that API
  })
  const zone = useZone()
  const now = clock.kind === 'ready' ? new Date(clock.data.now) : null
  const isMoved = now !== null && Math.abs(now.getTime() - Date.now()) > CLOCK_OFF_MS
  const words = text.shell.environment.sandbox
  return (
    <Badge isSandbox words={words}>
      {isMoved && (
        <>
          <span className={styles.clock}>{text.shell.clockAt}</span>
          {text.shell.clockMoved(momentWords(now, zone, 'day'))}
        </>
      )}
    </Badge>
  )
}

export function Badge({ words, isSandbox, children }: { words: string; isSandbox?: boolean; children?: ReactNode }) {
  return (
    <span className={cx(styles.badge, isSandbox && styles.sandbox)}>
      {words}
      {children}
    </span>
  )
}

export function AccountSwitch({ account }: { account: Account }) {
  const session = useSession()
  const navigate = useNavigate()
  const grants = session?.grants ?? []
  if (grants.length < 2) return <span className={styles.name}>{account.name}</span>
  return (
    <Menu name={text.shell.switchAccount} trigger={<MenuButton isQuiet>{account.name}</MenuButton>}>
      {grants.map(({ account: { id, name } }) => (
        <MenuItem
          key={id}
          id={id}
          isChosen={id === account.id}
          onAction={() => void navigate({ to: '/a/$account', params: { account: id } })}
        >
          {name}
        </MenuItem>
      ))}
    </Menu>
  )
}

export function ZoneSwitch({ settingsOf }: { settingsOf: string | null }) {
  const choice = useZoneChoice()
  const zone = useZone()
  const navigate = useNavigate()
  const now = useNow()
  const named = choice !== 'browser' && choice !== 'UTC' ? choice : null
  return (
    <Menu
      name={text.shell.zone}
      trigger={
        <MenuButton isQuiet keys="u" name={`${text.shell.zone}: ${zoneName(now, zone)}, ${zone}`}>
          {zoneName(now, zone)}
        </MenuButton>
      }
    >
      <MenuItem id="browser" isChosen={choice === 'browser'} onAction={() => setZone('browser')}>
        {text.shell.zoneLocal(browserZone())}
      </MenuItem>
      <MenuItem id="UTC" isChosen={choice === 'UTC'} onAction={() => setZone('UTC')}>
        {'UTC'}
      </MenuItem>
      {named !== null && (
        <MenuItem id={named} isChosen onAction={() => setZone(named)}>
          {named}
        </MenuItem>
      )}
      {settingsOf !== null && (
        <MenuItem
          id="other"
          onAction={() => void navigate({ to: '/a/$account/settings/profile', params: { account: settingsOf } })}
        >
          {text.shell.zoneOther}
        </MenuItem>
      )}
    </Menu>
  )
}

const THEMES: readonly Theme[] = ['system', 'light', 'dark']

export function UserMenu({ onShortcuts }: { onShortcuts: () => void }) {
  const session = useSession()
  const theme = useTheme()
  const [error, setError] = useState<unknown>(null)
  return (
    <>
      <Menu
        name={text.shell.user}
        trigger={<MenuButton isQuiet icon={UserRound} name={session?.person ?? text.shell.user} />}
      >
        <MenuSection title={text.shell.theme}>
          {THEMES.map((one) => (
            <MenuItem key={one} id={one} isChosen={theme === one} onAction={() => setTheme(one)}>
              {text.shell.themes[one]}
            </MenuItem>
          ))}
        </MenuSection>
        <MenuSection title={session?.person ?? text.shell.user}>
          <MenuItem id="shortcuts" keys="?" onAction={onShortcuts}>
            {text.shell.shortcuts}
          </MenuItem>
          <MenuItem id="out" onAction={() => void signOut({ everywhere: false }).catch(setError)}>
            {text.shell.signOut}
          </MenuItem>
        </MenuSection>
      </Menu>
      <FailedDialog title={text.shell.notSignedOut} error={error} onClose={() => setError(null)} />
    </>
  )
}

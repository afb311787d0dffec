import { Link } from '@tanstack/react-router'
import { Menu as MenuIcon } from 'lucide-react'
import { useState } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { useProductName } from '#src/look/account-look.ts'
import { IconButton } from '#src/parts/button.tsx'
import { Icon } from '#src/parts/icon.tsx'
import { text } from '#src/text.ts'
import { Mark } from './mark.tsx'
import type { Place } from './places.ts'
import styles from './shell.module.css'

type Props = { places: readonly (readonly Place[])[]; params: { account?: string }; logo: string | null }

export function Rail(props: Props) {
  return (
    <div className={styles.rail}>
      <Places {...props} />
    </div>
  )
}

/** The same, where there is no room for it: behind a button. */
export function RailSheet(props: Props) {
  const [isOpen, setOpen] = useState(false)
  return (
    <span className={styles.menuButton}>
      <IconButton icon={MenuIcon} name={text.shell.openNav} onPress={() => setOpen(true)} />
      <ModalOverlay className={styles.veil ?? ''} isOpen={isOpen} onOpenChange={setOpen} isDismissable>
        <Modal className={styles.sheet ?? ''}>
          <Dialog aria-label={text.shell.nav} style={{ outline: 'none' }}>
            {/* biome-ignore lint/a11y: a link inside was chosen, by whatever means */}
            <div onClick={() => setOpen(false)}>
              <Places {...props} />
            </div>
          </Dialog>
        </Modal>
      </ModalOverlay>
    </span>
  )
}

function Places({ places, params, logo }: Props) {
  const first = places[0]?.[0]
  const product = useProductName()
  return (
    <>
      {first && (
        <Link to={first.to} params={params} className={styles.brand}>
          {logo === null ? <Mark /> : <img src={logo} alt="" className={styles.logo} />}
          {product}
        </Link>
      )}
      <nav aria-label={text.shell.nav}>
        {places.map((group) => (
          <ul key={group[0]?.to} className={styles.nav}>
            {group.map(({ to, name, icon, key, isExact }) => (
              <li key={to}>
                <Link
                  to={to}
                  params={params}
                  className={styles.item}
                  activeOptions={{ exact: Boolean(isExact), includeSearch: false }}
                  data-tip={key && `g ${key}`}
                  aria-keyshortcuts={key && `g ${key}`}
                >
                  <Icon of={icon} />
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        ))}
      </nav>
    </>
  )
}
